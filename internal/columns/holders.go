package columns

import (
	"math/bits"

	"github.com/RoaringBitmap/roaring/v2"
)

// Holders are those of n places that have an entry in a list with entries for
// them only, in their order. A nil Set means all.
type Holders struct {
	N   int
	Set *roaring.Bitmap
}

// NewHolders takes a set of places below n.
func NewHolders(n int, set *roaring.Bitmap) Holders {
	if set.GetCardinality() == uint64(n) {
		return Holders{N: n}
	}
	set.RunOptimize()
	return Holders{n, set}
}

// Len returns the number of entries.
func (h Holders) Len() int {
	if h.Set == nil {
		return h.N
	}
	return int(h.Set.GetCardinality())
}

// Bitmap returns the places. The caller must not change it.
func (h Holders) Bitmap() *roaring.Bitmap {
	if h.Set != nil {
		return h.Set
	}
	all := roaring.New()
	all.AddRange(0, uint64(h.N))
	return all
}

// Index returns the entry of a place.
func (h Holders) Index(place uint32) (int, bool) {
	if h.Set == nil {
		return int(place), int(place) < h.N
	}
	if !h.Set.Contains(place) {
		return 0, false
	}
	return int(h.Set.Rank(place)) - 1, true
}

// Each calls f for every entry and its place.
func (h Holders) Each(f func(i int, place uint32)) {
	if h.Set == nil {
		for i := range h.N {
			f(i, uint32(i))
		}
		return
	}
	var buf [512]uint32
	it, i := h.Set.ManyIterator(), 0
	for {
		n := it.NextMany(buf[:])
		for _, place := range buf[:n] {
			f(i, place)
			i++
		}
		if n < len(buf) {
			return
		}
	}
}

// Places returns the places of the entries whose bits are set in words, which it
// uses up.
func (h Holders) Places(words []uint64) *roaring.Bitmap {
	if h.Set == nil {
		return roaring.FromDense(words, false)
	}
	out := make([]uint64, (h.N+63)/64)
	var buf [64]uint32
	it := h.Set.ManyIterator()
	for _, word := range words {
		it.NextMany(buf[:])
		for ; word != 0; word &= word - 1 {
			place := buf[bits.TrailingZeros64(word)]
			out[place/64] |= 1 << (place % 64)
		}
	}
	return roaring.FromDense(out, false)
}
