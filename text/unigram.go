package text

import (
	"fmt"
	"math"
	"sort"
)

type unigramPiece struct {
	text  string
	score float64
}

// unigram finds the segmentation with the highest sum of scores.
type unigram struct {
	pieces       []unigramPiece
	ids          map[string]int32 // the last of equal pieces
	sorted       []int32          // ids by text, for prefix search
	byFirst      [257]int32       // where each first byte begins in sorted
	unk          int32            // notToken: none
	unkScore     float64
	byteFallback bool
}

const unkPenalty = 10.0

func newUnigram(m *modelSpec) (*unigram, error) {
	if len(m.pieces) == 0 || m.unkID >= len(m.pieces) {
		return nil, fmt.Errorf("model Unigram: unk_id %d is not in the vocabulary of %d", m.unkID, len(m.pieces))
	}
	if m.unkID < 0 {
		return nil, fmt.Errorf("model Unigram: unk_id is missing")
	}
	t := &unigram{pieces: m.pieces, ids: make(map[string]int32, len(m.pieces)), unk: int32(m.unkID), byteFallback: m.byteFallback}
	lowest := math.Inf(1)
	for i, p := range m.pieces {
		t.ids[p.text] = int32(i)
		lowest = min(lowest, p.score)
	}
	t.unkScore = lowest - unkPenalty
	for text, id := range t.ids {
		if text != "" {
			t.sorted = append(t.sorted, id)
		}
	}
	t.index()
	return t, nil
}

func (t *unigram) index() {
	sort.Slice(t.sorted, func(i, j int) bool { return t.pieces[t.sorted[i]].text < t.pieces[t.sorted[j]].text })
	b := 0
	for i, id := range t.sorted {
		for c := int(t.pieces[id].text[0]); b <= c; b++ {
			t.byFirst[b] = int32(i)
		}
	}
	for ; b <= 256; b++ {
		t.byFirst[b] = int32(len(t.sorted))
	}
}

func (t *unigram) id(s string) (int32, bool) { id, ok := t.ids[s]; return id, ok }
func (t *unigram) size() int                 { return len(t.pieces) }
func (t *unigram) token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(t.pieces) {
		return "", false
	}
	return t.pieces[id].text, true
}

// prefixes calls found with every piece that s starts with, shortest first.
func (t *unigram) prefixes(s string, found func(id int32, length int)) {
	if s == "" {
		return
	}
	lo, hi := int(t.byFirst[s[0]]), int(t.byFirst[int(s[0])+1])
	for n := 1; lo < hi; n++ {
		if id := t.sorted[lo]; len(t.pieces[id].text) == n {
			found(id, n)
			lo++
		}
		if n == len(s) {
			return
		}
		c := s[n]
		at := func(i int) byte { return t.pieces[t.sorted[i]].text[n] }
		if lo < hi && at(lo) != c {
			lo += sort.Search(hi-lo, func(i int) bool { return at(lo+i) >= c })
		}
		if lo < hi && at(hi-1) != c {
			hi = lo + sort.Search(hi-lo, func(i int) bool { return at(lo+i) > c })
		}
	}
}

// bestNode is the best segmentation that ends at a byte.
type bestNode struct {
	score float64
	start int // -1: none yet
	id    int32
}

// viterbi fills the best node of every position.
func (t *unigram) viterbi(s string) []bestNode {
	best := make([]bestNode, len(s)+1)
	for i := range best {
		best[i].start = -1
	}
	offer := func(start, end int, id int32, score float64) {
		if n := &best[end]; n.start < 0 || score > n.score {
			*n = bestNode{score, start, id}
		}
	}
	for at := 0; at < len(s); {
		_, size := decode(s, at)
		here, single := best[at].score, false
		t.prefixes(s[at:], func(id int32, n int) {
			offer(at, at+n, id, t.pieces[id].score+here)
			single = single || n == size
		})
		if !single {
			offer(at, at+size, t.unk, t.unkScore+here)
		}
		at += size
	}
	return best
}

func (t *unigram) tokenize(s string, out []int32) []int32 {
	if s == "" {
		return out
	}
	best := t.viterbi(s)
	var ends []int // of the parts, last first; neighbouring unknowns are one part
	for end, inUnk := len(s), false; end > 0; end = best[end].start {
		unk := best[end].id == t.unk
		if !unk || !inUnk {
			ends = append(ends, end)
		}
		inUnk = unk
	}
	start := 0
	for i := len(ends) - 1; i >= 0; i-- {
		out = t.part(s[start:ends[i]], out)
		start = ends[i]
	}
	return out
}

func (t *unigram) part(s string, out []int32) []int32 {
	if id, ok := t.ids[s]; ok {
		return append(out, id)
	}
	if t.byteFallback {
		n := len(out)
		for i := 0; i < len(s); i++ {
			id, ok := t.ids[fmt.Sprintf("<0x%02X>", s[i])]
			if !ok {
				return append(out[:n], t.unk)
			}
			out = append(out, id)
		}
		return out
	}
	return append(out, t.unk)
}
