package reliability

import (
	"cmp"
	"math"
	"slices"

	"github.com/emblem-search/emblem/internal/calibrate"
)

const bins = 15

// Bin is a range of probabilities: how likely its hits were said to be, and how
// often they were.
type Bin struct {
	Hits      int
	Said, Was float64 // means
}

func binOf(hits []Hit) Bin {
	b := Bin{Hits: len(hits)}
	for _, h := range hits {
		b.Said += h.Probability
		if h.Match {
			b.Was++
		}
	}
	if b.Hits > 0 {
		b.Said /= float64(b.Hits)
		b.Was /= float64(b.Hits)
	}
	return b
}

// ByWidth sorts hits into 15 bins of equal width; empty ones are left out.
func ByWidth(hits []Hit) []Bin {
	in := make([][]Hit, bins)
	for _, h := range hits {
		i := min(bins-1, int(h.Probability*bins))
		in[i] = append(in[i], h)
	}
	var out []Bin
	for _, hits := range in {
		if len(hits) > 0 {
			out = append(out, binOf(hits))
		}
	}
	return out
}

// ByMass sorts hits into 15 bins of as many hits each.
func ByMass(hits []Hit) []Bin {
	sorted := slices.Clone(hits)
	slices.SortStableFunc(sorted, func(a, b Hit) int { return cmp.Compare(a.Probability, b.Probability) })
	var out []Bin
	for i := range bins {
		out = append(out, binOf(sorted[i*len(hits)/bins:(i+1)*len(hits)/bins]))
	}
	return out
}

// Error is the expected calibration error: by how much the bins are off, weighed by
// their hits.
func Error(bins []Bin) float64 {
	var sum, n float64
	for _, b := range bins {
		sum += float64(b.Hits) * math.Abs(b.Said-b.Was)
		n += float64(b.Hits)
	}
	return sum / max(1, n)
}

// concepts are the sorts of queries that ask for things, not for facts about them.
var concepts = []string{"word", "pair", "hyper", "outside", "absent"}

// FalseMatches is the share of queries for absent concepts with any hit at or above
// the default cut, and how many such queries there are.
func FalseMatches(hits []Hit) (share float64, queries int) {
	return passing(hits, func(h Hit) bool { return !h.Present && slices.Contains(concepts, h.Asked) })
}

// Found is the share of queries with a match among their hits for which one of the
// matches is at or above the default cut, and how many such queries there are.
func Found(hits []Hit) (share float64, queries int) {
	return passing(hits, func(h Hit) bool { return h.Match })
}

// passing counts the queries that have hits of a sort, and those of which the best
// passes the cut. A query has one group.
func passing(hits []Hit, counts func(Hit) bool) (share float64, queries int) {
	type query struct {
		Group
		number int
	}
	best := map[query]float64{}
	for _, h := range hits {
		if counts(h) {
			q := query{h.Group, h.Query}
			best[q] = max(best[q], h.Probability)
		}
	}
	n := 0
	for _, p := range best {
		if p >= calibrate.Cut {
			n++
		}
	}
	return float64(n) / float64(max(1, len(best))), len(best)
}
