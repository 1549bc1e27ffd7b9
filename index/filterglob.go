package index

import (
	"bytes"
	"strings"
	"unicode"
)

// A glob is compilePattern's expression for texts of ASCII alone, which nearly all
// names are: all places in the pattern where a match can stand are bits of one
// word, and a byte moves them at once.
type glob struct {
	step, loop [128]uint64 // places that a byte moves on from; that it leaves as they are
	skip, hop  uint64      // places that may be left for the next one, or the one after it
	accept     uint64
	again      func(c byte) bool // whether a match may begin behind c; nil: only at the start
	loose      bool              // a match may end before anything that is no word
}

// maxGlob is how many places there are.
const maxGlob = 63

// newGlob returns nil for a pattern that is too long.
func newGlob(s string, file, exact bool) *glob {
	g := &glob{}
	at := 0
	fold := !exact
	switch {
	case file && !strings.HasPrefix(s, "/"):
		g.again = func(c byte) bool { return c == '/' }
	case !file && !exact:
		g.again, g.loose = func(c byte) bool { return !wordByte[c] }, true
	}
	below := anyByte
	if file {
		below = func(c byte) bool { return c != '/' }
	}
	for s != "" {
		if at+3 > maxGlob {
			return nil
		}
		switch token := globToken(s); {
		case file && s == "/**": // the folder itself too
			g.set(&g.step, at, isSlash)
			g.set(&g.loop, at+1, anyByte)
			g.hop |= 1 << at
			g.skip |= 1 << (at + 1)
			at, s = at+2, ""
		case token == "/**/" || token == "**/":
			if token[0] == '/' {
				g.set(&g.step, at, isSlash)
				at++
			}
			g.skip |= 1 << at
			g.hop |= 1 << at
			g.set(&g.loop, at+1, anyByte)
			g.set(&g.step, at+1, isSlash)
			at, s = at+2, s[len(token):]
		case token != "" && token != "?":
			g.set(&g.loop, at, map[string]func(byte) bool{"*": below, "**": anyByte}[token])
			g.skip |= 1 << at
			at, s = at+1, s[len(token):]
		case token == "?":
			g.set(&g.step, at, below)
			at, s = at+1, s[1:]
		default:
			r := []rune(s)[0]
			g.set(&g.step, at, func(c byte) bool { return rune(c) == r || fold && folds(rune(c), r) })
			at, s = at+1, s[len(string(r)):]
		}
	}
	g.accept = 1 << at
	return g
}

func anyByte(byte) bool   { return true }
func isSlash(c byte) bool { return c == '/' }

// globToken returns what s begins with that is no character of its own, or "".
func globToken(s string) string {
	for _, t := range []string{"/**/", "**/", "**", "*", "?"} {
		if strings.HasPrefix(s, t) {
			return t
		}
	}
	return ""
}

func (g *glob) set(table *[128]uint64, at int, can func(c byte) bool) {
	for c := range byte(128) {
		if can(c) {
			table[c] |= 1 << at
		}
	}
}

// folds says whether two characters are the same but for their case.
func folds(a, b rune) bool {
	for f := unicode.SimpleFold(a); f != a; f = unicode.SimpleFold(f) {
		if f == b {
			return true
		}
	}
	return false
}

// match tries a text of ASCII.
func (g *glob) match(s []byte) bool {
	start := g.rest(1)
	at := start
	for _, c := range s {
		if g.loose && at&g.accept != 0 && !wordByte[c] {
			return true
		}
		at = (at&g.step[c])<<1 | at&g.loop[c]
		if at != 0 {
			at = g.rest(at)
		}
		if g.again != nil && g.again(c) {
			at |= start
		} else if at == 0 && g.again == nil {
			return false
		}
	}
	return at&g.accept != 0
}

// rest adds the places that can be reached without a byte.
func (g *glob) rest(at uint64) uint64 {
	for {
		next := at | (at&g.skip)<<1 | (at&g.hop)<<2
		if next == at {
			return at
		}
		at = next
	}
}

// wordByte are the ASCII letters and digits.
var wordByte = func() (t [128]bool) {
	for c := range t {
		t[c] = !isNoWord(rune(c))
	}
	return t
}()

func isASCII(s []byte) bool {
	for _, c := range s {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// withinASCII is within for a text of ASCII.
func (w wording) withinASCII(s []byte) bool {
	if len(s) == len(w.whole) && lowerPrefix(s, w.whole) {
		return true
	}
	for at := 0; len(w.list) > 0 && at < len(s); {
		if !wordByte[s[at]] {
			at++
			continue
		}
		if w.standsAt(s[at:]) {
			return true
		}
		for at < len(s) && wordByte[s[at]] {
			at++
		}
	}
	return false
}

// standsAt says whether s, which begins with a word, begins with the words.
func (w wording) standsAt(s []byte) bool {
	for i, word := range w.list {
		for i > 0 && len(s) > 0 && !wordByte[s[0]] {
			s = s[1:]
		}
		if len(s) < len(word) || !lowerPrefix(s[:len(word)], word) || len(s) > len(word) && wordByte[s[len(word)]] {
			return false
		}
		s = s[len(word):]
	}
	return true
}

// lowerPrefix says whether lower begins with s in lower case.
func lowerPrefix(s []byte, lower string) bool {
	for i, c := range s {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// textTest returns holdsText, made for many texts.
func (l literal) textTest(op string) func(s []byte) bool {
	slow := func(s []byte) bool { return l.holdsText(op, string(s)) }
	contains := op == opHas || op == opIn
	switch {
	case l.any && (contains || op == opEqual || op == opUnequal):
		return func([]byte) bool { return true }
	case l.pattern != nil && (contains || op == opEqual || op == opUnequal):
		if l.glob == nil {
			return slow
		}
		return func(s []byte) bool {
			if !isASCII(s) {
				return slow(s)
			}
			return l.glob.match(s)
		}
	case contains:
		return func(s []byte) bool {
			if !isASCII(s) {
				return slow(s)
			}
			return l.words.withinASCII(s)
		}
	}
	plain := []byte(l.plain)
	return func(s []byte) bool { return ordered(op, bytes.Compare(s, plain), 0, 0) }
}

// textTest tries a text against all literals of a comparison.
func (c *condition) textTest() func(s []byte) bool {
	if len(c.values) == 1 {
		return c.values[0].textTest(c.op)
	}
	var tests []func([]byte) bool
	for _, l := range c.values {
		tests = append(tests, l.textTest(c.op))
	}
	return func(s []byte) bool {
		for _, t := range tests {
			if t(s) {
				return true
			}
		}
		return false
	}
}
