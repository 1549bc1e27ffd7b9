package index

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A Leg is one way in which a search looks for documents.
type Leg string

const (
	// LegVector compares vectors; its scores are the space's.
	LegVector Leg = "vector"
	// LegWords compares words; its scores are BM25's.
	LegWords Leg = "words"
)

// A LegScore is what one leg says about a hit.
type LegScore struct {
	Leg   Leg
	Rank  int     // 1 is the best; hits of other filters do not count
	Score float64 // as the leg makes it
}

// A LegReport is what a leg gave to an answer.
type LegReport struct {
	Leg    Leg
	Hits   int     // real hits that were fused
	Total  int     // documents that match, of the words leg; else Hits
	Weight float64 // what it weighed; 0 without a real hit
}

// Fusion says how the rankings of several legs become one. The zero value is reciprocal
// rank fusion of equal legs.
type Fusion struct {
	// Method is one of RRF (which "" means), MinMax, DBSF and Linear.
	Method FusionMethod

	// Weights are what each leg weighs, 0 or more; a leg that is not in it weighs 1. A leg
	// without a real hit weighs nothing.
	Weights map[Leg]float64

	// K is the constant of RRF; 0 means 60.
	K float64

	// Calibrate makes a leg's scores comparable for Linear, such as probabilities. A
	// leg that is not in it is taken as it is.
	Calibrate map[Leg]func(score float64) float64

	// Window is how many of each leg's best hits are fused; 0 means 200, or four times
	// the limit if that is more. What none of the legs has among them is not found.
	Window int
}

// FusionMethod makes one score of several.
type FusionMethod string

const (
	// RRF adds weight / (K + rank) (Cormack, Clarke, Büttcher 2009). It sees ranks
	// only, so that no scale of scores matters.
	RRF FusionMethod = "rrf"

	// MinMax spreads each leg's scores over 0 to 1 and adds them by weight. The lowest
	// of n counts as 1/(n+1), so that it is more than none.
	MinMax FusionMethod = "minmax"

	// DBSF spreads each leg's scores between its mean less and plus three deviations,
	// cut off at 0, and adds them by weight. Without a deviation each counts half.
	DBSF FusionMethod = "dbsf"

	// Linear adds calibrated scores by weight.
	Linear FusionMethod = "linear"
)

func (f *Fusion) check() error {
	switch f.Method {
	case "", RRF, MinMax, DBSF, Linear:
	default:
		return fmt.Errorf("index: no fusion %q; there are %q, %q, %q and %q", f.Method, RRF, MinMax, DBSF, Linear)
	}
	for leg, w := range f.Weights {
		if leg != LegVector && leg != LegWords {
			return fmt.Errorf("index: a weight for the leg %q; there are %q and %q", leg, LegVector, LegWords)
		}
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("index: the leg %q weighs %v; use 0 or more", leg, w)
		}
	}
	if f.K < 0 || f.Window < 0 {
		return fmt.Errorf("index: fusion with constant %v and window %d; use 0 or more", f.K, f.Window)
	}
	return nil
}

func (f *Fusion) window(limit int) int { return cmp.Or(f.Window, max(200, 4*limit)) }

func (f *Fusion) weight(leg Leg) float64 {
	if w, ok := f.Weights[leg]; ok {
		return w
	}
	return 1
}

// ranked is what a leg found, best first.
type ranked struct {
	leg   Leg
	total int
	hits  []legHit
}

type legHit struct {
	ord   uint32
	score float64
}

// fused is a document with its score and what the legs say.
type fused struct {
	ord   uint32
	score float64
	legs  []LegScore
}

// fuse makes one ranking. Equal scores go by the ranks in the legs, in their order, then
// by ordinal.
func (f *Fusion) fuse(legs []ranked) ([]fused, []LegReport) {
	at := map[uint32]int{}
	var all []fused
	var reports []LegReport
	for _, l := range legs {
		report := LegReport{Leg: l.leg, Hits: len(l.hits), Total: l.total}
		if len(l.hits) > 0 {
			report.Weight = f.weight(l.leg)
		}
		reports = append(reports, report)
		if report.Weight == 0 {
			continue
		}
		shares := f.shares(l)
		for i, h := range l.hits {
			n, ok := at[h.ord]
			if !ok {
				n, at[h.ord] = len(all), len(all)
				all = append(all, fused{ord: h.ord})
			}
			all[n].score += report.Weight * shares[i]
			all[n].legs = append(all[n].legs, LegScore{l.leg, i + 1, h.score})
		}
	}
	slices.SortFunc(all, func(a, b fused) int { return cmp.Or(cmp.Compare(b.score, a.score), compareLegs(a, b, legs)) })
	return all, reports
}

// compareLegs orders by the rank in the first leg that has either, then by ordinal.
func compareLegs(a, b fused, legs []ranked) int {
	for _, l := range legs {
		if c := cmp.Compare(rankIn(a, l.leg), rankIn(b, l.leg)); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.ord, b.ord)
}

func rankIn(d fused, leg Leg) int {
	for _, s := range d.legs {
		if s.Leg == leg {
			return s.Rank
		}
	}
	return math.MaxInt
}

// shares are what each hit of a leg adds, for a weight of 1.
func (f *Fusion) shares(l ranked) []float64 {
	out := make([]float64, len(l.hits))
	switch f.Method {
	case MinMax:
		best, worst := l.hits[0].score, l.hits[len(l.hits)-1].score
		least := (best - worst) / float64(len(l.hits))
		for i, h := range l.hits {
			out[i] = 1
			if best > worst {
				out[i] = (h.score - worst + least) / (best - worst + least)
			}
		}
	case DBSF:
		mean, deviation := moments(l.hits)
		for i, h := range l.hits {
			out[i] = 0.5
			if deviation > 0 {
				out[i] = max(0, 0.5+(h.score-mean)/(6*deviation))
			}
		}
	case Linear:
		calibrate := f.Calibrate[l.leg]
		for i, h := range l.hits {
			out[i] = h.score
			if calibrate != nil {
				out[i] = calibrate(h.score)
			}
		}
	default:
		for i := range l.hits {
			out[i] = 1 / (cmp.Or(f.K, 60) + float64(i+1))
		}
	}
	return out
}

// moments are the mean and the standard deviation of the scores.
func moments(hits []legHit) (mean, deviation float64) {
	for _, h := range hits {
		mean += h.score / float64(len(hits))
	}
	for _, h := range hits {
		deviation += (h.score - mean) * (h.score - mean) / float64(len(hits))
	}
	return mean, math.Sqrt(deviation)
}
