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
	if n.config.flex { // the table is made for every picture
		return nil
	}
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

// input is what a forward pass reads: pictures of one size or, in a model with
// flex, of any.
type input struct {
	pictures     []Pixels
	scale, shift [3]float32 // of the values 0 to 255 of a colour
}

// length is the number of tokens of the longest picture.
func (c config) length(in input) int {
	if !c.flex {
		return c.lead() + c.patches()
	}
	most := 0
	for _, px := range in.pictures {
		w, h := c.grid(px)
		most = max(most, w*h)
	}
	return most
}

// forward encodes pictures into y (B, Out), F32.
func (n *net) forward(s *tensor.Stream, in input, pool Pool, y tensor.Tensor) {
	defer s.Release(s.Mark())
	b, c := len(in.pictures), n.config
	m := n.lens(s, in)
	x := s.New(tensor.F32, b, c.length(in), c.width) // (B, L, C), the residual stream
	n.embed(s, in, x)
	n.blocks(s, x, len(n.Blocks), m)
	if !n.Head.Ok() {
		n.pool(s, x, pool, m, y)
		return
	}
	f := s.New(tensor.F32, b, c.width) // (B, C)
	n.pool(s, x, pool, m, f)
	n.Head.Forward(s, f, tensor.NoAct, tensor.Tensor{}, y)
}

// blocks runs the first blocks on the residual stream x (B, L, C).
func (n *net) blocks(s *tensor.Stream, x tensor.Tensor, first int, m nn.Mask) {
	if n.PreNorm.Ok() {
		n.PreNorm.Forward(s, x, x)
	}
	for i := range first {
		n.Blocks[i].Forward(s, x, m)
	}
}

// embed cuts pictures into patches and projects them into x (B, L, C).
func (n *net) embed(s *tensor.Stream, in input, x tensor.Tensor) {
	defer s.Release(s.Mark())
	c := n.config
	if c.flex {
		n.embedFlex(s, in, x)
		return
	}
	first := in.pictures[0]
	pixels := s.NewDense(tensor.U8, len(in.pictures), first.H, first.W*3) // (B, H, W·3)
	for i, px := range in.pictures {
		tensor.Put(s, pixels.Slice(i, i+1), px.RGB)
	}
	patches := s.New(s.Activations(n.Patch.Kind), x.Dim(0), x.Dim(1), n.Patch.In) // (B, L, P·P·3)
	s.Do(&tensor.Patchify{X: pixels, Patch: c.patch, Lead: c.lead(), Scale: in.scale, Shift: in.shift, Y: patches})
	s.Do(&tensor.Linear{X: patches, W: n.Patch.W, Res: n.start, Y: x})
}

// pool reduces x (B, L, C) to f (B, C).
func (n *net) pool(s *tensor.Stream, x tensor.Tensor, pool Pool, m nn.Mask, f tensor.Tensor) {
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
		s.Do(&tensor.MeanPool{X: x, Lead: lead, Lens: m.Lens, Y: f})
		n.Norm.Forward(s, f, f)
	case pool == Mean:
		n.Norm.Forward(s, x, x)
		s.Do(&tensor.MeanPool{X: x, Lead: lead, Lens: m.Lens, Y: f})
	default:
		h := s.New(s.Activations(n.AttnPool.KV.Weight.Kind), x.Shape()...) // (B, L, C)
		n.Norm.Forward(s, x, h)
		n.AttnPool.Forward(s, h, m, f)
	}
}
