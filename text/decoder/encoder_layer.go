package decoder

import (
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
)

// encoderLayer is a layer of an encoder that normalises before each sum and knows
// positions by their distance: T5.
type encoderLayer struct {
	Norm1 norm      `weight:"norm1"`
	QKV   nn.Linear `weight:"qkv"`  // (3·H·D, C)
	Proj  nn.Linear `weight:"proj"` // (C, H·D)
	Norm2 norm      `weight:"norm2"`
	MLP   nn.MLP    `weight:"mlp"`

	config config
}

func newEncoderLayer(c config, p nn.Precision) encoderLayer {
	b := newBlock(c, 0, p)
	return encoderLayer{Norm1: b.Norm1, QKV: b.Attn.QKV, Proj: b.Attn.Proj, Norm2: b.Norm2, MLP: b.MLP, config: c}
}

// forward updates the residual stream x (1, L, C), F32. bias is (H, 2·R+1).
func (e *encoderLayer) forward(s *tensor.Stream, x, bias tensor.Tensor) {
	defer s.Release(s.Mark())
	c, l := e.config, x.Dim(1)
	q, _ := c.columns()
	h := s.New(s.Activations(e.MLP.FC1.Weight.Kind), x.Shape()...) // (1, L, C)
	e.Norm1.forward(s, x, h)
	qkv, y := s.New(h.DType(), 1, l, 3*q), s.New(h.DType(), 1, l, q) // (1, L, 3·H·D), (1, L, H·D)
	e.QKV.Forward(s, h, tensor.NoAct, tensor.Tensor{}, qkv)
	s.Do(&tensor.Attention{Q: qkv.ColSlice(0, q), K: qkv.ColSlice(q, 2*q), V: qkv.ColSlice(2*q, 3*q), Heads: c.heads, Scale: c.scale, Bias: bias, Y: y})
	e.Proj.Forward(s, y, tensor.NoAct, x, x)
	e.Norm2.forward(s, x, h)
	e.MLP.Forward(s, h, x)
}
