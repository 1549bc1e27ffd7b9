package text

import (
	"container/heap"
	"fmt"
	"sync"
	"unicode/utf8"
)

// tokenModel turns one word into ids. Implementations are immutable.
type tokenModel interface {
	tokenize(word string, out []int32) []int32
	id(token string) (int32, bool)
	token(id int32) (string, bool)
	size() int
}

// vocabulary is both directions of a token table.
type vocabulary struct {
	ids    map[string]int32
	tokens map[int32]string
}

func newVocabulary(ids map[string]int32) vocabulary {
	v := vocabulary{ids, make(map[int32]string, len(ids))}
	for t, id := range ids {
		if old, ok := v.tokens[id]; !ok || t < old { // two tokens with one id: the choice must not depend on map order
			v.tokens[id] = t
		}
	}
	return v
}

func (v vocabulary) id(t string) (int32, bool)     { id, ok := v.ids[t]; return id, ok }
func (v vocabulary) token(id int32) (string, bool) { t, ok := v.tokens[id]; return t, ok }
func (v vocabulary) size() int                     { return len(v.ids) }

// modelSpec is what a folder says about its model.
type modelSpec struct {
	kind                                string // BPE, WordPiece, WordLevel, Unigram
	vocab                               map[string]int32
	pieces                              []unigramPiece // Unigram
	merges                              [][2]string
	unk                                 string // "" none
	unkID                               int    // Unigram; -1 none
	prefix, suffix                      string
	fuseUnk, byteFallback, ignoreMerges bool
	maxChars                            int // WordPiece: longer words are unknown
}

func (m *modelSpec) build() (tokenModel, error) {
	switch m.kind {
	case "BPE":
		return newBPE(m)
	case "WordPiece":
		return newWordPiece(m)
	case "WordLevel":
		return newWordLevel(m)
	case "Unigram":
		return newUnigram(m)
	}
	return nil, fmt.Errorf("model %q is not supported; supported are BPE, WordPiece, WordLevel and Unigram", m.kind)
}

// bpe merges neighbouring symbols, best rank first, leftmost first among equals.
type bpe struct {
	vocabulary
	merges         map[uint64]bpeMerge
	unk            int32 // notToken: unknown characters are dropped
	bytes          [256]int32
	byteFallback   bool // every byte token that is needed exists
	fuseUnk        bool
	ignoreMerges   bool
	prefix, suffix string
	first          map[rune]int32 // characters that are tokens as they stand

	mu    sync.RWMutex
	words map[string][]int32 // bounded memory of words seen
}

type bpeMerge struct{ rank, id int32 }

const (
	maxCachedWords   = 20_000
	maxCachedWordLen = 64
)

func pairKey(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

func newBPE(m *modelSpec) (*bpe, error) {
	t := &bpe{vocabulary: newVocabulary(m.vocab), merges: make(map[uint64]bpeMerge, len(m.merges)), unk: notToken,
		byteFallback: m.byteFallback, fuseUnk: m.fuseUnk, ignoreMerges: m.ignoreMerges, prefix: m.prefix, suffix: m.suffix,
		first: map[rune]int32{}, words: map[string][]int32{}}
	for i, p := range m.merges {
		a, okA := t.ids[p[0]]
		b, okB := t.ids[p[1]]
		if !okA || !okB || len(p[1]) < len(m.prefix) {
			return nil, fmt.Errorf("merge %d (%q, %q) is of tokens that are not in the vocabulary", i, p[0], p[1])
		}
		id, ok := t.ids[p[0]+p[1][len(m.prefix):]]
		if !ok {
			return nil, fmt.Errorf("merge %d makes %q, which is not in the vocabulary", i, p[0]+p[1][len(m.prefix):])
		}
		t.merges[pairKey(a, b)] = bpeMerge{int32(i), id}
	}
	if id, ok := t.ids[m.unk]; ok && m.unk != "" {
		t.unk = id
	}
	for b := range t.bytes {
		t.bytes[b] = notToken
		if id, ok := t.ids[fmt.Sprintf("<0x%02X>", b)]; ok {
			t.bytes[b] = id
		}
	}
	for tok, id := range t.ids {
		if r, n := utf8.DecodeRuneInString(tok); n == len(tok) && n > 0 {
			t.first[r] = id
		}
	}
	return t, nil
}

func (t *bpe) tokenize(word string, out []int32) []int32 {
	if word == "" {
		return out
	}
	if t.ignoreMerges {
		if id, ok := t.ids[word]; ok {
			return append(out, id)
		}
	}
	if len(word) > maxCachedWordLen {
		return t.merge(word, out)
	}
	t.mu.RLock()
	ids, ok := t.words[word]
	t.mu.RUnlock()
	if ok {
		return append(out, ids...)
	}
	start := len(out)
	out = t.merge(word, out)
	t.mu.Lock()
	if len(t.words) < maxCachedWords {
		t.words[string([]byte(word))] = append([]int32(nil), out[start:]...)
	}
	t.mu.Unlock()
	return out
}

// symbols looks up the characters of a word.
func (t *bpe) symbols(word string) []int32 {
	syms := make([]int32, 0, len(word))
	pending := notToken // an unknown stretch that may still grow
	for i := 0; i < len(word); {
		r, n := decode(word, i)
		id, ok := t.symbol(word, i, n, r)
		switch {
		case ok:
			if pending != notToken {
				syms, pending = append(syms, pending), notToken
			}
			syms = append(syms, id)
		case t.byteFallback && t.hasBytes(t.dressed(word, i, n)):
			for _, b := range []byte(t.dressed(word, i, n)) {
				syms = append(syms, t.bytes[b])
			}
		default:
			if pending != notToken && !t.fuseUnk {
				syms = append(syms, pending)
			}
			pending = t.unk
		}
		i += n
	}
	if pending != notToken {
		syms = append(syms, pending)
	}
	return syms
}

// dressed is a character with the prefix and suffix that its place in the word asks for.
func (t *bpe) dressed(word string, i, n int) string {
	s := word[i : i+n]
	if i > 0 {
		s = t.prefix + s
	}
	if i+n == len(word) {
		s += t.suffix
	}
	return s
}

func (t *bpe) symbol(word string, i, n int, r rune) (int32, bool) {
	if (i == 0 || t.prefix == "") && (t.suffix == "" || i+n < len(word)) {
		id, ok := t.first[r]
		return id, ok
	}
	id, ok := t.ids[t.dressed(word, i, n)]
	return id, ok
}

func (t *bpe) hasBytes(s string) bool {
	for i := range len(s) {
		if t.bytes[s[i]] == notToken {
			return false
		}
	}
	return true
}

func (t *bpe) merge(word string, out []int32) []int32 {
	syms := t.symbols(word)
	if len(syms) > 32 {
		return t.mergeLong(syms, out)
	}
	for {
		best, at := bpeMerge{rank: 1<<31 - 1}, -1
		for i := 0; i+1 < len(syms); i++ {
			if m, ok := t.merges[pairKey(syms[i], syms[i+1])]; ok && m.rank < best.rank {
				best, at = m, i
			}
		}
		if at < 0 {
			return append(out, syms...)
		}
		syms[at] = best.id
		syms = append(syms[:at+1], syms[at+2:]...)
	}
}

// mergeHeap holds candidate merges of a long word, best first.
type mergeHeap []mergeAt

type mergeAt struct {
	bpeMerge
	at int
}

func (h mergeHeap) Len() int { return len(h) }
func (h mergeHeap) Less(i, j int) bool {
	return h[i].rank < h[j].rank || h[i].rank == h[j].rank && h[i].at < h[j].at
}
func (h mergeHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *mergeHeap) Push(x any)   { *h = append(*h, x.(mergeAt)) }
func (h *mergeHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// mergeLong is merge over a linked list with a heap: n log n.
func (t *bpe) mergeLong(syms []int32, out []int32) []int32 {
	next, prev := make([]int, len(syms)), make([]int, len(syms))
	var h mergeHeap
	offer := func(i int) {
		if i >= 0 && next[i] < len(syms) {
			if m, ok := t.merges[pairKey(syms[i], syms[next[i]])]; ok {
				heap.Push(&h, mergeAt{m, i})
			}
		}
	}
	for i := range syms {
		next[i], prev[i] = i+1, i-1
	}
	for i := range syms {
		offer(i)
	}
	for len(h) > 0 {
		c := heap.Pop(&h).(mergeAt)
		j := len(syms)
		if syms[c.at] != notToken {
			j = next[c.at]
		}
		if j >= len(syms) {
			continue
		}
		if m, ok := t.merges[pairKey(syms[c.at], syms[j])]; !ok || m.id != c.id {
			continue // an entry from before a neighbour was merged
		}
		syms[c.at], syms[j] = c.id, notToken
		if next[c.at] = next[j]; next[j] < len(syms) {
			prev[next[j]] = c.at
		}
		offer(prev[c.at])
		offer(c.at)
	}
	for i := 0; i < len(syms); i = next[i] {
		out = append(out, syms[i])
	}
	return out
}
