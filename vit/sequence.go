package vit

import (
	"context"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Sequence encodes pictures into what the blocks make of each patch, past the last norm
// where there is one: for every picture (L, C), C being Width. The tokens before the
// patches, [Encoder.Lead] of them, come first.
func (e *Encoder) Sequence(ctx context.Context, pictures []Pixels) ([][]float32, error) {
	for _, px := range pictures {
		if err := e.fits(px); err != nil {
			return nil, err
		}
	}
	if err := e.load(); err != nil {
		return nil, err
	}
	all := make([][]float32, len(pictures))
	for _, which := range e.turns(pictures) {
		in := e.input(nil)
		for _, i := range which {
			in.pictures = append(in.pictures, pictures[i])
		}
		flat := make([]float32, len(which)*e.net.config.length(in)*e.Width())
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
		if err != nil {
			return nil, err
		}
		n := len(flat) / len(which)
		for k, i := range which {
			all[i] = flat[k*n : (k+1)*n : (k+1)*n]
		}
	}
	return all, nil
}

// Width is the number of elements of a token within the blocks.
func (e *Encoder) Width() int { return e.net.config.width }

// Lead is the number of tokens before the patches.
func (e *Encoder) Lead() int { return e.net.config.lead() }
