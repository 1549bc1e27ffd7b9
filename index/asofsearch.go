package index

import (
	"context"
	"fmt"
	"slices"
)

// lookup finds documents of one state. What is in memory is the present; what was
// touched since the state is judged one by one, on what the store keeps of it.
type lookup struct {
	ix    *Index
	query Query
	pin   pin
}

// Search returns the best documents, best first, equal scores by ordinal. Fewer than
// Limit hits mean that there are no more.
func (ix *Index) Search(ctx context.Context, q Query) (Found, error) {
	if len(q.Vectors) > 0 {
		return ix.late(ctx, q)
	}
	if q.composed() {
		return ix.compose(ctx, q)
	}
	if q.Limit == 0 {
		q.Limit = 10
	}
	p, err := pinOf(q.Cursor, q.AsOf, q.hash())
	if err != nil {
		return Found{}, err
	}
	if err := ix.await(ctx, q.AtLeast); err != nil {
		return Found{}, err
	}
	leave, err := ix.enter()
	if err != nil {
		return Found{}, err
	}
	defer leave()
	return (&lookup{ix, q, p}).answer(ctx)
}

// answer looks in a view of the present, which is complete for what was not touched
// since the state.
func (l *lookup) answer(ctx context.Context) (Found, error) {
	v, err := l.ix.loaded(l.query.Filter != nil)
	if err != nil {
		return Found{}, err
	}
	s, ok := v.space(l.query.Space)
	if !ok {
		return Found{}, fmt.Errorf("index: no space %q", l.query.Space)
	}
	vector, err := s.prepare(l.query.Vector)
	if err != nil {
		return Found{}, err
	}
	if l.pin.seq == 0 {
		l.pin.seq = v.seq
	}
	q, err := l.present(v)
	if err != nil {
		return Found{}, err
	}
	q.Vector = vector
	for q.Limit += int(l.pin.count()); ; q.Limit *= 2 {
		out, enough, err := l.look(ctx, v, q, s)
		if err != nil || enough {
			return out, err
		}
	}
}

// present returns the query of the view: without what is known to be touched.
func (l *lookup) present(v *view) (Query, error) {
	q := l.query
	if l.pin.seq == v.seq {
		return q, nil
	}
	snap := l.ix.db.NewSnapshot()
	defer snap.Close()
	m, err := momentOf(snap, l.pin.seq)
	if err != nil {
		return q, err
	}
	q.Keep = func(ord uint32) bool { return m.same(ord) && (l.query.Keep == nil || l.query.Keep(ord)) }
	return q, nil
}

// look makes a page of the best of the view and what is judged. It is not enough if
// documents that may belong to the page are beyond what the view was asked for.
func (l *lookup) look(ctx context.Context, v *view, q Query, s Space) (out Found, enough bool, err error) {
	found, out, err := l.ix.nearest(ctx, v, q)
	if err != nil {
		return out, false, err
	}
	// What changed in the meantime is in the store by now.
	snap := l.ix.db.NewSnapshot()
	defer snap.Close()
	m, err := momentOf(snap, l.pin.seq)
	if err != nil {
		return out, false, err
	}
	all := len(found) < q.Limit
	var worst scored
	if !all && len(found) > 0 {
		worst = found[len(found)-1]
	}
	found = slices.DeleteFunc(found, func(f scored) bool { return !m.same(f.ord) })
	judged, err := l.judge(ctx, m, s, q.Vector)
	if err != nil {
		return out, false, err
	}
	found = append(found, judged...)
	slices.SortFunc(found, better)
	page := found[:0]
	for _, f := range found {
		if (all || better(f, worst) <= 0) && l.pin.after.passed(float64(f.score), f.ord) && len(page) < l.query.Limit {
			page = append(page, f)
		}
	}
	if len(page) < l.query.Limit && !all {
		return out, false, nil
	}
	out.Seq = m.seq
	if out.Hits, err = m.hits(page); err != nil {
		return out, false, err
	}
	if n := len(page); n > 0 && n == l.query.Limit {
		out.Next = l.pin.next(l.query.hash(), m.seq, float64(page[n-1].score), page[n-1].ord, n)
	}
	return out, true, nil
}

// judge scores what was touched since the moment as it was then.
func (l *lookup) judge(ctx context.Context, m *moment, s Space, vector []float32) ([]scored, error) {
	var out []scored
	for it := m.touched.Iterator(); it.HasNext(); {
		ord := it.Next()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if l.query.Keep != nil && !l.query.Keep(ord) {
			continue
		}
		rec, passes, err := m.passes(l.ix, ord, l.query.Filter)
		if err != nil {
			return nil, err
		}
		if !passes || rec.Spaces[s.Name] == 0 {
			continue
		}
		list, err := vectorsIn(m.store, s, ord, rec)
		if err != nil {
			return nil, err
		}
		score, err := s.best(vector, list)
		if err != nil {
			return nil, err
		}
		out = append(out, scored{score, ord})
	}
	return out, nil
}

// passes says whether an ordinal's document could be found and passed a filter. One
// that was touched in the write after the moment and not there yet does not.
func (m *moment) passes(ix *Index, ord uint32, f *Filter) (record, bool, error) {
	rec, hidden, err := m.record(ord)
	if err != nil {
		return rec, false, err
	}
	return rec, !hidden && (f == nil || ix.factOf(ord, rec.ID, rec.Metadata).holds(f.root)), nil
}

// hits reads what was found, as it was.
func (m *moment) hits(found []scored) ([]Hit, error) {
	hits := make([]Hit, len(found))
	for i, f := range found {
		rec, _, err := m.record(f.ord)
		if err != nil {
			return nil, err
		}
		hits[i] = Hit{ID: rec.ID, Ordinal: f.ord, Score: f.score, Metadata: rec.Metadata}
	}
	return hits, nil
}

// loaded returns a view with vectors, and what filters need if they are asked for.
func (ix *Index) loaded(facts bool) (*view, error) {
	v, err := ix.load()
	if err == nil && facts {
		v, err = ix.loadFacts(v)
	}
	return v, err
}
