package index

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/emblem-search/emblem/internal/vector"
)

// nearest returns the best documents of a view that pass the query's filter and its
// Keep, best first, equal scores by ordinal. They are those of the view's sequence,
// whatever is written meanwhile; what they hold now has to be read by the caller. A
// view that is asked for a filter has facts.
func (ix *Index) nearest(ctx context.Context, v *view, q Query) ([]scored, Found, error) {
	s, ok := v.space(q.Space)
	if !ok {
		return nil, Found{}, fmt.Errorf("index: no space %q", q.Space)
	}
	if !(q.MinRecall >= 0 && q.MinRecall <= 1) {
		return nil, Found{}, fmt.Errorf("index: a recall of %v; give 0 to 1", q.MinRecall)
	}
	vec, err := s.prepare(q.Vector)
	if err != nil {
		return nil, Found{}, err
	}
	if q.Limit == 0 {
		q.Limit = 10
	}
	out := Found{Seq: v.seq, Plan: PlanExact, Expected: 1}
	if q.Limit < 0 {
		return nil, out, nil
	}
	leave := ix.crowd.enter()
	defer leave()
	l := look{ix: ix, ctx: ctx, v: v, space: s, vector: vec, query: q, shelf: v.shelves[s.Name], out: &out}
	found, err := l.find()
	runtime.KeepAlive(v)
	return found, out, err
}

// look is one search of one space.
type look struct {
	ix     *Index
	ctx    context.Context
	v      *view
	space  Space
	vector []float32
	query  Query
	shelf  *shelf          // nil while it is read
	passed *roaring.Bitmap // ordinals that pass the filter; nil without one
	out    *Found
}

// find chooses where to look: what is derived, if it is there and whole, else the
// truth.
func (l *look) find() ([]scored, error) {
	if l.query.Filter != nil {
		l.passed = l.v.facts.matching(l.query.Filter)
	}
	if l.shelf == nil || l.shelf.graph.Load() == nil && l.shelf.tail.from > 0 {
		return l.truth()
	}
	failures := l.shelf.rows.failures.Load()
	found, err := l.derived()
	if err == nil {
		err = l.shelf.rows.sinceThen(failures)
	}
	if err != nil {
		return nil, err
	}
	best := make([]scored, len(found))
	for i, m := range found {
		best[i] = scored{m.score, m.ord}
	}
	whole, err := l.confirm(found)
	if err != nil || whole {
		return best, err
	}
	l.ix.distrust(l.shelf.stock)
	return l.truth()
}

// match is a document's best row.
type match struct {
	score float32
	ord   uint32
	row   uint32
}

func (m match) scored() scored { return scored{m.score, m.ord} }

// derived asks codes, graph and tail, for more and more rows until there are enough
// documents: one may have many rows, and some may be hidden or have ended.
func (l *look) derived() ([]match, error) {
	p, err := l.params()
	if err != nil {
		return nil, err
	}
	for {
		best := map[uint32]match{}
		rows, more, err := l.linked(p, best)
		if err != nil {
			return nil, err
		}
		if !more || len(best) >= l.query.Limit && !l.cutsTies(best, p.Limit) {
			if err := l.unlinked(rows, p.Allow, best); err != nil {
				return nil, err
			}
			return l.best(best), nil
		}
		if p.Allow == nil && len(best) < l.query.Limit/2 {
			p.Allow = l.visibleRows()
		}
		p.Limit *= 4
	}
}

// params says what the core is asked for.
func (l *look) params() (vector.Params, error) {
	p := vector.Params{Limit: l.query.Limit, MinRecall: l.query.MinRecall, Exact: l.query.Exact}
	candidates := l.shelf.n
	switch {
	case l.v.seq < l.shelf.buried.Load():
		// Rows that the view sees are deleted already.
		p.Dead, p.Allow = true, l.visibleRows()
	case l.passed != nil || l.query.Keep != nil:
		p.Allow = l.allowed()
	}
	if p.Allow != nil {
		candidates = p.Allow.Len()
	}
	if p.MinRecall == 0 {
		p.MinRecall = defaultRecall
		p.Exact = p.Exact || candidates <= l.ix.opts.pace.exactTo
	}
	return p, l.ctx.Err()
}

// defaultRecall is aimed for where exactness costs more than about a millisecond.
const defaultRecall = 0.99

// linked asks the graph, or the codes while it is not made, and keeps the best row of
// each document that the view sees. It returns how many rows it saw, and whether
// there are more that it did not return.
func (l *look) linked(p vector.Params, best map[uint32]match) (rows int, more bool, err error) {
	g := l.shelf.graph.Load()
	if g == nil {
		return 0, false, l.ctx.Err()
	}
	hits, r, err := g.Search(l.vector, p)
	if err == nil && r.Expected < 1 && len(hits) > 0 && l.shelf.strange(l.vector, hits[0].ID) {
		l.out.Visited += r.Visited
		p.Exact = true
		hits, r, err = g.Search(l.vector, p)
	}
	if err != nil {
		return 0, false, fmt.Errorf("index: %w", err)
	}
	l.out.Plan, l.out.Expected = Plan(r.Plan), r.Expected
	l.out.Visited += r.Visited
	l.out.Rescored += r.Rescored
	for _, h := range hits {
		l.offer(best, match{h.Score, l.shelf.ordinal.at(h.ID), h.ID})
	}
	if err := l.ctx.Err(); err != nil {
		return 0, false, context.Cause(l.ctx)
	}
	return min(r.Rows, l.shelf.n), len(hits) == p.Limit && p.Limit > 0, nil
}

// offer keeps a row if it is its document's best and the view sees it.
func (l *look) offer(best map[uint32]match, m match) {
	if int(m.row) >= l.shelf.n || !l.v.visible(m.ord) {
		return
	}
	if old, ok := best[m.ord]; !ok || m.score > old.score || m.score == old.score && m.row < old.row {
		best[m.ord] = m
	}
}

// cutsTies says whether a row that was cut off may stand before the last document:
// the core breaks ties by row, an answer by ordinal.
func (l *look) cutsTies(best map[uint32]match, limit int) bool {
	if l.shelf.ordered {
		return false
	}
	worst := float32(0)
	first := true
	for _, m := range best {
		if first || m.score < worst {
			worst, first = m.score, false
		}
	}
	list := l.best(best)
	return list[len(list)-1].score == worst && limit < l.shelf.n
}

// best is the first of what was found.
func (l *look) best(found map[uint32]match) []match {
	list := make([]match, 0, len(found))
	for _, m := range found {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b match) int { return better(a.scored(), b.scored()) })
	return list[:min(l.query.Limit, len(list))]
}

// confirm compares what was found with the truth, and says whether all of it holds.
// Of documents that are gone by now, vectors and all, nothing can be said.
func (l *look) confirm(found []match) (bool, error) {
	list := vector.Matrix{Dim: l.space.Dim, Data: make([]float32, len(found)*l.space.Dim)}
	var ids []uint32
	for i, m := range found {
		first := l.shelf.first.at(m.ord) - 1
		value, err := l.ix.get(vecKey(l.space.Name, m.ord, int(m.row-first)))
		if errors.Is(err, ErrNotFound) {
			if there, err := has(l.ix.db, docKey(m.ord)); err != nil || there {
				return false, errors.Join(errDamagedVector, err)
			}
			continue
		}
		if err != nil {
			return false, err
		}
		if !decodeVector(list.Row(uint32(i)), value) {
			return false, errDamagedVector
		}
		ids = append(ids, uint32(i))
	}
	scores, err := l.space.scores(l.vector, list, ids)
	if err != nil {
		return false, err
	}
	for i, id := range ids {
		if scores[i] != found[id].score {
			return false, nil
		}
	}
	return true, nil
}
