package text

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Stream turns ids into text as they come, never a part of a character. The parts
// together are what Decode makes of all ids, less the special tokens. It is for one
// goroutine.
type Stream struct {
	t     *Tokenizer
	ids   []int32 // what is not told yet, after some that are
	known string  // what the latter decode to
	told  int     // how many they are
}

// Stream starts to decode what follows some ids: spaces between words depend on
// them.
func (t *Tokenizer) Stream(before []int32) *Stream {
	from := max(0, len(before)-streamContext)
	for from > 0 && t.isByte(before[from]) {
		from--
	}
	s := &Stream{t: t, ids: slices.Clone(before[from:])}
	s.told, s.known = len(s.ids), t.Decode(s.ids, true)
	return s
}

// streamContext is more tokens than any decoder looks back over.
const streamContext = 8

// Push takes one id and returns the text that is certain now.
func (s *Stream) Push(id int32) string {
	s.ids = append(s.ids, id)
	now := s.t.Decode(s.ids, true)
	if strings.HasSuffix(now, "\uFFFD") || s.inBytes() {
		return ""
	}
	return s.tell(now)
}

// Flush returns what is left when no more ids follow.
func (s *Stream) Flush() string { return s.tell(s.t.Decode(s.ids, true)) }

// tell returns what now has more than what is known, and forgets the ids that are no
// longer needed.
func (s *Stream) tell(now string) string {
	n := 0
	for n < len(now) && n < len(s.known) && now[n] == s.known[n] {
		n++
	}
	for n > 0 && n < len(now) && !utf8.RuneStart(now[n]) {
		n--
	}
	if fresh := now[n:]; fresh != "" {
		s.ids = slices.Clone(s.ids[s.told:])
		s.told, s.known = len(s.ids), s.t.Decode(s.ids, true)
		return fresh
	}
	return ""
}

// mostBytes is how many tokens that stand for bytes are kept back in the end.
const mostBytes = 32

// inBytes tells whether the last ids are single bytes that a further one could make
// void: sequences of them are text as a whole, or not at all. What models have learned
// is text, so that long ones need not be kept back.
func (s *Stream) inBytes() bool {
	run := 0
	for i := len(s.ids) - 1; i >= s.told; i-- {
		if !s.t.isByte(s.ids[i]) {
			break
		}
		run++
	}
	return run > 0 && run < mostBytes
}

// isByte tells whether an id stands for a byte of a character.
func (t *Tokenizer) isByte(id int32) bool {
	tok, _ := t.Token(id)
	_, ok := byteOf(tok)
	return ok
}
