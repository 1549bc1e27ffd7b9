package cuda

import (
	"time"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Target is what the kernels in use were compiled for: sm_90a.
func (b *Backend) Target() string { return b.target }

// Processors is the number of streaming multiprocessors.
func (b *Backend) Processors() int { return b.card.Processors }

// perClock is how many floating point operations a multiprocessor does in a cycle, dense:
// f32 by its FMA units, bf16 by its tensor cores with sums in f32 (NVIDIA's white papers of
// GA100, GA102, AD102, GH100). Int8 does twice bf16's.
var perClock = map[[2]int]struct{ f32, bf16 int }{
	{8, 0}: {128, 2048}, {8, 6}: {256, 512}, {8, 9}: {256, 512}, {9, 0}: {256, 4096},
}

// Peak is what the card multiplies at most by weights of a kind, in GFLOP/s at its boost
// clock; 0 for a card that the table does not have.
func (b *Backend) Peak(k tensor.Kind) float64 {
	rate := perClock[b.card.Capability]
	n := rate.bf16
	switch {
	case k == tensor.KindF32 || k == tensor.KindF16: // multiplied by FMAs
		n = rate.f32
	case k == tensor.KindI8:
		n = 2 * rate.bf16
	}
	return float64(b.card.Processors) * float64(n) * float64(b.card.Clock) / 1e6
}

// Took is the time that the card had with what a lane ran before the last wait.
func (b *Backend) Took(lane tensor.Lane) (took time.Duration) {
	b.do(func() error { took = b.lanes[lane].took; return nil })
	return took
}
