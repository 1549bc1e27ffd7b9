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

// vectorScore is a hit's score in the ranking by vectors, if that has it.
func vectorScore(h index.Hit) (score float64, ok bool) {
	for _, s := range h.Legs {
		if s.Leg == index.LegVector {
			return s.Score, true
		}
	}
	return 0, false
}

// floor is the least score of a hit that is likely enough by what it shows, where
// words were found and others are less likely; more than any score if none is. 0
// means that there is no need for one.
func (l *Library) floor(found index.Found, j *judge, least float64) (float32, error) {
	if least == 0 || !worded(found) {
		return 0, nil
	}
	const none = 2
	floor, unlikely := float64(none), false
	for _, h := range found.Hits {
		score, ok := vectorScore(h)
		if !ok {
			continue
		}
		p, err := l.probability(j, h)
		if err != nil {
			return 0, err
		}
		if p < least {
			unlikely = true
		} else {
			floor = min(floor, score)
		}
	}
	if !unlikely {
		return 0, nil
	}
	return float32(floor), nil
}

// likely are the hits that pass the cut, or have the words.
func (l *Library) likely(found index.Found, j *judge, vector []float32, o SearchOptions) ([]Hit, error) {
	hasWords := worded(found)
	var hits []Hit
	for _, f := range found.Hits {
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
		h := Hit{Rank: len(hits) + 1, Path: f.ID, Score: round(score, 1e6), Probability: round(p, 1e4), Folded: f.Folded, Metadata: public(f.Metadata)}
		for _, s := range f.Legs {
			if hasWords {
				h.Legs = append(h.Legs, HitLeg{s.Leg, s.Rank, round(s.Score, 1e6)})
			}
		}
		if hits = append(hits, h); len(hits) == o.Limit {
			break
		}
	}
	return hits, nil
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

// findWords answers by words alone: what has them is there for sure.
func (l *Library) findWords(ctx context.Context, x index.Query) (Answer, error) {
	if x.Words == "" {
		return Answer{}, errorf(KindQuery, "the query has no words; name some, or search by meaning")
	}
	found, err := l.ix.Search(ctx, x)
	if err != nil {
		return Answer{}, err
	}
	hits := make([]Hit, len(found.Hits))
	for i, f := range found.Hits {
		hits[i] = Hit{Rank: i + 1, Path: f.ID, Score: round(float64(f.Score), 1e6), Probability: 1, Metadata: public(f.Metadata)}
	}
	found.Hits = nil
	return Answer{Hits: hits, How: found}, nil
}
