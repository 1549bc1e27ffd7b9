package vit

import (
	"context"
	"slices"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
)

// Patches encodes a picture to one vector for each of its patches, w a row and h
// rows of them from the upper left, in the space of Embed's vectors: what the
// patch says of itself to the last attention.
//
// The last attention of a model gathers what the vector of the picture is made
// of, and leaves in the patches themselves whatever the training did not mind.
// Patches are therefore taken on its value path. In a model that sums up with a
// class token or a mean that is the last block, with keys in the place of queries
// and without the residual stream; in one with a pooling head it is the head, with
// one patch at a time.
func (e *Encoder) Patches(ctx context.Context, px Pixels) (w, h int, vectors [][]float32, err error) {
	if err := e.fits(px); err != nil {
		return 0, 0, nil, err
	}
	if err := e.load(); err != nil {
		return 0, 0, nil, err
	}
	c, in := e.net.config, e.input([]Pixels{px})
	l := c.length(in)
	flat := make([]float32, l*e.Dim())
	err = e.pool.Device().Run(ctx, e.lane, func(s *tensor.Stream) error {
		y := s.New(tensor.F32, l, e.Dim()) // (L, Out)
		e.net.tokens(s, in, y)
		return tensor.Get(s, flat, y)
	})
	if err != nil {
		return 0, 0, nil, err
	}
	w, h = c.grid(px)
	return w, h, slices.Collect(slices.Chunk(flat, e.Dim()))[c.lead():], nil
}

// Window is a part of a picture, in fractions of its width and height from the
// upper left corner. Less than 0 and more than 1 lie outside of it.
type Window struct{ Left, Top, Right, Bottom float64 }

// Window is the part of a picture of w×h pixels that the grid of Patches covers. A
// model that crops leaves the ends out; one that pads sees more than there is.
func (e *Encoder) Window(w, h int) Window {
	f, p := e.preprocess.frame(w, h), e.net.config.patch
	seenX, seenY := float64(f.cw/p*p), float64(f.ch/p*p) // pixels; what is over is in no patch
	return Window{
		Left: float64(f.x) / float64(f.w), Right: (float64(f.x) + seenX) / float64(f.w),
		Top: float64(f.y) / float64(f.h), Bottom: (float64(f.y) + seenY) / float64(f.h),
	}
}

// tokens encodes one picture into y (L, Out), F32: the whole sequence on the value
// path of the last attention.
func (n *net) tokens(s *tensor.Stream, in input, y tensor.Tensor) {
	defer s.Release(s.Mark())
	c, l := n.config, y.Dim(0)
	x := s.New(tensor.F32, 1, l, c.width) // (1, L, C), the residual stream
	n.embed(s, in, x)
	f := y
	if n.Head.Ok() {
		f = s.New(tensor.F32, l, n.Head.Weight.In) // (L, C)
	}
	m := nn.Mask{Rotary: n.rotary(s, in)}
	if c.pool == attention || c.pool == queries {
		n.blocks(s, x, len(n.Blocks), m)
		n.pool(s, x.Reshape(l, 1, c.width), c.pool, nn.Mask{}, f) // L sequences of one patch
	} else {
		last := len(n.Blocks) - 1
		n.blocks(s, x, last, m)
		n.Blocks[last].Alike(s, x, m.Rotary, f.Reshape(1, l, c.width))
		n.normalize(s, f)
	}
	if n.Head.Ok() {
		n.Head.Forward(s, f, tensor.NoAct, tensor.Tensor{}, y)
	}
}
