package vector

import "github.com/emblem-search/emblem/internal/simd"

// A Scorer computes the exact scores that a Graph's hits have, for rows outside a
// graph. It is for one goroutine.
type Scorer struct{ exact scorer }

// NewScorer returns a scorer of a metric.
func NewScorer(m Metric) (*Scorer, error) {
	k, err := simd.Best()
	if err != nil {
		return nil, err
	}
	return &Scorer{scorer{kernels: k, metric: m}}, nil
}

// Scores appends the scores of the rows of ids for q to out.
func (s *Scorer) Scores(q []float32, rows Rows, ids []uint32, out []float32) []float32 {
	return s.exact.scores(q, rows, ids, out)
}
