package imagebind

import (
	"math"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// net is a tower with its weights: a vision transformer whose attentions have a
// learned key and value.
type net struct {
	Stem     nn.Linear    `weight:"stem"` // (C, K): patches to tokens
	StemNorm nn.LayerNorm `weight:"stem_norm"`
	Class    weights.Host `weight:"cls_token"` // (C)
	Pos      weights.Host `weight:"pos_embed"` // (1 + L, C)
	Blocks   []nn.Block   `weight:"blocks"`
	Norm     nn.LayerNorm `weight:"norm"`
	Head     nn.Linear    `weight:"head"`               // (Out, C)
	LogScale weights.Host `weight:"log_scale,optional"` // the logarithm of the factor

	config config
	start  tensor.Tensor // (1 + L + 1, C): positions with the class token, and nothing for the learned key
}

func newNet(c config, p nn.Precision) *net {
	b := nn.BlockConfig{Width: c.width, Heads: c.heads, Hidden: 4 * c.width, Act: tensor.GELU, BiasKV: true, Eps: 1e-6}
	return &net{
		Stem:     nn.NewLinear(c.patch, c.width, false, p.Edge),
		StemNorm: nn.NewLayerNorm(c.width, 1e-5),
		Class:    weights.Host{Shape: []int{c.width}},
		Pos:      weights.Host{Shape: []int{1 + c.tokens, c.width}},
		Blocks:   nn.NewBlocks(c.layers, b, p),
		Norm:     nn.NewLayerNorm(c.width, 1e-6),
		Head:     nn.NewLinear(c.width, c.out, false, p.Edge),
		LogScale: weights.Host{Shape: []int{1}},
		config:   c,
	}
}

// fold makes the table that is added to the tokens.
func (n *net) fold(p *tensor.Pool) (err error) {
	for i, x := range n.Class.Data {
		n.Pos.Data[i] += x
	}
	n.start, err = p.Constant(append(n.Pos.Data, make([]float32, n.config.width)...), n.config.tokens+2, n.config.width)
	n.Pos.Data, n.Class.Data = nil, nil
	return err
}

// mostScale bounds the factor, as in the reference.
const mostScale = 100

// scale is the factor that the vectors are multiplied with.
func (n *net) scale() float64 {
	if n.LogScale.Data == nil {
		return n.config.scale
	}
	return min(math.Exp(float64(n.LogScale.Data[0])), mostScale)
}

// forward encodes clips, (L, K) each, to unit vectors y (B, Out), F32.
func (n *net) forward(s *tensor.Stream, clips [][]float32, y tensor.Tensor) {
	defer s.Release(s.Mark())
	c := n.config
	x := s.New(tensor.F32, len(clips), c.tokens+2, c.width) // (B, 1+L+1, C), the residual stream
	n.embed(s, clips, x)
	for i := range n.Blocks {
		n.Blocks[i].Forward(s, x, nn.Mask{})
	}
	f := s.New(tensor.F32, len(clips), c.width) // (B, C)
	first := make([]int32, len(clips))
	for i := range first {
		first[i] = int32(i * (c.tokens + 2))
	}
	nn.Gather(s, x, first, f)
	n.Norm.Forward(s, f, f)
	n.Head.Forward(s, f, tensor.NoAct, tensor.Tensor{}, y)
	s.Do(&tensor.Normalize{X: y, Eps: 1e-12, Y: y})
}

// embed writes the class token, the patches and the learned key's place to x (B,
// 1+L+1, C).
func (n *net) embed(s *tensor.Stream, clips [][]float32, x tensor.Tensor) {
	defer s.Release(s.Mark())
	b, l := len(clips), n.config.tokens
	h := s.New(tensor.F32, b*l+1, n.config.width) // (B·L + 1, C); the last row is zero
	tensor.Put(s, h.Slice(b*l, b*l+1), make([]float32, n.config.width))
	n.patches(s, clips, h.Slice(0, b*l))
	ids := make([]int32, 0, b*(l+2)) // rows of h
	for i := range b {
		ids = append(ids, int32(b*l))
		for k := range l {
			ids = append(ids, int32(i*l+k))
		}
		ids = append(ids, int32(b*l))
	}
	at := s.NewDense(tensor.I32, b, l+2) // (B, 1+L+1)
	tensor.Put(s, at, ids)
	s.Do(&tensor.Embed{Table: h, IDs: at, Add: n.start, Y: x})
}

// patches projects the clips' patches into h (B·L, C).
func (n *net) patches(s *tensor.Stream, clips [][]float32, h tensor.Tensor) {
	defer s.Release(s.Mark())
	p := s.NewDense(tensor.F32, len(clips), n.config.tokens, n.config.patch) // (B, L, K)
	for i, c := range clips {
		tensor.Put(s, p.Slice(i, i+1), c)
	}
	n.Stem.Forward(s, p.Reshape(h.Dim(0), n.config.patch), tensor.NoAct, tensor.Tensor{}, h)
	n.StemNorm.Forward(s, h, h)
}
