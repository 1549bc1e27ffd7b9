package text

import (
	"math"

	"github.com/emblem-search/emblem/internal/tensor"
)

// foldRope makes the cosines and sines of every position: pair i of a head of d
// elements turns by theta^(-2i/d) from one position to the next.
func (n *net) foldRope(p *tensor.Pool) (err error) {
	c := n.config
	half := c.width / c.heads / 2
	cos, sin := make([]float32, c.positions*half), make([]float32, c.positions*half)
	for i := range half {
		f := math.Pow(c.theta, -float64(i)/float64(half))
		for at := range c.positions {
			y, x := math.Sincos(float64(at) * f)
			cos[at*half+i], sin[at*half+i] = float32(x), float32(y)
		}
	}
	if n.turn.Cos, err = p.Constant(cos, c.positions, half); err == nil {
		n.turn.Sin, err = p.Constant(sin, c.positions, half)
	}
	return err
}
