package nn

import (
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// AttentionPool sums a sequence up with one learned query: SigLIP's MAP head.
type AttentionPool struct {
	Latent weights.Constant `weight:"latent"` // (1, C)
	Q      Linear           `weight:"q"`      // (C, C)
	KV     Linear           `weight:"kv"`     // (2·C, C)
	Proj   Linear           `weight:"proj"`   // (C, C)
	Norm   LayerNorm        `weight:"norm"`
	MLP    MLP              `weight:"mlp"`
	Heads  int
}

// NewAttentionPool describes the pooling of rows of c.Width elements.
func NewAttentionPool(c BlockConfig, k tensor.Kind) AttentionPool {
	return AttentionPool{
		Latent: weights.Constant{Shape: []int{1, c.Width}},
		Q:      NewLinear(c.Width, c.Width, true, k),
		KV:     NewLinear(c.Width, 2*c.Width, true, k),
		Proj:   NewLinear(c.Width, c.Width, true, k),
		Norm:   NewLayerNorm(c.Width, c.Eps),
		MLP:    NewMLP(c.Width, c.Hidden, c.Act, false, k),
		Heads:  c.Heads,
	}
}

// Ok tells whether the layer is part of the model.
func (a *AttentionPool) Ok() bool { return a.Latent.Shape != nil }

// Forward pools h (B, L, C), as much of it as m lets see, into y (B, C), F32.
func (a *AttentionPool) Forward(s *tensor.Stream, h tensor.Tensor, m Mask, y tensor.Tensor) {
	defer s.Release(s.Mark())
	b, l, c := h.Dim(0), h.Dim(1), h.Cols()
	kv := s.New(h.DType(), b, l, 2*c) // (B, L, 2·C)
	a.KV.Forward(s, h, tensor.NoAct, tensor.Tensor{}, kv)
	q := s.New(h.DType(), 1, c) // (1, C): the same for every sequence
	a.Q.Forward(s, a.Latent.T, tensor.NoAct, tensor.Tensor{}, q)
	a.Proj.Forward(s, attend(s, q, kv, a.Heads, m), tensor.NoAct, tensor.Tensor{}, y)
	n := s.New(h.DType(), b, c) // (B, C)
	a.Norm.Forward(s, y, n)
	a.MLP.Forward(s, n, y)
}

// attend is what one query (1, D) reads of each sequence's keys and values (B, L,
// 2·D): (B, D).
func attend(s *tensor.Stream, q, kv tensor.Tensor, heads int, m Mask) tensor.Tensor {
	b, c := kv.Dim(0), q.Cols()
	qs := s.NewDense(q.DType(), b, 1, c) // (B, 1, D)
	Gather(s, q, make([]int32, b), qs)
	o := s.NewDense(q.DType(), b, 1, c) // (B, 1, D)
	s.Do(&tensor.Attention{
		Q: qs, K: kv.ColSlice(0, c), V: kv.ColSlice(c, 2*c),
		Heads: heads, Scale: headScale(c, heads), Lens: m.Lens, Sizes: m.Sizes, Y: o,
	})
	return o.Reshape(b, c)
}

// Gather copies the given rows of x into y.
func Gather(s *tensor.Stream, x tensor.Tensor, rows []int32, y tensor.Tensor) {
	ids := s.NewDense(tensor.I32, len(rows))
	tensor.Put(s, ids, rows)
	s.Do(&tensor.Embed{Table: x.Reshape(x.Rows(), x.Cols()), IDs: ids, Y: y})
}
