package vit

import (
	"context"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/internal/tensor"
)

// Features encodes pictures into what the model's own pooling makes of them, before
// the projection into the space that is shared with texts. A model without one has
// the same features as vectors.
func (e *Encoder) Features(ctx context.Context, pictures []Pixels) ([][]float32, error) {
	if err := e.Ready(); err != nil {
		return nil, err
	}
	n := *e.net
	dim, pool := e.Dim(), n.config.pool
	if n.Head.Ok() {
		dim, n.Head = n.Head.Weight.In, nn.Linear{}
	}
	return e.each(ctx, pictures, dim, func(s *tensor.Stream, in input, y tensor.Tensor) { n.forward(s, in, pool, y) })
}

// Rules says how pictures are prepared and what the model computes, as far as models
// of one shape differ in it.
type Rules struct {
	Filter     string     `json:"filter"`    // of the resizing
	Antialias  bool       `json:"antialias"` // the filter widens where pictures shrink
	Fill       [3]byte    `json:"fill"`      // colour of what lies outside of the picture
	Rescale    float64    `json:"rescale"`   // factor of the bytes
	Mean       [3]float64 `json:"mean"`
	Std        [3]float64 `json:"std"`
	Activation string     `json:"activation"`
	Pooling    string     `json:"pooling"`
}

// Rules are the model's.
func (e *Encoder) Rules() Rules {
	p, c := e.preprocess, e.net.config
	return Rules{
		Filter: p.filter.String(), Antialias: p.filter != picture.Nearest, Fill: p.fill, Rescale: p.rescale, Mean: p.mean, Std: p.std,
		Activation: c.act.String(), Pooling: string(c.pool),
	}
}
