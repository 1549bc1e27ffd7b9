package vector

import (
	"math/bits"
	"slices"
)

// A Hit is a found row. Score is exact: the inner product or minus the square of
// the distance, in float32.
type Hit struct {
	ID    uint32
	Score float32
}

// before orders hits: by score, equal ones by id.
func before(a, b Hit) bool { return a.Score > b.Score || a.Score == b.Score && a.ID < b.ID }

// hits are the best rows so far, best first.
type hits struct {
	limit int
	list  []Hit
}

// add says whether x was good enough.
func (h *hits) add(x Hit) bool {
	if len(h.list) == h.limit {
		if h.limit == 0 || !before(x, h.list[h.limit-1]) {
			return false
		}
		h.list = h.list[:h.limit-1]
	}
	at, _ := slices.BinarySearchFunc(h.list, x, func(a, b Hit) int {
		if before(a, b) {
			return -1
		}
		return 1
	})
	h.list = slices.Insert(h.list, at, x)
	return true
}

// merge joins two lists of different rows.
func merge(a, b []Hit, limit int) []Hit {
	if len(a) == 0 {
		return b
	}
	top := hits{limit: limit, list: a}
	for _, h := range b {
		top.add(h)
	}
	return top.list
}

func (h *hits) full() bool { return len(h.list) == h.limit }

// last is the worst score that is kept.
func (h *hits) last() float32 { return h.list[len(h.list)-1].Score }

// A Bitmap is a set of ids: bit id%64 of word id/64. Ids past its end are not in it.
type Bitmap []uint64

// Has says whether id is in the set.
func (b Bitmap) Has(id uint32) bool {
	return int(id>>6) < len(b) && b[id>>6]>>(id&63)&1 != 0
}

// Add puts id into the set, which is long enough.
func (b Bitmap) Add(id uint32) { b[id>>6] |= 1 << (id & 63) }

// NewBitmap returns an empty set with room for ids below n.
func NewBitmap(n int) Bitmap { return make(Bitmap, (n+63)/64) }

// Len counts the ids in the set.
func (b Bitmap) Len() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// all is the set of the ids below n.
func all(n int) Bitmap {
	b := NewBitmap(n)
	for i := range b {
		b[i] = ^uint64(0)
	}
	if n%64 != 0 {
		b[len(b)-1] = 1<<(n%64) - 1
	}
	return b
}

func intersect(a, b Bitmap) Bitmap {
	out := make(Bitmap, min(len(a), len(b)))
	for i := range out {
		out[i] = a[i] & b[i]
	}
	return out
}

// without is a less b.
func without(a, b Bitmap) Bitmap {
	out := append(Bitmap(nil), a...)
	for i := range min(len(a), len(b)) {
		out[i] &^= b[i]
	}
	return out
}
