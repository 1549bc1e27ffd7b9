package index

import "slices"

// slabBytes is the size of a slab's vectors; small enough that a small library
// stays small, since pages are only taken when touched.
const slabBytes = 8 << 20

type slab struct {
	vectors []float32 // rows × dim
}

// tail is the last rows of a space, as they are stored, in memory outside the Go
// heap. A tail is immutable but for the rows past those that a view sees: slabs are
// shared and filled at their end.
type tail struct {
	dim   int
	from  int     // the first row
	slabs []*slab // the first has row from
}

// per is the number of rows of a slab.
func (t tail) per() int { return max(1, slabBytes/4/t.dim) }

// row returns the vector of a row from from on, for which there is room.
func (t tail) row(i int) []float32 {
	per := t.per()
	at := i % per * t.dim
	return t.slabs[i/per-t.from/per].vectors[at : at+t.dim : at+t.dim]
}

// reserve returns the tail with room for the rows below n.
func (t tail) reserve(n int) (tail, error) {
	per := t.per()
	for (t.from/per+len(t.slabs))*per < n {
		s, err := newSlab(per, t.dim)
		if err != nil {
			return t, err
		}
		t.slabs = append(slices.Clip(t.slabs), s)
	}
	return t, nil
}

// cut returns the tail without the rows before from.
func (t tail) cut(from int) tail {
	per := t.per()
	drop := min(from/per-t.from/per, len(t.slabs))
	t.slabs, t.from = t.slabs[drop:], from
	return t
}
