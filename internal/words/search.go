package words

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// A Change is what is known beyond the files: for the ordinals in Changed only Now
// counts, the terms of those of them that are there. The zero value means no change.
type Change struct {
	Changed *roaring.Bitmap
	Now     []*Terms

	// From, if not 0, is the first ordinal that does not count.
	From uint32

	// More, if not nil, yields further ones of Now, some at a time. It may be called
	// twice.
	More func(yield func([]*Terms) error) error
}

// Found is the answer to a search.
type Found struct {
	Matches []Match // the best, best first
	Total   int     // documents that match and were wanted
	Relaxed bool    // no document had all words, so function words were dropped
}

// A Wanted says which of the documents that match are returned.
type Wanted struct {
	Limit int
	Keep  func(ordinal uint32) bool // nil means all
	Begin func()                    // if not nil, called before Each, again if a search begins anew
	Each  func(Match)               // if not nil, sees all that are kept, in no order
}

// A View is the files of an index at one moment. It is to be closed. A nil View has no
// files.
type View struct {
	x  *Index
	st *state
}

// View returns the files as they are.
func (x *Index) View() *View { return &View{x, x.hold()} }

// Close lets the files go.
func (v *View) Close() {
	if v != nil {
		v.x.release(v.st)
	}
}

// Search finds the documents that match a query, as if the files and c were one. It fails
// with an ErrDamaged if a file is not what it was.
func (v *View) Search(ctx context.Context, q Query, c Change, w Wanted) (Found, error) {
	if q.Empty() {
		return Found{}, nil
	}
	found, err := v.once(ctx, q, c, w)
	if err != nil || found.matched > 0 {
		return found.Found, err
	}
	q.clauses = slices.Clone(q.clauses)
	if !q.loosen() {
		return found.Found, nil
	}
	found, err = v.once(ctx, q, c, w)
	found.Relaxed = true
	return found.Found, err
}

// counted is a Found and the number of documents that match, wanted or not.
type counted struct {
	Found
	matched int
}

func (v *View) once(ctx context.Context, q Query, c Change, w Wanted) (counted, error) {
	t := newTable(len(q.clauses))
	err := guard(func() error {
		switch {
		case v == nil:
			return nil
		case v.st.closed:
			return errClosed
		}
		return t.files(ctx, v.st, q, c)
	})
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrDamaged) {
		// Nothing but the files' bytes can be at fault: bleve's readers stumbled.
		err = fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	hear := func(list []*Terms) error { return t.memory(ctx, q, list) }
	if err == nil {
		err = hear(c.Now)
	}
	if err == nil && c.More != nil {
		err = c.More(hear)
	}
	if err != nil {
		return counted{}, err
	}
	return t.rank(w), nil
}

// table has a row for each document that all wanted clauses are heard in.
type table struct {
	clauses int
	all     int   // documents
	some    []int // documents that each clause is heard in
	ords    []uint32
	heard   []float64 // clauses a document
}

func newTable(clauses int) *table { return &table{clauses: clauses, some: make([]int, clauses)} }

var hearings = sync.Pool{New: func() any { return new(hearing) }}

// files adds the documents of a state, but for those that changed since.
func (t *table) files(ctx context.Context, st *state, q Query, c Change) error {
	h := hearings.Get().(*hearing) // not given back after a panic
	h.ctx = ctx
	for _, s := range st.segments {
		hidden, err := s.hidden(c)
		if err != nil {
			return err
		}
		if err := t.segment(h, s, hidden, q); err != nil {
			h.take()
			return err
		}
	}
	h.ctx, h.posts = nil, nil
	hearings.Put(h)
	return nil
}

// hidden are the numbers of the documents that do not count.
func (s *segment) hidden(c Change) (*roaring.Bitmap, error) {
	hidden := s.gone
	if c.Changed != nil && !c.Changed.IsEmpty() {
		numbers, err := s.numbersOf(c.Changed)
		if err != nil {
			return nil, err
		}
		hidden = roaring.Or(hidden, numbers)
	}
	if c.From > 0 && s.highest >= c.From {
		later := roaring.New()
		for at, ord := range s.ords {
			if ord >= c.From {
				later.Add(uint32(at))
			}
		}
		hidden = roaring.Or(hidden, later)
	}
	return hidden, nil
}

func (t *table) segment(h *hearing, s *segment, hidden *roaring.Bitmap, q Query) error {
	h.grow(len(s.ords))
	t.all += len(s.ords) - int(hidden.GetCardinality())
	lists := make([][]heardIn, len(q.clauses))
	for i := range q.clauses {
		if err := h.hear(s, hidden, &q.clauses[i]); err != nil {
			return err
		}
		lists[i] = h.take()
		t.some[i] += len(lists[i])
	}
	t.join(s.ords, lists, q)
	return nil
}

// join adds the documents that are in the lists of all wanted clauses.
func (t *table) join(ords []uint32, lists [][]heardIn, q Query) {
	shortest := -1
	for i := range lists {
		if !q.clauses[i].optional && (shortest < 0 || len(lists[i]) < len(lists[shortest])) {
			shortest = i
		}
	}
	row, at := make([]float64, len(lists)), make([]int, len(lists))
next:
	for _, in := range lists[shortest] {
		for i, list := range lists {
			for at[i] < len(list) && list[at[i]].doc < in.doc {
				at[i]++
			}
			row[i] = 0
			if at[i] < len(list) && list[at[i]].doc == in.doc {
				row[i] = list[at[i]].x
			} else if !q.clauses[i].optional {
				continue next
			}
		}
		t.ords = append(t.ords, ords[in.doc])
		t.heard = append(t.heard, row...)
	}
}

// heedDocs is how many documents in memory are tried between two looks at the context.
const heedDocs = 256

// memory adds documents in memory.
func (t *table) memory(ctx context.Context, q Query, list []*Terms) error {
	row := make([]float64, t.clauses)
	t.all += len(list)
	for n, d := range list {
		if n%heedDocs == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		whole := true
		for i := range q.clauses {
			row[i] = q.clauses[i].in(d)
			if row[i] > 0 {
				t.some[i]++
			} else if !q.clauses[i].optional {
				whole = false
			}
		}
		if whole {
			t.ords = append(t.ords, d.ord)
			t.heard = append(t.heard, row...)
		}
	}
	return nil
}

// rank scores the documents and keeps the best that are wanted.
func (t *table) rank(w Wanted) counted {
	rare := make([]float64, t.clauses)
	for i, n := range t.some {
		rare[i] = rarity(n, t.all)
	}
	out := counted{matched: len(t.ords)}
	if w.Begin != nil {
		w.Begin()
	}
	for at, ord := range t.ords {
		if w.Keep != nil && !w.Keep(ord) {
			continue
		}
		m := Match{Ordinal: ord}
		for i, x := range t.heard[at*t.clauses : (at+1)*t.clauses] {
			m.Score += rare[i] * saturate(x)
		}
		out.Total++
		out.Matches = append(out.Matches, m)
		if len(out.Matches) >= 2*w.Limit+prune {
			out.Matches = best(out.Matches, w.Limit)
		}
		if w.Each != nil {
			w.Each(m)
		}
	}
	out.Matches = best(out.Matches, w.Limit)
	return out
}

// prune is how many matches more than twice the limit are sorted at once.
const prune = 1024

func best(list []Match, limit int) []Match {
	slices.SortFunc(list, better)
	return list[:min(limit, len(list))]
}
