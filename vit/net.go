package vit

import (
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// net is a vision transformer with its weights, under timm's names.
type net struct {
	Patch    weights.Matrix   `weight:"patch_embed.proj.weight"` // (C, P·P·3)
	Bias     weights.Host     `weight:"patch_embed.proj.bias"`   // (C)
	Class    weights.Host     `weight:"cls_token"`               // (C)
	Pos      weights.Host     `weight:"pos_embed"`               // (L, C)
	PreNorm  nn.LayerNorm     `weight:"norm_pre"`
	Blocks   []nn.Block       `weight:"blocks"`
	Norm     nn.LayerNorm     `weight:"norm"`
	AttnPool nn.AttentionPool `weight:"attn_pool"`
	Head     nn.Linear        `weight:"head"` // (Out, C)

	config config
	start  tensor.Tensor // (L, C): positions, with the class token and the patch bias added in
}

func newNet(c config, p nn.Precision) *net {
	b := nn.BlockConfig{Width: c.width, Heads: c.heads, Hidden: c.hidden, Act: c.act, Eps: c.eps}
	n := &net{
		Patch:  weights.Matrix{Out: c.width, In: c.patch * c.patch * 3, Kind: p.Edge},
		Pos:    weights.Host{Shape: []int{c.lead() + c.patches(), c.width}},
		Blocks: nn.NewBlocks(c.layers, b, p),
		Norm:   nn.NewLayerNorm(c.width, c.eps),
		config: c,
	}
	if c.class {
		n.Class.Shape = []int{c.width}
	}
	if c.patchBias {
		n.Bias.Shape = []int{c.width}
	}
	if c.preNorm {
		n.PreNorm = nn.NewLayerNorm(c.width, c.eps)
	}
	if c.pool == attention {
		n.AttnPool = nn.NewAttentionPool(b, p.Edge)
	}
	if c.out > 0 {
		n.Head = nn.NewLinear(c.width, c.out, false, p.Edge)
	}
	return n
}

// fold makes the table that the patch embedding adds: row 0 of a model with a
// class token is the token at its position, since that row of the patches is
// zero; the other rows are position plus bias.
func (n *net) fold(p *tensor.Pool) (err error) {
	c, lead, table := n.config.width, n.config.lead(), n.Pos.Data
	for i := range table {
		switch {
		case i < lead*c:
			table[i] += n.Class.Data[i]
		case n.Bias.Data != nil:
			table[i] += n.Bias.Data[i%c]
		}
	}
	n.start, err = p.Constant(table, lead+n.config.patches(), c)
	n.Pos.Data = nil
	return err
}

// dim is the size of the vectors.
func (c config) dim() int {
	if c.out > 0 {
		return c.out
	}
	return c.width
}

// forward encodes pixels (B, H, W·3), U8, into y (B, Out), F32.
func (n *net) forward(s *tensor.Stream, pixels tensor.Tensor, scale, shift [3]float32, pool Pool, y tensor.Tensor) {
	defer s.Release(s.Mark())
	c := n.config
	b, l := pixels.Dim(0), c.lead()+c.patches()
	x := s.New(tensor.F32, b, l, c.width) // (B, L, C), the residual stream
	n.embed(s, pixels, scale, shift, x)
	n.blocks(s, x, len(n.Blocks))
	if !n.Head.Ok() {
		n.pool(s, x, pool, y)
		return
	}
	f := s.New(tensor.F32, b, c.width) // (B, C)
	n.pool(s, x, pool, f)
	n.Head.Forward(s, f, tensor.NoAct, tensor.Tensor{}, y)
}

// blocks runs the first blocks on the residual stream x (B, L, C).
func (n *net) blocks(s *tensor.Stream, x tensor.Tensor, first int) {
	if n.PreNorm.Ok() {
		n.PreNorm.Forward(s, x, x)
	}
	for i := range first {
		n.Blocks[i].Forward(s, x, nn.Mask{})
	}
}

// embed cuts pixels into patches and projects them into x.
func (n *net) embed(s *tensor.Stream, pixels tensor.Tensor, scale, shift [3]float32, x tensor.Tensor) {
	defer s.Release(s.Mark())
	c := n.config
	patches := s.New(s.Activations(n.Patch.Kind), x.Dim(0), x.Dim(1), n.Patch.In) // (B, L, P·P·3)
	s.Do(&tensor.Patchify{X: pixels, Patch: c.patch, Lead: c.lead(), Scale: scale, Shift: shift, Y: patches})
	s.Do(&tensor.Linear{X: patches, W: n.Patch.W, Res: n.start, Y: x})
}

// pool reduces x (B, L, C) to f (B, C).
func (n *net) pool(s *tensor.Stream, x tensor.Tensor, pool Pool, f tensor.Tensor) {
	lead := n.config.lead()
	switch {
	case pool == CLS:
		rows := make([]int32, x.Dim(0))
		for i := range rows {
			rows[i] = int32(i * x.Dim(1))
		}
		nn.Gather(s, x, rows, f)
		n.Norm.Forward(s, f, f)
	case pool == Mean && n.config.normAfterPool:
		s.Do(&tensor.MeanPool{X: x, Lead: lead, Y: f})
		n.Norm.Forward(s, f, f)
	case pool == Mean:
		n.Norm.Forward(s, x, x)
		s.Do(&tensor.MeanPool{X: x, Lead: lead, Y: f})
	default:
		h := s.New(s.Activations(n.AttnPool.KV.Weight.Kind), x.Shape()...) // (B, L, C)
		n.Norm.Forward(s, x, h)
		n.AttnPool.Forward(s, h, f)
	}
}
