package bench

import (
	"context"
	"math/rand/v2"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// stack is a CLIP ViT-B/32 of the same ops as package vit's, on a device of one's
// own choice.
type stack struct {
	Arch
	pool   *tensor.Pool
	cut    nn.Linear // (C, P·P·3)
	pos    tensor.Tensor
	norm   nn.LayerNorm // before the blocks, and after them
	blocks []nn.Block
	head   nn.Linear // (Out, C)
}

func newStack(dev *tensor.Device, p nn.Precision) (*stack, error) {
	a := archs["vit-b-32"]
	s := &stack{Arch: a, pool: dev.NewPool(),
		cut:    nn.NewLinear(a.patch*a.patch*3, a.width, false, p.Edge),
		norm:   nn.NewLayerNorm(a.width, 1e-5),
		blocks: nn.NewBlocks(a.layers, nn.BlockConfig{Width: a.width, Heads: a.heads, Hidden: a.hidden, Act: tensor.QuickGELU, Eps: 1e-5}, p),
		head:   nn.NewLinear(a.width, a.out, false, p.Edge),
	}
	f := &dealer{pool: s.pool, r: rand.New(rand.NewPCG(7, 8))}
	f.linear(&s.cut)
	f.linear(&s.head)
	f.norm(&s.norm)
	s.pos = f.constant(0, a.tokens(), a.width)
	for i := range s.blocks {
		b := &s.blocks[i]
		for _, l := range []*nn.Linear{&b.Attn.QKV, &b.Attn.Proj, &b.MLP.FC1, &b.MLP.FC2} {
			f.linear(l)
		}
		f.norm(&b.Norm1)
		f.norm(&b.Norm2)
	}
	if f.err != nil {
		s.pool.Close()
	}
	return s, f.err
}

// dealer fills modules with random weights. Its first error sticks.
type dealer struct {
	pool *tensor.Pool
	r    *rand.Rand
	err  error
}

func (f *dealer) linear(l *nn.Linear) {
	if f.err != nil {
		return
	}
	m := &l.Weight
	m.W, f.err = f.pool.Pack(m.Kind, m.Out, m.In, func(lo, hi int, dst []float32) {
		for i := range dst[:(hi-lo)*m.In] {
			dst[i] = (f.r.Float32() - 0.5) / 16
		}
	})
	if l.Bias.Shape != nil {
		l.Bias.T = f.constant(0, m.Out)
	}
}

func (f *dealer) norm(n *nn.LayerNorm) {
	for _, c := range []struct {
		to *weights.Constant
		v  float32
	}{{&n.Weight, 1}, {&n.Bias, 0}} {
		c.to.T = f.constant(c.v, c.to.Shape...)
	}
}

func (f *dealer) constant(v float32, shape ...int) (t tensor.Tensor) {
	if f.err != nil {
		return t
	}
	n := 1
	for _, d := range shape {
		n *= d
	}
	all := make([]float32, n)
	for i := range all {
		all[i] = v
	}
	t, f.err = f.pool.Constant(all, shape...)
	return t
}

// forward encodes a batch of pictures.
func (s *stack) forward(ctx context.Context, pixels []byte) error {
	b := len(pixels) / (3 * s.side * s.side)
	return s.pool.Device().Run(ctx, tensor.Interactive, func(st *tensor.Stream) error {
		px := st.NewDense(tensor.U8, b, s.side, 3*s.side) // (B, H, W·3)
		tensor.Put(st, px, pixels)
		x := st.New(tensor.F32, b, s.tokens(), s.width) // (B, L, C)
		s.embed(st, px, x)
		for i := range s.blocks {
			s.blocks[i].Forward(st, x, nn.Mask{})
		}
		first := make([]int32, b)
		for i := range first {
			first[i] = int32(i * s.tokens())
		}
		f, y := st.New(tensor.F32, b, s.width), st.New(tensor.F32, b, s.out) // (B, C), (B, Out)
		nn.Gather(st, x, first, f)
		s.norm.Forward(st, f, f)
		s.head.Forward(st, f, tensor.NoAct, tensor.Tensor{}, y)
		st.Do(&tensor.Normalize{X: y, Eps: 1e-12, Y: y})
		return tensor.Get(st, make([]float32, y.Len()), y)
	})
}

func (s *stack) embed(st *tensor.Stream, px, x tensor.Tensor) {
	defer st.Release(st.Mark())
	patches := st.New(st.Activations(s.cut.Weight.Kind), x.Dim(0), x.Dim(1), s.cut.Weight.In) // (B, L, P·P·3)
	st.Do(&tensor.Patchify{X: px, Patch: s.patch, Lead: 1, Scale: [3]float32{0.015, 0.015, 0.015}, Shift: [3]float32{-1.8, -1.8, -1.8}, Y: patches})
	s.cut.Forward(st, patches, tensor.NoAct, s.pos, x)
	s.norm.Forward(st, x, x)
}
