package index

import (
	"slices"
	"sort"
)

// column holds all vectors of a space for scanning: slabs of rows in memory
// outside the Go heap. A column is immutable; adding a row makes a new one that
// shares the slabs, which only ever grow at their end.
type column struct {
	dim   int
	slabs []*slab
	n     int // rows
	dead  int // rows of ended ordinals
}

// slabBytes is the size of a slab's vectors; small enough that a small library
// stays small, since pages are only taken when touched.
const slabBytes = 8 << 20

type slab struct {
	vectors []float32 // rows × dim
	ordinal []uint32  // of each row
}

func (c *column) slabRows() int { return max(1, slabBytes/4/c.dim) }

// add returns the column with one more row. Only one goroutine adds.
func (c *column) add(ord uint32, v []float32) (*column, error) {
	next := *c
	per := c.slabRows()
	at := c.n % per
	if at == 0 {
		s, err := newSlab(per, c.dim)
		if err != nil {
			return nil, err
		}
		next.slabs = append(slices.Clip(c.slabs), s)
	}
	s := next.slabs[c.n/per]
	copy(s.vectors[at*c.dim:(at+1)*c.dim], v)
	s.ordinal[at] = ord
	next.n++
	return &next, nil
}

// row returns the i-th vector and its ordinal.
func (c *column) row(i int) ([]float32, uint32) {
	per := c.slabRows()
	s, at := c.slabs[i/per], i%per
	return s.vectors[at*c.dim : (at+1)*c.dim : (at+1)*c.dim], s.ordinal[at]
}

// seek returns the first row from at on of this or a later ordinal: rows are in
// the order of their ordinals.
func (c *column) seek(at int, ord uint32) int {
	step := 1
	for at+step < c.n && c.ordinal(at+step) < ord {
		step *= 2
	}
	return at + sort.Search(min(step+1, c.n-at), func(i int) bool { return c.ordinal(at+i) >= ord })
}

func (c *column) ordinal(i int) uint32 {
	per := c.slabRows()
	return c.slabs[i/per].ordinal[i%per]
}

// compact returns the column without the rows of ended ordinals.
func (c *column) compact(v *view) (*column, error) {
	out := &column{dim: c.dim}
	for i := range c.n {
		vec, ord := c.row(i)
		if v.marks[ord/markChunk][ord%markChunk].ended.Load() != 0 {
			continue
		}
		var err error
		if out, err = out.add(ord, vec); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// load reads the vectors of every space, once. The caller has entered.
func (ix *Index) load() (*view, error) {
	if v := ix.view.Load(); v.columns != nil {
		return v, nil
	}
	ix.write.Lock()
	defer ix.write.Unlock()
	v := ix.view.Load()
	if v.columns != nil {
		return v, nil
	}
	next := v.clone()
	next.columns = map[string]*column{}
	for _, s := range v.schema {
		c, err := ix.loadColumn(s)
		if err != nil {
			return nil, err
		}
		next.columns[s.Name] = c
	}
	ix.view.Store(next)
	return next, nil
}

func (ix *Index) loadColumn(s Space) (*column, error) {
	c := &column{dim: s.Dim}
	prefix := spacePrefix(s.Name)
	vec := make([]float32, s.Dim)
	err := ix.each(prefix, func(key, value []byte) error {
		if len(key) != len(prefix)+6 || !decodeVector(vec, value) {
			return errDamagedVector
		}
		var err error
		c, err = c.add(ordinalAt(key, len(prefix)), vec)
		return err
	})
	return c, err
}
