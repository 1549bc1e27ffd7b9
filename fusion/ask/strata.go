package ask

import (
	"math/rand/v2"
	"slices"
)

const (
	// LeastMarginal is the probability, at even chances, under which pictures are no longer
	// inspected one by one.
	LeastMarginal = 0.02
	samples       = 4 // strata of the rest
)

// Strata inspects a collection whose pictures have these probabilities, as far as they are
// known without looking: from the most likely on, one by one, until they are under
// LeastMarginal or three quarters of the budget are spent; then a sample of each quarter of
// the rest, by how likely they are.
func Strata(all []float64, budget int, r *rand.Rand) []Stratum {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b float64) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	if len(sorted) <= budget {
		return []Stratum{{sorted, len(sorted)}}
	}
	walked := min(len(sorted), budget*3/4)
	if i := slices.IndexFunc(sorted[:walked], func(p float64) bool { return p < LeastMarginal }); i >= 0 {
		walked = i
	}
	out := []Stratum{{sorted[:walked], walked}}
	rest, each := sorted[walked:], max(1, (budget-walked)/samples)
	for k := range samples {
		part := rest[k*len(rest)/samples : (k+1)*len(rest)/samples]
		if len(part) == 0 {
			continue
		}
		s := Stratum{Size: len(part)}
		for _, i := range r.Perm(len(part))[:min(each, len(part))] {
			s.Probabilities = append(s.Probabilities, part[i])
		}
		out = append(out, s)
	}
	return out
}
