package text

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// addedToken is a token that is found in the text before the model sees it.
type addedToken struct {
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// addedVocab holds the added tokens and finds them, longest first at every place.
type addedVocab struct {
	ids     map[string]int32
	byID    map[int32]addedToken
	special map[string]bool
	decoded map[int32]string // the normalised form of a token whose text the normalizer changes
	raw     tokenFinder      // looked for in the text as given
	normed  tokenFinder      // looked for after normalisation
}

func newAddedVocab() *addedVocab {
	return &addedVocab{ids: map[string]int32{}, byID: map[int32]addedToken{}, special: map[string]bool{}, decoded: map[int32]string{}}
}

// add puts tokens into the vocabulary: known ones keep their id, new ones are counted on.
func (v *addedVocab) add(tokens []addedToken, m tokenModel, n normalizer) {
	next := int32(m.size())
	for id := range v.byID {
		next = max(next, id+1)
	}
	for _, t := range tokens {
		old, known := v.ids[t.Content]
		if t.Content == "" || known && v.byID[old] == t {
			continue
		}
		id, ok := old, known
		if !ok {
			id, ok = m.id(t.Content)
		}
		if !ok {
			id, next = next, next+1
		}
		if t.Normalized && n != nil {
			head := true
			if s := n.normalize(t.Content, &head); s != t.Content {
				v.decoded[id] = s
			}
		}
		v.ids[t.Content], v.byID[id] = id, t
		if t.Special {
			v.special[t.Content] = true
		}
	}
}

// index prepares the search; called once after the last add.
func (v *addedVocab) index() {
	for id, t := range v.byID {
		switch s, changed := v.decoded[id]; {
		case !t.Normalized:
			v.raw.add(t.Content, id)
		case changed:
			v.normed.add(s, id)
		default:
			v.normed.add(t.Content, id)
		}
	}
}

// split cuts p at the tokens that f finds.
func (v *addedVocab) split(p piece, f *tokenFinder, out []piece) []piece {
	s, done := p.text, 0
	for at := 0; ; {
		start, end, id := f.next(s, at)
		if start < 0 {
			break
		}
		at = end
		t := v.byID[id]
		if t.SingleWord && (endsWithWord(s[:start]) || startsWithWord(s[end:])) {
			continue
		}
		if t.LStrip {
			start = max(len(strings.TrimRightFunc(s[:start], isSpace)), done)
		}
		if t.RStrip {
			end = len(s) - len(strings.TrimLeftFunc(s[end:], isSpace))
		}
		if done < start {
			out = append(out, piece{s[done:start], notToken, p.head && done == 0})
		}
		out = append(out, piece{"", id, false})
		done = end
	}
	if done < len(s) {
		out = append(out, piece{s[done:], notToken, p.head && done == 0})
	}
	return out
}

var rustWord = func() *runeSet {
	r, _ := namedRanges("word")
	return newRuneSet(append(flip(r, []rune{0xB2, 0xB3, 0xB9, 0xB9, 0xBC, 0xBE}), 0x200C, 0x200D)) // Oniguruma counts ² ³ ¹ ¼ ½ ¾
}()

func endsWithWord(s string) bool {
	r, n := utf8.DecodeLastRuneInString(s)
	return n > 0 && rustWord.has(r)
}

func startsWithWord(s string) bool {
	r, n := decode(s, 0)
	return n > 0 && rustWord.has(r)
}

// tokenFinder finds the leftmost longest of a set of strings.
type tokenFinder struct {
	ids     map[string]int32
	lengths [256][]int // by first byte, longest first
}

func (f *tokenFinder) add(s string, id int32) {
	if s == "" {
		return
	}
	if f.ids == nil {
		f.ids = map[string]int32{}
	}
	if old, ok := f.ids[s]; !ok || id < old { // two tokens may share a normalised form
		f.ids[s] = id
	}
	l := &f.lengths[s[0]]
	if !slices.Contains(*l, len(s)) {
		*l = append(*l, len(s))
		slices.SortFunc(*l, func(a, b int) int { return b - a })
	}
}

// next returns the first match at or after from; start is -1 if there is none.
func (f *tokenFinder) next(s string, from int) (start, end int, id int32) {
	if len(f.ids) == 0 {
		return -1, -1, 0
	}
	for i := from; i < len(s); i++ {
		for _, n := range f.lengths[s[i]] {
			if i+n <= len(s) {
				if id, ok := f.ids[s[i:i+n]]; ok {
					return i, i + n, id
				}
			}
		}
	}
	return -1, -1, 0
}
