package decoder

import (
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// block is a layer: attention to what came before, in an encoder-decoder then to the
// source, then an MLP; each after a norm, or before it.
type block struct {
	Norm1     norm           `weight:"norm1"`
	Attn      attention      `weight:"attn"`
	NormCross norm           `weight:"norm_cross"`
	Cross     crossAttention `weight:"cross"`
	Norm2     norm           `weight:"norm2"`
	MLP       nn.MLP         `weight:"mlp"`

	post bool
}

func newBlock(c config, layer int, p nn.Precision) block {
	q, kv := c.columns()
	first := c.hidden
	if c.gated {
		first *= 2
	}
	a := attention{
		QKV:    nn.NewLinear(c.width, q+2*kv, c.qkvBias, p.Block),
		Proj:   nn.NewLinear(q, c.width, c.projBias, p.Block),
		config: c, scale: c.scale,
	}
	a.window, a.sinks = c.window(layer)
	if c.byLayer {
		a.scale /= float32(layer + 1)
	}
	b := block{
		Norm1: newNorm(c), Attn: a, Cross: newCrossAttention(c, p), Norm2: newNorm(c), post: c.post,
		MLP: nn.MLP{
			FC1: nn.NewLinear(c.width, first, c.mlpBias, p.Block), FC2: nn.NewLinear(c.hidden, c.width, c.mlpBias, p.Block),
			Act: c.act, Gated: c.gated,
		},
	}
	if c.crosses() {
		b.NormCross = newNorm(c)
	}
	return b
}

// forward updates the residual stream x (T, C), F32.
func (b *block) forward(s *tensor.Stream, x tensor.Tensor, in inputs, store tensor.Tensor) {
	defer s.Release(s.Mark())
	h := s.New(s.Activations(b.MLP.FC1.Weight.Kind), x.Shape()...) // (T, C)
	b.part(s, x, h, &b.Norm1, func() { b.Attn.forward(s, h, in, store, x) })
	if b.NormCross.ok() {
		b.part(s, x, h, &b.NormCross, func() { b.Cross.forward(s, h, in, store, x) })
	}
	b.part(s, x, h, &b.Norm2, func() { b.MLP.Forward(s, h, x) })
}

// part runs what adds to x (T, C) something of h, which is the norm of x, or x itself
// where the norm comes after.
func (b *block) part(s *tensor.Stream, x, h tensor.Tensor, n *norm, add func()) {
	if !b.post {
		n.forward(s, x, h)
		add()
		return
	}
	s.Do(&tensor.Copy{X: x, Y: h})
	add()
	n.forward(s, x, x)
}

// attention is causal self-attention over a store of keys and values.
type attention struct {
	QKV  nn.Linear `weight:"qkv"`  // ((H+2·KV)·D, C)
	Proj nn.Linear `weight:"proj"` // (C, H·D)

	config        config
	scale         float32
	window, sinks int // how far it looks back; 0: to the beginning
}

// forward adds the attention of h (T, C) to x.
func (a *attention) forward(s *tensor.Stream, h tensor.Tensor, in inputs, store, x tensor.Tensor) {
	defer s.Release(s.Mark())
	c, t := a.config, h.Dim(0)
	q, kv := c.columns()
	qkv := s.New(h.DType(), t, q+2*kv) // (T, (H+2·KV)·D)
	a.QKV.Forward(s, h, tensor.NoAct, tensor.Tensor{}, qkv)
	if in.cos.Ok() {
		turned := qkv.ColSlice(0, q+kv) // (T, (H+KV)·D)
		s.Do(&tensor.Rope{X: turned, Heads: c.heads + c.kvHeads, Cos: in.cos, Sin: in.sin, Y: turned})
	}
	s.Do(&tensor.Scatter{X: qkv.ColSlice(q, q+2*kv), At: in.rows, Y: store})
	y := s.New(h.DType(), t, q) // (T, H·D)
	for _, g := range in.groups {
		s.Do(&tensor.Attention{
			Q: g.part(qkv.ColSlice(0, q)), K: store.ColSlice(0, kv), V: store.ColSlice(kv, 2*kv),
			Heads: c.heads, KVHeads: c.kvHeads, Scale: a.scale, Causal: true, Lens: g.lens, Pages: g.pages, Bias: in.bias, Window: a.window, Sinks: a.sinks, Y: g.part(y),
		})
	}
	a.Proj.Forward(s, y, tensor.NoAct, x, x)
}

// norm is a LayerNorm or, without a bias, an RMSNorm.
type norm struct {
	Weight weights.Constant `weight:"weight"` // (C)
	Bias   weights.Constant `weight:"bias"`   // (C)

	rms bool
	eps float32
}

func newNorm(c config) norm {
	n := norm{rms: c.rms, eps: c.eps}
	n.Weight.Shape = []int{c.width}
	if !c.rms {
		n.Bias.Shape = n.Weight.Shape
	}
	return n
}

// newEmbedNorm is the norm after the embedding. Where that is to be magnified, it is
// the norm's epsilon that becomes smaller.
func newEmbedNorm(c config) norm {
	n := newNorm(c)
	if c.magnify != 0 {
		n.eps /= float32(c.magnify * c.magnify)
	}
	return n
}

// ok tells whether the norm is part of the model.
func (n *norm) ok() bool { return n.Weight.Shape != nil }

// forward writes the norm of x to y, which may be x.
func (n *norm) forward(s *tensor.Stream, x, y tensor.Tensor) {
	if n.rms {
		s.Do(&tensor.RMSNorm{X: x, W: n.Weight.T, Eps: n.eps, Y: y})
		return
	}
	s.Do(&tensor.LayerNorm{X: x, W: n.Weight.T, B: n.Bias.T, Eps: n.eps, Y: y})
}
