package vit

import (
	"math"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
)

// rope says by what angles patches are turned: those of their row and of their
// column, for half of a head's pairs each (EVA02, arXiv 2303.11331, and DINOv3,
// arXiv 2508.10104). The zero rope is none.
type rope struct {
	theta  float64 // the longest wave, in patches and radians; 0: there are no rotary positions
	offset float64 // of the first row and column
	ref    grid    // rows and columns are scaled to a grid of this size; zero: they are not
	xy     bool    // the column's angles come first
	halves bool    // pairs are the halves of a head, not neighbours
	whole  bool    // the picture reaches from -1 to 1, and waves are in turns: DINOv3
}

// tables are the cosines and sines for heads of d elements, (lead + h·w, d/2): the
// tokens before the patches, which are not turned, then the patches of a grid.
func (r rope) tables(d, lead int, g grid) (cos, sin []float32) {
	bands := make([]float64, d/4)
	for i := range bands {
		bands[i] = math.Pow(r.theta, -float64(i)/float64(len(bands)))
		if r.whole {
			bands[i] *= 2 * math.Pi
		}
	}
	for range lead * d / 2 {
		cos, sin = append(cos, 1), append(sin, 0)
	}
	for i := range g.h * g.w {
		at := [2]float64{r.scaled(i/g.w, g.h, r.ref.h), r.scaled(i%g.w, g.w, r.ref.w)}
		if r.xy {
			at[0], at[1] = at[1], at[0]
		}
		for _, p := range at {
			for _, f := range bands {
				s, c := math.Sincos(p * f)
				cos, sin = append(cos, float32(c)), append(sin, float32(s))
			}
		}
	}
	return cos, sin
}

// scaled is where row or column i of n lies, among ref ones or in the whole.
func (r rope) scaled(i, n, ref int) float64 {
	p := float64(i) + r.offset
	switch {
	case r.whole:
		return 2*(p+0.5)/float64(n) - 1
	case ref > 0:
		return p * float64(ref) / float64(n)
	}
	return p
}

// foldRope makes the tables for pictures of the model's own size.
func (n *net) foldRope(p *tensor.Pool, g grid) (err error) {
	c := n.config
	if c.rope.theta == 0 {
		return nil
	}
	d, l := c.width/c.heads, c.lead()+g.w*g.h
	cos, sin := c.rope.tables(d, c.lead(), g)
	if n.turn.Cos, err = p.Constant(cos, l, d/2); err == nil {
		n.turn.Sin, err = p.Constant(sin, l, d/2)
	}
	n.turn.Pairs = !c.rope.halves
	return err
}

// rotary are the angles for pictures of one size.
func (n *net) rotary(s *tensor.Stream, in input) nn.Rotary {
	c := n.config
	if c.rope.theta == 0 {
		return nn.Rotary{}
	}
	w, h := c.grid(in.pictures[0])
	if (grid{w, h}) == c.own() {
		return n.turn
	}
	d, l := c.width/c.heads, c.lead()+w*h
	cos, sin := c.rope.tables(d, c.lead(), grid{w, h})
	r := nn.Rotary{Cos: s.New(tensor.F32, l, d/2), Sin: s.New(tensor.F32, l, d/2), Pairs: !c.rope.halves}
	tensor.Put(s, r.Cos, cos)
	tensor.Put(s, r.Sin, sin)
	return r
}
