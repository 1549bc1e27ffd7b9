package index

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"
)

// Select returns the documents that pass a filter, newest first, then by
// ordinal. Scores are 0.
func (ix *Index) Select(ctx context.Context, s Selection) (Found, error) {
	if s.Limit == 0 {
		s.Limit = 10
	}
	p, err := pinOf(s.Cursor, s.AsOf, s.hash())
	if err != nil {
		return Found{}, err
	}
	if err := ix.await(ctx, s.AtLeast); err != nil {
		return Found{}, err
	}
	leave, err := ix.enter()
	if err != nil {
		return Found{}, err
	}
	defer leave()
	v, err := ix.loadFacts(ix.view.Load())
	if err != nil {
		return Found{}, err
	}
	if p.seq == 0 {
		p.seq = v.seq
	}
	snap := ix.db.NewSnapshot()
	defer snap.Close()
	m, err := momentOf(snap, p.seq)
	if err != nil {
		return Found{}, err
	}
	return ix.selectAt(ctx, v, m, s, p)
}

// selectAt takes from a view what was not touched since the moment, and judges the
// rest.
func (ix *Index) selectAt(ctx context.Context, v *view, m *moment, s Selection, p pin) (Found, error) {
	found := m.untouched(v.facts.matching(s.Filter))
	if s.Keep != nil {
		found = kept(found, s.Keep)
	}
	best := newestOf{limit: s.Limit, after: p.after}
	v.facts.newest(found, s.Newest, &best)
	for it := m.touched.Iterator(); it.HasNext(); {
		ord := it.Next()
		if ctx.Err() != nil {
			return Found{}, context.Cause(ctx)
		}
		if s.Keep != nil && !s.Keep(ord) {
			continue
		}
		rec, passes, err := m.passes(ix, ord, s.Filter)
		if err != nil {
			return Found{}, err
		}
		if passes {
			best.add(dated{ord, ix.factOf(ord, rec.ID, rec.Metadata).age(s.Newest)})
		}
	}
	if err := ctx.Err(); err != nil {
		return Found{}, context.Cause(ctx)
	}
	best.cut()
	return m.selected(s, p, best.list)
}

func (m *moment) selected(s Selection, p pin, list []dated) (out Found, err error) {
	found := make([]scored, len(list))
	for i, d := range list {
		found[i].ord = d.ord
	}
	out = Found{Seq: m.seq, Plan: PlanExact, Expected: 1}
	if out.Hits, err = m.hits(found); err != nil {
		return Found{}, err
	}
	if n := len(list); n > 0 && n == s.Limit {
		out.Next = p.next(s.hash(), m.seq, list[n-1].age, list[n-1].ord, n)
	}
	return out, nil
}

// untouched returns those of a set that the moment has as the present has them.
func (m *moment) untouched(set *roaring.Bitmap) *roaring.Bitmap {
	out := roaring.AndNot(set, m.touched)
	out.RemoveRange(uint64(m.next), 1<<32)
	return out
}
