package nn

import (
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// QueryPool sums a sequence up with learned queries, as CoCa does (arXiv
// 2205.01917). The first query stands for the sequence; the others, which are for
// a decoder, do not touch it.
type QueryPool struct {
	Query weights.Constant `weight:"query"`  // (N, D)
	NormQ LayerNorm        `weight:"norm_q"` // of a query
	NormK LayerNorm        `weight:"norm_k"` // of the sequence
	Q     Linear           `weight:"q"`      // (D, D)
	KV    Linear           `weight:"kv"`     // (2·D, C)
	Proj  Linear           `weight:"proj"`   // (D, D)
	Heads int
}

// NewQueryPool describes the pooling of rows of width elements into out elements.
func NewQueryPool(width, out, queries, heads int, eps float32, k tensor.Kind) QueryPool {
	return QueryPool{
		Query: weights.Constant{Shape: []int{queries, out}},
		NormQ: NewLayerNorm(out, eps), NormK: NewLayerNorm(width, eps),
		Q: NewLinear(out, out, true, k), KV: NewLinear(width, 2*out, true, k), Proj: NewLinear(out, out, true, k),
		Heads: heads,
	}
}

// Forward pools x (B, L, C) into y (B, D), F32.
func (p *QueryPool) Forward(s *tensor.Stream, x tensor.Tensor, m Mask, y tensor.Tensor) {
	defer s.Release(s.Mark())
	h := s.New(s.Activations(p.KV.Weight.Kind), x.Shape()...) // (B, L, C)
	p.NormK.Forward(s, x, h)
	kv := s.New(h.DType(), x.Dim(0), x.Dim(1), p.KV.Weight.Out) // (B, L, 2·D)
	p.KV.Forward(s, h, tensor.NoAct, tensor.Tensor{}, kv)
	n := s.New(h.DType(), 1, p.Q.Weight.In) // (1, D)
	p.NormQ.Forward(s, p.Query.T.Slice(0, 1), n)
	q := s.New(h.DType(), 1, p.Q.Weight.Out) // (1, D)
	p.Q.Forward(s, n, tensor.NoAct, tensor.Tensor{}, q)
	p.Proj.Forward(s, attend(s, q, kv, p.Heads, m), tensor.NoAct, tensor.Tensor{}, y)
}
