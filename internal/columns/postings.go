package columns

import (
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// many is how many places a value must have for a bitmap of its own to be smaller
// than the list of them.
const many = 512

// Postings are the places below n of each of a number of values.
type Postings struct {
	n     int
	start []uint32 // where the places of a value without a bitmap begin in items
	items []uint32
	large map[uint32]*roaring.Bitmap
}

// NewPostings sorts pairs of a value, below values, and a place, below n. A pair
// may be there twice.
func NewPostings(values, n int, value, place []uint32) *Postings {
	p := &Postings{n: n, start: make([]uint32, values+1), large: map[uint32]*roaring.Bitmap{}}
	for _, v := range value {
		p.start[v+1]++
	}
	for v := range values {
		p.start[v+1] += p.start[v]
	}
	sorted := make([]uint32, len(place))
	next := slices.Clone(p.start)
	for i, v := range value {
		sorted[next[v]] = place[i]
		next[v]++
	}
	var from uint32
	for v := range values {
		list := sorted[from:p.start[v+1]]
		from = p.start[v+1]
		slices.Sort(list)
		p.add(uint32(v), slices.Compact(list))
	}
	p.items = slices.Clip(slices.Clone(p.items))
	return p
}

func (p *Postings) add(v uint32, list []uint32) {
	if len(list) >= many {
		b := roaring.New()
		b.AddMany(list)
		b.RunOptimize()
		p.large[v] = b
	} else {
		p.items = append(p.items, list...)
	}
	p.start[v+1] = uint32(len(p.items))
}

// Len returns the number of values.
func (p *Postings) Len() int { return len(p.start) - 1 }

// Count returns how many places value v has.
func (p *Postings) Count(v int) int {
	if b := p.large[uint32(v)]; b != nil {
		return int(b.GetCardinality())
	}
	return int(p.start[v+1] - p.start[v])
}

// CountIn returns how many of the places are in a set.
func (p *Postings) CountIn(v int, set *roaring.Bitmap) int {
	if b := p.large[uint32(v)]; b != nil {
		return int(b.AndCardinality(set))
	}
	n := 0
	for _, place := range p.items[p.start[v]:p.start[v+1]] {
		if set.Contains(place) {
			n++
		}
	}
	return n
}

// Each calls f for the places of value v, in order.
func (p *Postings) Each(v int, f func(place uint32)) {
	if b := p.large[uint32(v)]; b != nil {
		b.Iterate(func(place uint32) bool { f(place); return true })
		return
	}
	for _, place := range p.items[p.start[v]:p.start[v+1]] {
		f(place)
	}
}

// Of returns the places of all values that f holds for.
func (p *Postings) Of(f func(v int) bool) *roaring.Bitmap {
	out := roaring.New()
	var few []uint32
	for v := range p.Len() {
		if !f(v) {
			continue
		}
		if b := p.large[uint32(v)]; b != nil {
			out.Or(b)
		}
		few = append(few, p.items[p.start[v]:p.start[v+1]]...)
	}
	return p.with(out, few)
}

// Between returns the places of the values from from, to excluded.
func (p *Postings) Between(from, to int) *roaring.Bitmap {
	out := roaring.New()
	if from >= to {
		return out
	}
	if to-from < len(p.large) {
		for v := from; v < to; v++ {
			if b := p.large[uint32(v)]; b != nil {
				out.Or(b)
			}
		}
	} else {
		for v, b := range p.large {
			if int(v) >= from && int(v) < to {
				out.Or(b)
			}
		}
	}
	return p.with(out, p.items[p.start[from]:p.start[to]])
}

// All returns the places of all values.
func (p *Postings) All() *roaring.Bitmap { return p.Between(0, p.Len()) }

// with adds places in any order.
func (p *Postings) with(out *roaring.Bitmap, few []uint32) *roaring.Bitmap {
	if len(few)*16 < p.n {
		out.AddMany(few)
		return out
	}
	words := make([]uint64, (p.n+63)/64)
	for _, place := range few {
		words[place/64] |= 1 << (place % 64)
	}
	out.Or(roaring.FromDense(words, false))
	return out
}

// inOrder are the values with bitmaps.
func (p *Postings) inOrder() []uint32 { return slices.Sorted(maps.Keys(p.large)) }
