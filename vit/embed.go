package vit

import (
	"context"
	"fmt"
	"slices"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Embed encodes pictures into one vector each, as the model makes them. Working
// memory is bounded: many pictures are done in turns.
func (e *Encoder) Embed(ctx context.Context, pictures []Pixels, p Pool) ([][]float32, error) {
	if err := e.CheckPool(p); err != nil {
		return nil, err
	}
	if p == Own {
		p = e.net.config.pool
	}
	return e.each(ctx, pictures, e.Dim(), func(s *tensor.Stream, in input, y tensor.Tensor) { e.net.forward(s, in, p, y) })
}

// each runs a forward pass that makes dim numbers of every picture, in turns.
func (e *Encoder) each(ctx context.Context, pictures []Pixels, dim int, forward func(*tensor.Stream, input, tensor.Tensor)) ([][]float32, error) {
	return e.inTurns(pictures, func(in input) ([][]float32, error) { return e.run(ctx, in, dim, forward) })
}

// inTurns has pictures of one length computed together: one returns what becomes of each.
func (e *Encoder) inTurns(pictures []Pixels, one func(in input) ([][]float32, error)) ([][]float32, error) {
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
		rows, err := one(in)
		if err != nil {
			return nil, err
		}
		for k, i := range which {
			all[i] = rows[k]
		}
	}
	return all, nil
}

// run is one forward pass that makes dim numbers of every part of the input.
func (e *Encoder) run(ctx context.Context, in input, dim int, forward func(*tensor.Stream, input, tensor.Tensor)) ([][]float32, error) {
	flat := make([]float32, in.count()*dim)
	err := e.pool.Device().Run(ctx, e.lane, func(s *tensor.Stream) error {
		y := s.New(tensor.F32, in.count(), dim) // (B, Out)
		forward(s, in, y)
		return tensor.Get(s, flat, y)
	})
	return slices.Collect(slices.Chunk(flat, dim)), err
}

// turns says which pictures a forward pass takes at once: those of one size, unless
// the model masks what is shorter.
func (e *Encoder) turns(pictures []Pixels) [][]int {
	c := e.net.config
	var sizes []grid
	same := map[grid][]int{}
	for i, px := range pictures {
		size := grid{px.W, px.H}
		if c.flex {
			size = grid{}
		}
		if same[size] == nil {
			sizes = append(sizes, size)
		}
		same[size] = append(same[size], i)
	}
	var all [][]int
	for _, size := range sizes {
		tokens := e.Tokens()
		if w, h := c.grid(Pixels{W: size.w, H: size.h}); !c.flex {
			tokens = c.lead() + w*h
		}
		all = slices.AppendSeq(all, slices.Chunk(same[size], c.turn(tokens)))
	}
	return all
}

// input is what a forward pass reads of pictures.
func (e *Encoder) input(pictures []Pixels) input {
	scale, shift := e.preprocess.affine()
	return input{pictures: pictures, scale: scale, shift: shift}
}

// maxTokens bounds the sequence that a picture of any size becomes: attention's
// work grows with its square.
const maxTokens = 1 << 14

// fits tells whether pixels are the model's.
func (e *Encoder) fits(px Pixels) error {
	if p := e.preprocess; p.most > 0 {
		w, h := px.W/p.patch, px.H/p.patch
		if w < 1 || h < 1 || w*h > p.most || px.W%p.patch != 0 || px.H%p.patch != 0 || len(px.RGB) != 3*px.W*px.H {
			return fmt.Errorf("vit: %dx%d pixels (%d bytes), the model takes at most %d whole patches of %d", px.W, px.H, len(px.RGB), p.most, p.patch)
		}
		return nil
	}
	if c := e.net.config; c.resample != never {
		w, h := c.grid(px)
		if w < 1 || h < 1 || w*h > maxTokens || len(px.RGB) != 3*px.W*px.H {
			return fmt.Errorf("vit: %dx%d pixels (%d bytes), the model takes 1 to %d patches of %d pixels a side", px.W, px.H, len(px.RGB), maxTokens, c.patch)
		}
		return nil
	}
	if side := e.preprocess.side; px.W != side || px.H != side || len(px.RGB) != 3*side*side {
		return fmt.Errorf("vit: %dx%d pixels (%d bytes), the model takes %dx%d", px.W, px.H, len(px.RGB), side, side)
	}
	return nil
}

// turn is how many pictures a forward pass takes: at most 32, with some 64 MB of
// activations.
func (c config) turn(tokens int) int {
	row := 4 * (6*c.width + c.hidden) // bytes that are alive for one token
	return max(1, min(32, 64<<20/(row*tokens)))
}
