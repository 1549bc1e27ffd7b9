package text

import (
	"fmt"
	"unicode/utf8"
)

// wordPiece takes the longest token at every place of a word; a word that cannot be covered is unknown as a whole.
type wordPiece struct {
	vocabulary
	unk      int32
	prefix   string
	maxChars int
	longest  int // bytes of the longest token
}

func newWordPiece(m *modelSpec) (*wordPiece, error) {
	t := &wordPiece{vocabulary: newVocabulary(m.vocab), prefix: m.prefix, maxChars: m.maxChars}
	id, ok := t.ids[m.unk]
	if !ok {
		return nil, fmt.Errorf("model WordPiece: unk_token %q is not in the vocabulary", m.unk)
	}
	t.unk = id
	for tok := range t.ids {
		t.longest = max(t.longest, len(tok))
	}
	return t, nil
}

func (t *wordPiece) tokenize(word string, out []int32) []int32 {
	if utf8.RuneCountInString(word) > t.maxChars {
		return append(out, t.unk)
	}
	start := len(out)
	for at := 0; at < len(word); {
		id, end := t.longestAt(word, at)
		if end == at {
			return append(out[:start], t.unk)
		}
		out, at = append(out, id), end
	}
	return out
}

func (t *wordPiece) longestAt(word string, at int) (int32, int) {
	for end := len(word); end > at; {
		s := word[at:end]
		if at > 0 {
			s = t.prefix + s
		}
		if len(s) <= t.longest {
			if id, ok := t.ids[s]; ok {
				return id, end
			}
		}
		_, n := utf8.DecodeLastRuneInString(word[at:end])
		end -= n
	}
	return 0, at
}

// wordLevel knows whole words only.
type wordLevel struct {
	vocabulary
	unk int32
}

func newWordLevel(m *modelSpec) (*wordLevel, error) {
	t := &wordLevel{vocabulary: newVocabulary(m.vocab)}
	id, ok := t.ids[m.unk]
	if !ok {
		return nil, fmt.Errorf("model WordLevel: unk_token %q is not in the vocabulary", m.unk)
	}
	t.unk = id
	return t, nil
}

func (t *wordLevel) tokenize(word string, out []int32) []int32 {
	if id, ok := t.ids[word]; ok {
		return append(out, id)
	}
	return append(out, t.unk)
}
