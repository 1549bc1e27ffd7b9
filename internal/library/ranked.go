package library

import (
	"context"

	"github.com/emblem-search/emblem/index"
)

// everyCosine is a floor that all hits are above.
const everyCosine = -1

// wanted is how many hits have to be known: those of the page and before it, and one
// more, to know whether there is a next page.
func (o SearchOptions) wanted() int {
	switch {
	case !o.Pages:
		return o.Limit
	case len(o.Facets) > 0:
		return pageWindow
	}
	return min(o.skip+o.Limit+1, pageWindow)
}

// ranked answers a query with terms.
func (l *Library) ranked(ctx context.Context, e Embedder, q Query, o SearchOptions) (Answer, error) {
	keep, err := l.only(o.Paths)
	if err != nil {
		return Answer{}, err
	}
	x := index.Query{Filter: q.Filter, Keep: keep, AsOf: o.asOf, GroupBy: o.GroupBy, Diversity: o.Diversity}
	x.Fusion.Window = max(pageWindow, o.wanted())
	if o.By != ByMeaning && o.By != "" {
		x.Words = q.words()
	}
	if o.By == ByWords {
		return l.wordsRanked(ctx, x, o)
	}
	switch own, err := l.ownSpace(o.Space); {
	case err != nil:
		return Answer{}, err
	case own != nil && o.Space == "" && x.Words != "":
		return l.wordsRanked(ctx, x, o) // of a library without a model
	case own != nil:
		return l.rankedIn(ctx, *own, q, x, o)
	case l.Manifest().Model == "":
		return Answer{}, nil // nothing was indexed yet
	}
	space, carry, err := l.answering(e)
	if err != nil {
		return Answer{}, err
	}
	if q, x.Keep, err = l.withDocuments(q, space, keep); err != nil {
		return Answer{}, err
	}
	parts, err := q.embed(ctx, e, carry)
	if err != nil {
		return Answer{}, err
	}
	vector, err := q.sum(parts)
	if err != nil {
		return Answer{}, err
	}
	x.Space, x.Vector = space, vector
	if o.Fold {
		x.Collapse = NearDuplicate
	}
	judged := func(seq uint64) (*judge, error) { return l.newJudge(ctx, e, q, parts, space, carry, seq) }
	found, hits, err := l.judged(ctx, x, o, judged)
	if err != nil {
		return Answer{}, err
	}
	if carry == nil && l.unlearned(q, found) {
		l.learnBeside(e)
	}
	for i := range hits {
		hits[i].Mapped = carry != nil
	}
	return l.answer(ctx, found, hits, o)
}

// judged searches until there are as many likely hits as wanted, or no more. What is
// unlikely by what it shows is no hit of that ranking, which else would lift all that
// have the words above all that show them.
func (l *Library) judged(ctx context.Context, x index.Query, o SearchOptions, newJudge func(uint64) (*judge, error)) (index.Found, []Hit, error) {
	var err error
	if x.Floor, x.AsOf, err = l.floor(ctx, x, o.MinProbability, newJudge); err != nil {
		return index.Found{}, nil, err
	}
	x.Limit = o.wanted()
	if o.MinProbability > 0 { // some will not do
		x.Limit += min(o.wanted(), 16)
	}
	for ; ; x.Limit *= 2 {
		found, err := l.ix.Search(ctx, x)
		if err != nil {
			return found, nil, err
		}
		j, err := newJudge(found.Seq)
		if err != nil {
			return found, nil, err
		}
		hits, err := l.likely(found, j, x.Vector, o, o.wanted())
		if err != nil || len(hits) == o.wanted() || len(found.Hits) < x.Limit {
			return found, hits, err
		}
	}
}

// floor is the lowest score, among the nearest by vectors, of a hit that is likely
// enough; more than any score if there is none. seq is the write that it is of.
func (l *Library) floor(ctx context.Context, x index.Query, least float64, newJudge func(uint64) (*judge, error)) (floor float32, seq uint64, err error) {
	if least == 0 {
		return everyCosine, x.AsOf, nil
	}
	near := index.Query{Space: x.Space, Vector: x.Vector, Filter: x.Filter, Keep: x.Keep, AsOf: x.AsOf, Limit: x.Fusion.Window}
	found, err := l.ix.Search(ctx, near)
	if err != nil {
		return 0, 0, err
	}
	j, err := newJudge(found.Seq)
	if err != nil {
		return 0, 0, err
	}
	for i := len(found.Hits) - 1; i >= 0; i-- {
		p, err := l.probability(j, found.Hits[i])
		if err != nil {
			return 0, 0, err
		}
		if p >= least {
			return found.Hits[i].Score, found.Seq, nil
		}
	}
	const overAll = 2
	return overAll, found.Seq, nil
}

// answer cuts a page out of the hits, and counts their values.
func (l *Library) answer(ctx context.Context, found index.Found, hits []Hit, o SearchOptions) (a Answer, err error) {
	if len(o.Facets) > 0 {
		among := index.FacetQuery{Fields: o.Facets, Ordinals: make([]uint32, len(hits))}
		for i, h := range hits {
			among.Ordinals[i] = h.ord
		}
		if a.Facets, err = l.facetsOf(ctx, among); err != nil {
			return a, err
		}
	}
	hits = hits[min(o.skip, len(hits)):]
	if len(hits) > o.Limit {
		hits, a.more = hits[:o.Limit], true
	}
	found.Hits = nil
	a.Hits, a.How = hits, found
	return a, nil
}
