package main

import (
	"math"
	"math/rand/v2"
)

// space makes vectors that are spread as a model's of pictures are: around centres,
// along few directions of falling weight, all on one side of the origin. It is that of
// tools/peers/index/clipspace.py. Normal numbers would be far from each other, all as
// far, which no model's are and no index likes.
type space struct {
	centres [][]float64 // of latent numbers
	axes    [][]float64 // latent by dim
	side    []float64   // where all are
}

const (
	latent  = 96
	centres = 2000
)

func newSpace(dim int) *space {
	r := rand.New(rand.NewPCG(1, 2))
	normal := func(n int, scale float64) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = scale * r.NormFloat64()
		}
		return v
	}
	s := &space{side: normal(dim, 7/math.Sqrt(float64(dim)))}
	for range centres {
		s.centres = append(s.centres, normal(latent, 1))
	}
	for k := range latent {
		s.axes = append(s.axes, normal(dim, 1/math.Sqrt(float64(latent*(1+k)))))
	}
	return s
}

// picture is a vector of unit length, cut to as many digits as requests should carry.
func (s *space) picture() []float32 {
	v := make([]float64, len(s.side))
	for i, x := range s.side {
		v[i] = x + 1.5/math.Sqrt(float64(len(v)))*rand.NormFloat64()
	}
	centre := s.centres[rand.IntN(centres)]
	for k, axis := range s.axes {
		z := centre[k] + 0.7*rand.NormFloat64()
		for i, a := range axis {
			v[i] += z * a
		}
	}
	var norm float64
	for _, x := range v {
		norm += x * x
	}
	norm = math.Sqrt(norm)
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(math.Round(1e5*x/norm) / 1e5)
	}
	return out
}
