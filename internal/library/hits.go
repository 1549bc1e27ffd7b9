package library

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/emblem-search/emblem/index"
)

// worded says that words were found.
func worded(found index.Found) bool {
	return slices.ContainsFunc(found.Legs, func(r index.LegReport) bool { return r.Leg == index.LegWords && r.Hits > 0 })
}

// likely are the first most hits that pass the cut, or have the words.
func (l *Library) likely(found index.Found, j *judge, vector []float32, o SearchOptions, most int) ([]Hit, error) {
	hasWords := worded(found)
	var hits []Hit
	for _, f := range found.Hits {
		if len(hits) == most {
			break
		}
		p, err := l.probability(j, f)
		if err != nil {
			return nil, err
		}
		words := slices.ContainsFunc(f.Legs, func(s index.LegScore) bool { return s.Leg == index.LegWords })
		if p < o.MinProbability && !words {
			continue
		}
		score, err := l.cosineOf(f, j.space, vector)
		if err != nil {
			return nil, err
		}
		h := hitOf(f, len(hits)+1, score, round(p, 1e4))
		for _, s := range f.Legs {
			if hasWords {
				h.Legs = append(h.Legs, HitLeg{s.Leg, s.Rank, round(s.Score, 1e6)})
			}
		}
		hits = append(hits, h)
	}
	return hits, nil
}

// hitOf is what the index found, as a hit.
func hitOf(f index.Hit, rank int, score, probability float64) Hit {
	return Hit{Rank: rank, Path: f.ID, Score: round(score, 1e6), Probability: probability, Folded: f.Folded, Group: f.Group, GroupSize: f.GroupSize,
		Metadata: public(f.Metadata), ord: f.Ordinal}
}

// vectorScore is a hit's score in the ranking by vectors, if that has it.
func vectorScore(h index.Hit) (score float64, ok bool) {
	for _, s := range h.Legs {
		if s.Leg == index.LegVector {
			return s.Score, true
		}
	}
	return 0, false
}

// cosineOf is a hit's cosine with the query, whichever ranking found it.
func (l *Library) cosineOf(h index.Hit, space string, vector []float32) (float64, error) {
	if len(h.Legs) == 0 {
		return float64(h.Score), nil
	}
	if score, ok := vectorScore(h); ok {
		return score, nil
	}
	d, err := l.ix.Get(h.ID)
	if errors.Is(err, index.ErrNotFound) || err == nil && len(d.Vectors[space]) == 0 {
		return 0, nil // it went since it was found, or has words only
	}
	best := math.Inf(-1)
	for _, v := range d.Vectors[space] {
		best = max(best, cosine(v, vector))
	}
	return best, err
}

// wordsRanked answers by words alone: what has them is there for sure.
func (l *Library) wordsRanked(ctx context.Context, x index.Query, o SearchOptions) (Answer, error) {
	if x.Words == "" {
		return Answer{}, errorf(KindQuery, "the query has no words; name some, or search by meaning")
	}
	x.Limit = o.wanted()
	found, err := l.ix.Search(ctx, x)
	if err != nil {
		return Answer{}, err
	}
	hits := unjudged(found)
	for i := range hits {
		hits[i].Probability = 1
	}
	return l.answer(ctx, found, hits, o)
}
