package nn

import (
	"math"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Shorten is how a block makes a sequence shorter between its attention and its MLP.
type Shorten struct {
	Lead  int     // tokens that stay: class, registers
	Merge int     // tokens that are merged into those most like them: ToMe
	Keep  float64 // or the share of tokens that the class token looks at most: EViT
}

// Left is how many of l tokens are left.
func (o Shorten) Left(l int) int {
	if o.Merge > 0 {
		return l - max(0, min(o.Merge, (l-o.Lead)/2))
	}
	if kept := int(math.Ceil(o.Keep * float64(l-o.Lead))); o.Keep > 0 && kept+1 < l-o.Lead {
		return o.Lead + kept + 1
	}
	return l
}

// ForwardShorter is Forward with fewer tokens at the end: y (B, L', C), F32, where L'
// is what o leaves of x's L, and sizes (B, L'), F32. What x holds is lost.
func (b *Block) ForwardShorter(s *tensor.Stream, x tensor.Tensor, m Mask, o Shorten, y, sizes tensor.Tensor) {
	defer s.Release(s.Mark())
	h := s.New(s.Activations(b.MLP.FC1.Weight.Kind), x.Shape()...) // (B, L, C)
	b.Norm1.Forward(s, x, h)
	q, k := b.Attn.attend(s, h, m, x)
	if o.Merge > 0 {
		s.Do(&tensor.Merge{X: x, Keys: k, Heads: b.Attn.Heads, Sizes: m.Sizes, Lead: o.Lead, Y: y, YSizes: sizes})
	} else {
		s.Do(&tensor.Prune{X: x, Q: q, K: k, Heads: b.Attn.Heads, Scale: headScale(h.Cols(), b.Attn.Heads), Lead: o.Lead, Y: y})
	}
	h = Rows(h, y.Dim(1))
	b.Norm2.Forward(s, y, h)
	b.MLP.Forward(s, h, y)
}

// Rows views the memory of x (B, L, C) as sequences of l tokens, l at most L.
func Rows(x tensor.Tensor, l int) tensor.Tensor {
	b := x.Dim(0)
	return x.Reshape(x.Rows(), x.Cols()).Slice(0, b*l).Reshape(b, l, x.Cols())
}
