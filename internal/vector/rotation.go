package vector

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// rotation is a random orthogonal map of dim coordinates: rounds of sign flips and
// a Walsh-Hadamard transform. Where dim is no power of two, the transforms take the
// first and the last coordinates in turn. It spreads what a vector holds in few
// coordinates over all of them, so that one step size suits them all.
type rotation struct {
	dim    int
	span   int         // the largest power of two within dim
	rounds [][]float32 // (rounds, dim): signs, times the transform's scale where it applies
}

func newRotation(dim int, seed uint64) rotation {
	r := rotation{dim: dim, span: 1 << (bits.Len(uint(dim)) - 1)}
	n := 2
	if r.span < dim {
		n = 4
	}
	random := rand.New(rand.NewPCG(seed, 0x726f74))
	scale := float32(1 / math.Sqrt(float64(r.span)))
	for i := range n {
		signs := make([]float32, dim)
		from, to := r.part(i)
		for j := range signs {
			signs[j] = float32(1 - 2*int(random.Uint32()&1))
			if from <= j && j < to {
				signs[j] *= scale
			}
		}
		r.rounds = append(r.rounds, signs)
	}
	return r
}

// part is what round i transforms.
func (r rotation) part(i int) (from, to int) {
	if i&1 == 1 {
		return r.dim - r.span, r.dim
	}
	return 0, r.span
}

// apply rotates x (dim) in place.
func (r rotation) apply(x []float32) {
	for i, signs := range r.rounds {
		for j, s := range signs {
			x[j] *= s
		}
		from, to := r.part(i)
		hadamard(x[from:to])
	}
}

// hadamard is the Walsh-Hadamard transform of a power of two values, two stages a
// pass.
func hadamard(x []float32) {
	h := 1
	if bits.Len(uint(len(x)))&1 == 0 {
		for i := 0; i+1 < len(x); i += 2 {
			x[i], x[i+1] = x[i]+x[i+1], x[i]-x[i+1]
		}
		h = 2
	}
	for ; h < len(x); h *= 4 {
		for i := 0; i < len(x); i += 4 * h {
			a, b, c, d := x[i:i+h], x[i+h:i+2*h], x[i+2*h:i+3*h], x[i+3*h:i+4*h]
			b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
			for j := range a {
				p, q, s, t := a[j]+b[j], a[j]-b[j], c[j]+d[j], c[j]-d[j]
				a[j], b[j], c[j], d[j] = p+s, q+t, p-s, q-t
			}
		}
	}
}
