package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/emblem-search/emblem/internal/vector"
)

const (
	lateAll    = 2_000   // documents that are all compared: some ten milliseconds
	lateWindow = 64      // rows that each of a query's vectors proposes, at least
	lateWork   = 1 << 13 // vectors of a query, at most
)

// late answers a query of several vectors: the score of a document is the sum, over
// the query's vectors, of the best of the document's (MaxSim of ColBERT, arXiv
// 2004.12832). Every score is exact. Where there are many documents, those that are
// compared are the nearest of each of the query's vectors, as codes and graph find
// them.
func (ix *Index) late(ctx context.Context, q Query) (Found, error) {
	if err := q.checkLate(); err != nil {
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
	v, err := ix.loaded(true)
	if err != nil {
		return Found{}, err
	}
	s, ok := v.space(q.Space)
	if !ok {
		return Found{}, fmt.Errorf("index: no space %q", q.Space)
	}
	vectors := make([][]float32, len(q.Vectors))
	for i, x := range q.Vectors {
		if vectors[i], err = s.prepare(x); err != nil {
			return Found{}, err
		}
	}
	q.Vectors, q.Limit = vectors, cmp.Or(q.Limit, 10)
	return ix.maxSim(ctx, v, s, q)
}

func (q *Query) checkLate() error {
	switch {
	case q.Vector != nil || q.composed() || q.AsOf != 0 || q.Cursor != "":
		return errors.New("index: a query of several vectors goes with a space, a filter and a limit, and with nothing else")
	case len(q.Vectors) > lateWork:
		return fmt.Errorf("index: a query of %d vectors; at most %d", len(q.Vectors), lateWork)
	}
	return nil
}

// maxSim scores candidates in float32, from the truth.
func (ix *Index) maxSim(ctx context.Context, v *view, s Space, q Query) (Found, error) {
	out := Found{Seq: v.seq, Plan: PlanExact, Expected: 1}
	candidates, err := ix.lateCandidates(ctx, v, q, &out)
	if err != nil {
		return out, err
	}
	snap := ix.db.NewSnapshot()
	defer snap.Close()
	m, err := momentOf(snap, v.seq)
	if err != nil {
		return out, err
	}
	list, err := m.maxSims(ctx, s, q.Vectors, candidates)
	if err != nil {
		return out, err
	}
	out.Rescored = len(list)
	slices.SortFunc(list, better)
	out.Hits, err = m.hits(list[:min(max(q.Limit, 0), len(list))])
	return out, err
}

// lateCandidates are the documents to be compared.
func (ix *Index) lateCandidates(ctx context.Context, v *view, q Query, out *Found) ([]uint32, error) {
	all := v.facts.matching(q.Filter)
	if q.Exact || all.GetCardinality() <= lateAll {
		var list []uint32
		for it := all.Iterator(); it.HasNext(); {
			if ord := it.Next(); v.visible(ord) && (q.Keep == nil || q.Keep(ord)) {
				list = append(list, ord)
			}
		}
		return list, nil
	}
	union := roaring.New()
	for _, x := range q.Vectors {
		one := Query{Space: q.Space, Vector: x, Limit: max(4*q.Limit, lateWindow), MinRecall: q.MinRecall, Filter: q.Filter, Keep: q.Keep}
		near, how, err := ix.nearest(ctx, v, one)
		if err != nil {
			return nil, err
		}
		out.Visited += how.Visited
		if how.Plan != PlanExact {
			out.Plan = how.Plan
		}
		for _, h := range near {
			union.Add(h.ord)
		}
	}
	out.Expected = 0 // nobody knows: what is near to no single vector may be near to all
	return union.ToArray(), nil
}

// maxSims scores documents that have vectors, on all cores.
func (m *moment) maxSims(ctx context.Context, s Space, query [][]float32, ords []uint32) ([]scored, error) {
	workers := runtime.GOMAXPROCS(0)
	parts, errs := make([][]scored, workers), make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		part := ords[len(ords)*w/workers : len(ords)*(w+1)/workers]
		wg.Go(func() {
			for _, ord := range part {
				if err := ctx.Err(); err != nil {
					errs[w] = context.Cause(ctx)
					return
				}
				list, err := m.vectors(s, ord)
				if errors.Is(err, ErrNotFound) {
					continue
				}
				if err == nil && len(list) > 0 {
					var score float32
					score, err = s.maxSim(query, list)
					parts[w] = append(parts[w], scored{score, ord})
				}
				if errs[w] = err; err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return slices.Concat(parts...), errors.Join(errs...)
}

// maxSim sums the best scores of a query's vectors among a document's, in the query's
// order.
func (s Space) maxSim(query, document [][]float32) (float32, error) {
	scorer, err := vector.NewScorer(s.metric())
	if err != nil {
		return 0, err
	}
	rows := vector.Matrix{Dim: s.Dim, Data: slices.Concat(document...)}
	ids, scores, sum := make([]uint32, len(document)), make([]float32, 0, len(document)), 0.0
	for i := range ids {
		ids[i] = uint32(i)
	}
	for _, q := range query {
		scores = scorer.Scores(q, rows, ids, scores[:0])
		sum += float64(slices.Max(scores))
	}
	return float32(sum), nil
}
