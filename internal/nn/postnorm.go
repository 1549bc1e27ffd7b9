package nn

import "github.com/emblem-search/emblem/internal/tensor"

// PostNormBlock is a transformer block that normalises after each sum, as BERT
// does: x = norm1(x + attn(x)), x = norm2(x + mlp(x)).
type PostNormBlock struct {
	Attn  Attention `weight:"attn"`
	Norm1 LayerNorm `weight:"norm1"`
	MLP   MLP       `weight:"mlp"`
	Norm2 LayerNorm `weight:"norm2"`
}

// NewPostNormBlocks describes a stack of n equal blocks.
func NewPostNormBlocks(n int, c BlockConfig, p Precision) []PostNormBlock {
	all := make([]PostNormBlock, n)
	for i := range all {
		b := NewBlock(c, p)
		all[i] = PostNormBlock{b.Attn, b.Norm1, b.MLP, b.Norm2}
	}
	return all
}

// Forward updates the residual stream x (B, L, C), F32.
func (b *PostNormBlock) Forward(s *tensor.Stream, x tensor.Tensor, m Mask) {
	defer s.Release(s.Mark())
	h := s.New(s.Activations(b.MLP.FC1.Weight.Kind), x.Shape()...) // (B, L, C)
	s.Do(&tensor.Copy{X: x, Y: h})
	b.Attn.Forward(s, h, m, x)
	b.Norm1.Forward(s, x, x)
	s.Do(&tensor.Copy{X: x, Y: h})
	b.MLP.Forward(s, h, x)
	b.Norm2.Forward(s, x, x)
}
