package nn

import (
	"math"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// BlockConfig describes a pre-norm transformer block.
type BlockConfig struct {
	Width, Heads int
	Hidden       int // the MLP's width
	Act          tensor.Act
	Gated        bool // the MLP's first half gates its second
	NoQKVBias    bool
	BiasKV       bool // attentions have one more key and value, which are learned
	AttnNorm     bool // a norm before the attention's last linear, and before the
	MLPNorm      bool // MLP's: the sub-LN of EVA02
	Eps          float32
}

// Block is a pre-norm transformer block: seven ops, in place. A checkpoint's
// layer scale is folded into Proj and FC2 by its layout (weights.Scale).
type Block struct {
	Norm1 LayerNorm `weight:"norm1"`
	Attn  Attention `weight:"attn"`
	Norm2 LayerNorm `weight:"norm2"`
	MLP   MLP       `weight:"mlp"`
}

// NewBlock describes a block.
func NewBlock(c BlockConfig, p Precision) Block {
	b := Block{
		Norm1: NewLayerNorm(c.Width, c.Eps),
		Attn: Attention{
			QKV:   NewLinear(c.Width, 3*c.Width, !c.NoQKVBias, p.Block),
			Proj:  NewLinear(c.Width, c.Width, true, p.Block),
			Heads: c.Heads,
		},
		Norm2: NewLayerNorm(c.Width, c.Eps),
		MLP:   NewMLP(c.Width, c.Hidden, c.Act, c.Gated, p.Block),
	}
	if c.BiasKV {
		b.Attn.BiasKV.Shape = []int{2, c.Width}
	}
	if c.AttnNorm {
		b.Attn.Norm = NewLayerNorm(c.Width, c.Eps)
	}
	if c.MLPNorm {
		b.MLP.Norm = NewLayerNorm(c.Hidden, c.Eps)
	}
	return b
}

// NewBlocks describes a stack of n equal blocks.
func NewBlocks(n int, c BlockConfig, p Precision) []Block {
	all := make([]Block, n)
	for i := range all {
		all[i] = NewBlock(c, p)
	}
	return all
}

// Forward updates the residual stream x (B, L, C), F32.
func (b *Block) Forward(s *tensor.Stream, x tensor.Tensor, m Mask) {
	defer s.Release(s.Mark())
	h := s.New(s.Activations(b.MLP.FC1.Weight.Kind), x.Shape()...) // (B, L, C)
	b.Norm1.Forward(s, x, h)
	b.Attn.Forward(s, h, m, x)
	b.Norm2.Forward(s, x, h)
	b.MLP.Forward(s, h, x)
}

// Mask says which keys a query sees, and where it and they are.
type Mask struct {
	Causal bool
	Lens   tensor.Tensor // (B) I32 valid keys, or none
	Rotary Rotary        // or none
	Sizes  tensor.Tensor // (B, L) F32 how many tokens each stands for, or none
}

// Attention is multi-head self-attention with one fused projection.
//
// With BiasKV (add_bias_kv of torch.nn.MultiheadAttention) every query also sees a
// key and a value that are learned. The last row of each sequence is their place:
// it stands for no token, and what becomes of it matters to no other row.
type Attention struct {
	QKV    Linear           `weight:"qkv"`     // (3·C, C)
	Norm   LayerNorm        `weight:"norm"`    // of what the heads have gathered, or none
	Proj   Linear           `weight:"proj"`    // (C, C)
	BiasKV weights.Constant `weight:"bias_kv"` // (2, C): the key, the value; or none
	Heads  int
}

// Forward adds the attention of h (B, L, C) to x.
func (a *Attention) Forward(s *tensor.Stream, h tensor.Tensor, m Mask, x tensor.Tensor) {
	defer s.Release(s.Mark())
	a.attend(s, h, m, x)
}

// attend is Forward; it returns the queries and the keys (B, L, C).
func (a *Attention) attend(s *tensor.Stream, h tensor.Tensor, m Mask, x tensor.Tensor) (q, k tensor.Tensor) {
	b, l, c := h.Dim(0), h.Dim(1), h.Cols()
	qkv := a.project(s, h) // (B, L, 3·C)
	m.Rotary.Turn(s, qkv.ColSlice(0, 2*c), 2*a.Heads)
	q, k = qkv.ColSlice(0, c), qkv.ColSlice(c, 2*c)
	y := s.New(h.DType(), b, l, c) // (B, L, C)
	s.Do(&tensor.Attention{
		Q: q, K: k, V: qkv.ColSlice(2*c, 3*c),
		Heads: a.Heads, Scale: headScale(c, a.Heads), Causal: m.Causal, Lens: m.Lens, Sizes: m.Sizes, Y: y,
	})
	a.out(s, y, x, x)
	return q, k
}

// out writes the norm, if there is one, and the projection of y plus res to x.
func (a *Attention) out(s *tensor.Stream, y, res, x tensor.Tensor) {
	if a.Norm.Ok() {
		a.Norm.Forward(s, y, y)
	}
	a.Proj.Forward(s, y, tensor.NoAct, res, x)
}

// project returns queries, keys and values of h (B, L, C), side by side: (B, L,
// 3·C).
func (a *Attention) project(s *tensor.Stream, h tensor.Tensor) tensor.Tensor {
	b, l, c := h.Dim(0), h.Dim(1), h.Cols()
	take := s.New
	if a.BiasKV.T.Ok() {
		take = s.NewDense // to be seen in another shape
	}
	qkv := take(h.DType(), b, l, 3*c)
	a.QKV.Forward(s, h, tensor.NoAct, tensor.Tensor{}, qkv)
	if a.BiasKV.T.Ok() {
		last := qkv.Reshape(b, l*3*c).ColSlice((l*3-2)*c, l*3*c) // (B, 2·C): key and value of the last rows
		Gather(s, a.BiasKV.T.Reshape(1, 2*c), make([]int32, b), last)
	}
	return qkv
}

// Alike writes to y (B, L, C), F32, what the attention makes of x (B, L, C) when
// every position gathers the values of those whose keys are like its own, instead
// of those that its query asks for. Nothing else of the block is in it. What a
// position says of itself stays where it is that way: the self-self attention of
// SCLIP (arXiv 2312.01597) and ClearCLIP (arXiv 2407.12442).
func (b *Block) Alike(s *tensor.Stream, x tensor.Tensor, r Rotary, y tensor.Tensor) {
	defer s.Release(s.Mark())
	a, l, c := &b.Attn, x.Dim(1), x.Cols()
	h := s.New(s.Activations(a.QKV.Weight.Kind), x.Shape()...) // (B, L, C)
	b.Norm1.Forward(s, x, h)
	qkv := s.New(h.DType(), x.Dim(0), l, 3*c) // (B, L, 3·C)
	a.QKV.Forward(s, h, tensor.NoAct, tensor.Tensor{}, qkv)
	keys := qkv.ColSlice(c, 2*c)
	r.Turn(s, keys, a.Heads)
	s.Do(&tensor.Attention{Q: keys, K: keys, V: qkv.ColSlice(2*c, 3*c), Heads: a.Heads, Scale: headScale(c, a.Heads), Y: h})
	a.out(s, h, tensor.Tensor{}, y)
}

// headScale is 1/sqrt(head size).
func headScale(width, heads int) float32 {
	return float32(1 / math.Sqrt(float64(width/heads)))
}

// MLP is two linears with an activation between them, gated or not.
type MLP struct {
	FC1   Linear    `weight:"fc1"`  // (Hidden, C), gated (2·Hidden, C)
	Norm  LayerNorm `weight:"norm"` // of what the activation made, or none
	FC2   Linear    `weight:"fc2"`  // (C, Hidden)
	Act   tensor.Act
	Gated bool
}

// NewMLP describes an MLP.
func NewMLP(width, hidden int, act tensor.Act, gated bool, k tensor.Kind) MLP {
	first := hidden
	if gated {
		first *= 2
	}
	return MLP{FC1: NewLinear(width, first, true, k), FC2: NewLinear(hidden, width, true, k), Act: act, Gated: gated}
}

// Forward adds the MLP of h to x.
func (m *MLP) Forward(s *tensor.Stream, h, x tensor.Tensor) {
	defer s.Release(s.Mark())
	y := m.inner(s, h)
	if m.Norm.Ok() {
		m.Norm.Forward(s, y, y)
	}
	m.FC2.Forward(s, y, tensor.NoAct, x, x)
}

// inner is what the first linear and the activation make of h: (…, Hidden).
func (m *MLP) inner(s *tensor.Stream, h tensor.Tensor) tensor.Tensor {
	shape := h.Shape()
	shape[len(shape)-1] = m.FC1.Weight.Out
	if !m.Gated {
		y := s.New(h.DType(), shape...) // (…, Hidden)
		m.FC1.Forward(s, h, m.Act, tensor.Tensor{}, y)
		return y
	}
	y := s.New(tensor.F32, shape...) // (…, 2·Hidden): what the gate reads is not rounded
	m.FC1.Forward(s, h, tensor.NoAct, tensor.Tensor{}, y)
	shape[len(shape)-1] /= 2
	g := s.New(h.DType(), shape...) // (…, Hidden)
	s.Do(&tensor.GLU{X: y, Act: m.Act, Y: g})
	return g
}
