package vit

import (
	"slices"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// net is a vision transformer with its weights, under timm's names.
type net struct {
	Patch    weights.Matrix   `weight:"patch_embed.proj.weight"` // (C, F·P·P·3) of F frames, mostly one
	Bias     weights.Host     `weight:"patch_embed.proj.bias"`   // (C)
	Class    weights.Host     `weight:"cls_token"`               // (C)
	Distill  weights.Host     `weight:"dist_token"`              // (C)
	Register weights.Host     `weight:"reg_token"`               // (R, C)
	Pos      weights.Host     `weight:"pos_embed"`               // (L, C), of the tokens that have one
	PreNorm  nn.LayerNorm     `weight:"norm_pre"`
	Blocks   []nn.Block       `weight:"blocks"`
	Norm     nn.LayerNorm     `weight:"norm"`    // before the pooling, or
	PoolNorm nn.LayerNorm     `weight:"fc_norm"` // after it
	AttnPool nn.AttentionPool `weight:"attn_pool"`
	Queries  nn.QueryPool     `weight:"query_pool"`
	Head     nn.Linear        `weight:"head"`      // (Out, C)
	Heads    []nn.Linear      `weight:"heads"`     // one (K, C) or (K, 2·C): classification
	Pair     []nn.Linear      `weight:"head_pair"` // two (K, C): of the class and the distillation token

	config config
	reduce Reduce
	start  tensor.Tensor // (L, C): positions, with the class token and the patch bias added in
	turn   nn.Rotary     // (L, D/2): rotary positions, for pictures of the same size
}

func newNet(c config, p nn.Precision) *net {
	b := c.block()
	n := &net{
		Patch:  weights.Matrix{Out: c.width, In: max(c.frames, 1) * c.patch * c.patch * 3, Kind: p.Edge},
		Pos:    weights.Host{Shape: []int{c.placed() + c.patches(), c.width}},
		Blocks: nn.NewBlocks(c.layers, b, p),
		config: c,
	}
	if c.noPos {
		n.Pos.Shape = nil
	}
	if !c.noNorm {
		*n.lastNorm() = nn.NewLayerNorm(c.width, c.eps)
	}
	if c.class {
		n.Class.Shape = []int{c.width}
	}
	if c.distilled {
		n.Distill.Shape = []int{c.width}
	}
	if c.registers > 0 {
		n.Register.Shape = []int{c.registers, c.width}
	}
	if c.patchBias {
		n.Bias.Shape = []int{c.width}
	}
	if c.preNorm {
		n.PreNorm = nn.NewLayerNorm(c.width, c.eps)
	}
	if c.pool == attention {
		if c.poolHeads > 0 {
			b.Heads, b.Hidden = c.poolHeads, c.poolHidden
		}
		n.AttnPool = nn.NewAttentionPool(b, p.Edge)
	}
	in := c.width
	if c.pool == queries {
		in = c.out
		n.Queries = nn.NewQueryPool(c.width, in, c.queries, c.queryHeads, c.eps, p.Edge)
		*n.lastNorm() = nn.NewLayerNorm(in, c.eps)
	}
	if c.out > 0 {
		n.Head = nn.NewLinear(in, c.out, c.outBias, p.Edge)
	}
	n.newHeads(p)
	return n
}

// block describes the blocks.
func (c config) block() nn.BlockConfig {
	return nn.BlockConfig{
		Width: c.width, Heads: c.heads, Hidden: c.hidden, Act: c.act, Gated: c.gated, NoQKVBias: c.noQKVBias,
		AttnNorm: c.attnNorm, MLPNorm: c.mlpNorm, Eps: c.eps,
	}
}

// lastNorm is the norm that comes before or after the pooling.
func (n *net) lastNorm() *nn.LayerNorm {
	if n.config.normAfterPool {
		return &n.PoolNorm
	}
	return &n.Norm
}

// fold makes the table that the patch embedding adds for pictures of the size that
// the positions are for.
func (n *net) fold(p *tensor.Pool) (err error) {
	if n.config.flex { // the table is made for every picture
		return nil
	}
	own := n.config.own()
	n.start, err = p.Constant(n.table(own), n.config.lead()+n.config.patches(), n.config.width)
	if n.config.resample == never {
		n.Pos.Data = nil
	}
	if err == nil {
		err = n.foldRope(p, own)
	}
	return err
}

// table is what the patch embedding adds, (L, C): the rows of the tokens before the
// patches, which are zero there, are these tokens, with their positions if they
// have one; the other rows are position plus bias.
func (n *net) table(g grid) []float32 {
	c, lead, placed := n.config.width, n.config.lead(), n.config.placed()
	t := slices.Concat(n.Class.Data, n.Distill.Data, n.Register.Data) // (lead, C)
	for i, x := range n.Pos.Data[:placed*c] {
		t[i] += x
	}
	patches := n.Pos.Data[placed*c:]
	switch own := n.config.own(); {
	case n.config.noPos:
		patches = make([]float32, g.w*g.h*c)
	case g != own || n.config.resample == buckets:
		patches = n.config.resample.resize(patches, c, own, g)
	}
	t = append(t, patches...)
	for i := lead * c; n.Bias.Data != nil && i < len(t); i++ {
		t[i] += n.Bias.Data[i%c]
	}
	return t
}

// dim is the size of the vectors.
func (c config) dim() int {
	if c.out > 0 {
		return c.out
	}
	return c.width
}

// input is what a forward pass reads: pictures of one size or, in a model with
// flex, of any; or clips.
type input struct {
	pictures     []Pixels
	clips        []Clip
	scale, shift [3]float32 // of the values 0 to 255 of a colour
}

// count is the number of sequences that the input becomes.
func (in input) count() int { return len(in.pictures) + len(in.clips) }

// length is the number of tokens of the longest picture.
func (c config) length(in input) int {
	if len(in.clips) > 0 {
		return c.lead() + c.patches()
	}
	if !c.flex {
		w, h := c.grid(in.pictures[0])
		return c.lead() + w*h
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
	x, m := n.encode(s, in)
	if !n.Head.Ok() {
		n.pool(s, x, pool, m, y)
		return
	}
	f := s.New(tensor.F32, x.Dim(0), n.Head.Weight.In) // (B, C)
	n.pool(s, x, pool, m, f)
	n.Head.Forward(s, f, tensor.NoAct, tensor.Tensor{}, y)
}

// encode returns what the blocks make of pictures, x (B, L, C), and which of it counts.
func (n *net) encode(s *tensor.Stream, in input) (x tensor.Tensor, m nn.Mask) {
	m = n.lens(s, in)
	x = s.New(tensor.F32, in.count(), n.config.length(in), n.config.width)
	n.embed(s, in, x)
	if n.reduce.Merge > 0 || n.reduce.Keep > 0 {
		return n.shorter(s, x)
	}
	m.Rotary = n.rotary(s, in)
	n.blocks(s, x, len(n.Blocks), m)
	return x, m
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
	if c.frames > 1 {
		n.embedFrames(s, in, x)
		return
	}
	first := in.pictures[0]
	patches := s.New(s.Activations(n.Patch.Kind), x.Dim(0), x.Dim(1), n.Patch.In) // (B, L, P·P·3)
	s.Do(&tensor.Patchify{X: put(s, in.pictures), Patch: c.patch, Lead: c.lead(), Scale: in.scale, Shift: in.shift, Y: patches})
	s.Do(&tensor.Linear{X: patches, W: n.Patch.W, Res: n.startOf(s, first), Y: x})
}

// put copies pictures of one size to the device: (B, H, W·3).
func put(s *tensor.Stream, pictures []Pixels) tensor.Tensor {
	first := pictures[0]
	pixels := s.NewDense(tensor.U8, len(pictures), first.H, first.W*3)
	for i, px := range pictures {
		tensor.Put(s, pixels.Slice(i, i+1), px.RGB)
	}
	return pixels
}

// startOf is the table that the patch embedding adds for pictures like px.
func (n *net) startOf(s *tensor.Stream, px Pixels) tensor.Tensor {
	w, h := n.config.grid(px)
	if (grid{w, h}) == n.config.own() {
		return n.start
	}
	t := s.New(tensor.F32, n.config.lead()+w*h, n.config.width)
	tensor.Put(s, t, n.table(grid{w, h}))
	return t
}

// pool reduces x (B, L, C) to f (B, C).
func (n *net) pool(s *tensor.Stream, x tensor.Tensor, pool Pool, m nn.Mask, f tensor.Tensor) {
	lead := n.config.lead()
	switch {
	case pool == CLS:
		n.token(s, x, 0, f)
	case pool == both:
		two := s.New(tensor.F32, x.Dim(0), 2, x.Cols()) // (B, 2, C)
		for i := range 2 {
			n.token(s, x, i, f)
			s.Do(&tensor.Copy{X: f, Y: two.Reshape(x.Dim(0), 2*x.Cols()).ColSlice(i*x.Cols(), (i+1)*x.Cols())})
		}
		s.Do(&tensor.MeanPool{X: two, Y: f})
	case pool == Mean && n.config.normAfterPool:
		s.Do(&tensor.MeanPool{X: x, Lead: lead, Lens: m.Lens, Sizes: m.Sizes, Y: f})
		n.normalize(s, f)
	case pool == Mean:
		n.normalize(s, x)
		s.Do(&tensor.MeanPool{X: x, Lead: lead, Lens: m.Lens, Sizes: m.Sizes, Y: f})
	case pool == queries:
		n.Queries.Forward(s, x, m, f)
		n.normalize(s, f)
	default:
		h := s.New(s.Activations(n.AttnPool.KV.Weight.Kind), x.Shape()...) // (B, L, C)
		n.Norm.Forward(s, x, h)
		n.AttnPool.Forward(s, h, m, f)
	}
}

// token writes token i of each sequence of x (B, L, C), past the last norm, to f
// (B, C).
func (n *net) token(s *tensor.Stream, x tensor.Tensor, i int, f tensor.Tensor) {
	rows := make([]int32, x.Dim(0))
	for b := range rows {
		rows[b] = int32(b*x.Dim(1) + i)
	}
	nn.Gather(s, x, rows, f)
	n.normalize(s, f)
}

// normalize applies the last norm to x in place, if there is one.
func (n *net) normalize(s *tensor.Stream, x tensor.Tensor) {
	if l := n.lastNorm(); l.Ok() {
		l.Forward(s, x, x)
	}
}
