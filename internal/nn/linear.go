package nn

import (
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// Linear is y = x·Wᵀ + b.
type Linear struct {
	Weight weights.Matrix   `weight:"weight"` // (Out, In)
	Bias   weights.Constant `weight:"bias"`   // (Out)
}

// NewLinear describes a linear layer.
func NewLinear(in, out int, bias bool, kind tensor.Kind) Linear {
	l := Linear{Weight: weights.Matrix{Out: out, In: in, Kind: kind}}
	if bias {
		l.Bias.Shape = []int{out}
	}
	return l
}

// Ok tells whether the layer is part of the model.
func (l *Linear) Ok() bool { return l.Weight.Out > 0 }

// Forward computes y = act(x·Wᵀ + b) + res; res may be none or y itself.
func (l *Linear) Forward(s *tensor.Stream, x tensor.Tensor, act tensor.Act, res, y tensor.Tensor) {
	s.Do(&tensor.Linear{X: x, W: l.Weight.W, Bias: l.Bias.T, Act: act, Res: res, Y: y})
}

// LayerNorm normalises rows.
type LayerNorm struct {
	Weight weights.Constant `weight:"weight"` // (C)
	Bias   weights.Constant `weight:"bias"`   // (C)
	Eps    float32
}

// NewLayerNorm describes a norm over rows of width elements.
func NewLayerNorm(width int, eps float32) LayerNorm {
	c := weights.Constant{Shape: []int{width}}
	return LayerNorm{Weight: c, Bias: c, Eps: eps}
}

// Ok tells whether the layer is part of the model.
func (n *LayerNorm) Ok() bool { return n.Weight.Shape != nil }

// Forward writes the norm of x to y, which may be x.
func (n *LayerNorm) Forward(s *tensor.Stream, x, y tensor.Tensor) {
	s.Do(&tensor.LayerNorm{X: x, W: n.Weight.T, B: n.Bias.T, Eps: n.Eps, Y: y})
}
