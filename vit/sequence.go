package vit

import (
	"context"
	"slices"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Sequence encodes pictures into what the blocks make of each patch, past the last norm
// where there is one: for every picture (L, C), C being Width. The tokens before the
// patches, [Encoder.Lead] of them, come first.
func (e *Encoder) Sequence(ctx context.Context, pictures []Pixels) ([][]float32, error) {
	return e.inTurns(pictures, func(in input) ([][]float32, error) {
		n := e.net.config.length(in) * e.Width()
		flat := make([]float32, in.count()*n)
		err := e.pool.Device().Run(ctx, e.lane, func(s *tensor.Stream) error {
			x, _ := e.net.encode(s, in)
			y := s.NewDense(tensor.F32, x.Shape()...) // (B, L, C)
			if l := e.net.lastNorm(); l.Ok() {
				l.Forward(s, x, y)
			} else {
				s.Do(&tensor.Copy{X: x, Y: y})
			}
			return tensor.Get(s, flat, y)
		})
		return slices.Collect(slices.Chunk(flat, n)), err
	})
}

// Width is the number of elements of a token within the blocks.
func (e *Encoder) Width() int { return e.net.config.width }

// Lead is the number of tokens before the patches.
func (e *Encoder) Lead() int { return e.net.config.lead() }
