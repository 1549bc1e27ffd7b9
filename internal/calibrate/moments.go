package calibrate

import (
	"math"
	"slices"
)

// moments sums up scores.
type moments struct{ n, sum, squares float64 }

func momentsOf(xs []float64) (m moments) {
	for _, x := range xs {
		m.add(x, 1)
	}
	return m
}

func (m *moments) add(x, weight float64) {
	m.n += weight
	m.sum += weight * x
	m.squares += weight * x * x
}

// blend adds other's scores, weighed so that they count as weight scores.
func (m *moments) blend(other moments, weight float64) {
	if other.n == 0 || weight <= 0 {
		return
	}
	m.n += weight
	m.sum += weight * other.sum / other.n
	m.squares += weight * other.squares / other.n
}

func (m moments) mean() float64 {
	if m.n == 0 {
		return 0
	}
	return m.sum / m.n
}

func (m moments) spread() float64 {
	if m.n == 0 {
		return 0
	}
	mean := m.mean()
	return math.Sqrt(max(0, m.squares/m.n-mean*mean))
}

// above is by how many spreads x lies above the mean, at most limit either way.
func (m moments) above(x float64) float64 { return steps(x-m.mean(), m.spread()) }

const (
	leastSpread = 1e-4 // of cosines: below, differences are rounding
	limit       = 10   // of every piece of evidence: beyond, no more is learnt
)

func steps(difference, unit float64) float64 {
	if math.Abs(difference) < leastSpread/10 {
		return 0 // equal vectors, but for rounding
	}
	return min(limit, max(-limit, difference/max(unit, leastSpread)))
}

// quantile of sorted values, linear between neighbours.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	j := min(i+1, len(sorted)-1)
	return sorted[i] + (at-float64(i))*(sorted[j]-sorted[i])
}

func sorted(xs []float64) []float64 {
	out := slices.Clone(xs)
	slices.Sort(out)
	return out
}

// chance is the height, in spreads above the mean, that the best of n normal
// scores reaches by chance: the 1-1/(n+1) quantile of the normal distribution.
func chance(n int) float64 { return math.Sqrt2 * math.Erfinv(1-2/float64(n+1)) }

// dot is the inner product; several sums keep the processor busy.
func dot(a, b []float32) float64 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for len(a) >= 8 && len(b) >= 8 {
		x, y := (*[8]float32)(a), (*[8]float32)(b)
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		s4 += x[4] * y[4]
		s5 += x[5] * y[5]
		s6 += x[6] * y[6]
		s7 += x[7] * y[7]
		a, b = a[8:], b[8:]
	}
	sum := float64(s0+s4) + float64(s1+s5) + float64(s2+s6) + float64(s3+s7)
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	return sum
}
