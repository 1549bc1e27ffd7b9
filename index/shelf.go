package index

import (
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/emblem-search/emblem/internal/vector"
)

// shelf is the vectors of a space in one view: rows 0 to n−1, in the order in which
// they came. The first of them are in the stock's codes and graph, the others in the
// tail alone. Rows of one document lie together. A row keeps its number until the
// stock is replaced.
type shelf struct {
	*stock
	n       int
	ordered bool // ordinals never fall from row to row
	tail    tail
	ordinal table // by row
	first   table // by ordinal: its first row + 1, or 0
}

// stock is what the views of a space share.
type stock struct {
	space Space
	rows  *rows
	graph atomic.Pointer[vector.Graph] // nil while there are few rows

	stored // of the background alone
}

func newShelf(ix *Index, s Space) *shelf {
	return &shelf{stock: &stock{space: s, rows: newRows(ix, s), stored: stored{dead: roaring.New()}}, ordered: true, tail: tail{dim: s.Dim}}
}

// metric is the space's metric as the core knows it; cosines are inner products of
// vectors of length 1.
func (s Space) metric() vector.Metric {
	if s.Metric == L2 {
		return vector.L2
	}
	return vector.Dot
}

// add returns the shelf with more rows. Nothing of s changes but the memory past its
// end; next is the next ordinal. The new rows can be found once settle was called.
func (s *shelf) add(added []row, next uint32) (*shelf, error) {
	n := s.n + len(added)
	t, err := s.tail.reserve(n)
	if err != nil {
		return nil, err
	}
	out := *s
	out.tail, out.n = t, n
	out.ordinal, out.first = s.ordinal.cover(n), s.first.cover(int(next))
	for i, r := range added {
		at := s.n + i
		copy(t.row(at), r.vector)
		out.ordinal.set(uint32(at), r.ord)
		out.ordered = out.ordered && (at == 0 || out.ordinal.at(uint32(at-1)) <= r.ord)
	}
	return &out, nil
}

// settle lets rows from from on be found by their documents, and by row.
func (s *shelf) settle(from int) {
	for i := from; i < s.n; i++ {
		ord := s.ordinal.at(uint32(i))
		if i == from || s.ordinal.at(uint32(i-1)) != ord {
			s.first.set(ord, uint32(i)+1)
		}
	}
	s.place(func(*rowState) {})
}

// place tells the stock where rows are. The caller holds the write lock, or nobody
// else has the stock.
func (s *shelf) place(change func(*rowState)) {
	next := *s.rows.state.Load()
	next.tail, next.ordinal, next.first = s.tail, s.ordinal, s.first
	change(&next)
	next.slots = next.slots.cover(next.tail.from >> s.rows.shift)
	s.rows.state.Store(&next)
}

// cut returns the shelf whose tail begins with a later row; it may begin a little
// before it.
func (s *shelf) cut(from int) *shelf {
	from = s.rows.whole(from)
	if from <= s.tail.from {
		return s
	}
	out := *s
	out.tail = s.tail.cut(from)
	out.place(func(*rowState) {})
	return &out
}

// each calls f for every row of a document.
func (s *shelf) each(ord uint32, f func(row uint32)) {
	first := s.first.at(ord)
	if first == 0 {
		return
	}
	for row := first - 1; int(row) < s.n && s.ordinal.at(row) == ord; row++ {
		f(row)
	}
}

// has says whether a document has a vector here.
func (s *shelf) has(ord uint32) bool { f := s.first.at(ord); return f != 0 && int(f) <= s.n }

// linked is the number of rows that the graph's searches see.
func (s *stock) linked() int {
	if g := s.graph.Load(); g != nil {
		return g.Len()
	}
	return 0
}
