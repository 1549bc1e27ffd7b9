package text

import (
	"math"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// net is a text transformer with its weights.
type net struct {
	Tokens  weights.Table      `weight:"token_embed"` // (V, C)
	Pos     weights.Host       `weight:"pos_embed"`   // (rows, C)
	Types   weights.Host       `weight:"type_embed"`  // (types, C): RoBERTa; a text is all of type 0
	Class   weights.Host       `weight:"cls_token"`   // (C): CoCa
	PreNorm nn.LayerNorm       `weight:"norm_pre"`
	Blocks  []nn.Block         `weight:"blocks"`
	Post    []nn.PostNormBlock `weight:"post_blocks"`
	Norm    nn.LayerNorm       `weight:"norm"`
	Dense   nn.Linear          `weight:"dense"`  // (C, C), and tanh: BERT's pooler
	Hidden  nn.Linear          `weight:"hidden"` // (H, C): the first layer of a projection of two
	Head    nn.Linear          `weight:"head"`   // (Out, C) or (Out, H)

	config config
	turn   nn.Rotary     // (positions, D/2): rotary positions
	places tensor.Tensor // (positions, C): positions with what is added to all of them
	class  tensor.Tensor // (1, C): the class token at its place
}

func newNet(c config, p nn.Precision) *net {
	b := nn.BlockConfig{Width: c.width, Heads: c.heads, Hidden: c.hidden, Act: c.act, Eps: c.eps}
	n := &net{
		Tokens: weights.Table{Rows: c.vocab, Cols: c.width, DType: p.Table},
		config: c,
	}
	if c.theta == 0 {
		n.Pos.Shape = []int{max(c.rows, c.positions+c.tail()), c.width}
	}
	if c.postNorm {
		n.PreNorm = nn.NewLayerNorm(c.width, c.eps)
		n.Post = nn.NewPostNormBlocks(c.layers, b, p)
	} else {
		n.Blocks = nn.NewBlocks(c.layers, b, p)
		n.Norm = nn.NewLayerNorm(c.width, c.eps)
	}
	if c.types > 0 {
		n.Types.Shape = []int{c.types, c.width}
	}
	if c.class {
		n.Class.Shape = []int{c.width}
	}
	if c.dense {
		n.Dense = nn.NewLinear(c.width, c.width, true, p.Edge)
	}
	in := c.width
	if c.outHidden > 0 {
		in = c.outHidden
		n.Hidden = nn.NewLinear(c.width, in, false, p.Edge)
	}
	if c.out > 0 {
		n.Head = nn.NewLinear(in, c.out, c.outBias, p.Edge)
	}
	return n
}

// fold makes the tables that are added to the tokens.
func (n *net) fold(p *tensor.Pool) (err error) {
	c := n.config
	rows := make([]float32, c.width) // what all tokens have in common, or
	if c.theta == 0 {
		rows = n.Pos.Data[c.first*c.width:] // those of each position
	} else if err := n.foldRope(p); err != nil {
		return err
	}
	for i := range rows {
		if c.types > 0 {
			rows[i] += n.Types.Data[i%c.width]
		}
	}
	if c.class {
		last := rows[len(rows)-c.width:]
		for i, x := range n.Class.Data {
			last[i] += x
		}
		if n.class, err = p.Constant(last, 1, c.width); err != nil {
			return err
		}
	}
	n.places, err = p.Constant(rows, len(rows)/c.width, c.width)
	n.Pos.Data, n.Types.Data, n.Class.Data = nil, nil, nil
	return err
}

// forward encodes a batch into y (B, Out), F32.
func (n *net) forward(s *tensor.Stream, b batch, y tensor.Tensor) {
	defer s.Release(s.Mark())
	m := nn.Mask{Causal: n.config.causal}
	if b.lens != nil {
		m.Lens = s.NewDense(tensor.I32, b.n) // (B)
		tensor.Put(s, m.Lens, b.lens)
	}
	x := s.New(tensor.F32, b.n, b.length, n.config.width) // (B, L, C), the residual stream
	if m.Rotary = n.turn; n.config.theta > 0 {
		m.Rotary.At = s.NewDense(tensor.I32, b.n, b.length) // (B, L)
		tensor.Put(s, m.Rotary.At, b.places)
	}
	n.embed(s, b, x)
	for i := range n.Blocks {
		n.Blocks[i].Forward(s, x, m)
	}
	for i := range n.Post {
		n.Post[i].Forward(s, x, m)
	}
	n.head(s, b, m, x, y)
}

// embed writes tokens at their places to x (B, L, C).
func (n *net) embed(s *tensor.Stream, b batch, x tensor.Tensor) {
	defer s.Release(s.Mark())
	ids := s.NewDense(tensor.I32, b.n, b.length) // (B, L)
	tensor.Put(s, ids, b.ids)
	add := n.places.Slice(0, min(b.length, n.places.Rows()))
	if b.places != nil && n.config.theta == 0 {
		at := s.NewDense(tensor.I32, b.n, b.length) // (B, L)
		tensor.Put(s, at, b.places)
		add = s.New(tensor.F32, x.Shape()...) // (B, L, C)
		s.Do(&tensor.Embed{Table: n.places, IDs: at, Y: add})
	}
	s.Do(&tensor.Embed{Table: n.Tokens.T, IDs: ids, Add: add, Y: x})
	if n.config.class {
		rows := x.Reshape(x.Rows(), x.Cols())
		for _, r := range b.pooled {
			s.Do(&tensor.Copy{X: n.class, Y: rows.Slice(int(r), int(r)+1)})
		}
	}
	if n.PreNorm.Ok() {
		n.PreNorm.Forward(s, x, x)
	}
}

// head pools x (B, L, C) and projects it into y (B, Out), F32.
func (n *net) head(s *tensor.Stream, b batch, m nn.Mask, x, y tensor.Tensor) {
	f := y
	if n.Head.Ok() || n.Dense.Ok() || n.Hidden.Ok() {
		f = s.New(tensor.F32, b.n, n.config.width) // (B, C)
	}
	if n.config.pool == poolMean {
		s.Do(&tensor.MeanPool{X: x, Lens: m.Lens, Y: f})
	} else {
		nn.Gather(s, x, b.pooled, f)
	}
	if n.Norm.Ok() {
		n.Norm.Forward(s, f, f)
	}
	if n.Dense.Ok() {
		d := s.New(tensor.F32, f.Shape()...) // (B, C)
		n.Dense.Forward(s, f, tensor.NoAct, tensor.Tensor{}, d)
		tanh(s, d)
		f = d
	}
	if n.Hidden.Ok() {
		h := s.New(tensor.F32, b.n, n.config.outHidden) // (B, H)
		n.Hidden.Forward(s, f, tensor.GELU, tensor.Tensor{}, h)
		f = h
	}
	switch {
	case n.Head.Ok():
		n.Head.Forward(s, f, tensor.NoAct, tensor.Tensor{}, y)
	case n.Dense.Ok() || n.Hidden.Ok():
		s.Do(&tensor.Copy{X: f, Y: y})
	}
}

// tanh replaces the elements of f (B, C), F32. One row a text is too little for an
// op of its own: it is done in Go.
func tanh(s *tensor.Stream, f tensor.Tensor) {
	v := make([]float32, f.Len())
	if tensor.Get(s, v, f) != nil {
		return // the stream keeps the error
	}
	for i, x := range v {
		v[i] = float32(math.Tanh(float64(x)))
	}
	tensor.Put(s, f, v)
}
