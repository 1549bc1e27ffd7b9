package decoder

import (
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// net is a decoder with its weights.
type net struct {
	Tokens weights.Table    `weight:"token_embed"` // (V, C)
	Pos    weights.Constant `weight:"pos_embed"`   // (positions, C): GPT-2
	Blocks []block          `weight:"blocks"`
	Norm   norm             `weight:"norm"`
	Head   nn.Linear        `weight:"head"` // (V, C)

	config config
}

func newNet(c config, p nn.Precision) *net {
	n := &net{
		Tokens: weights.Table{Rows: c.vocab, Cols: c.width, DType: p.Table},
		Norm:   newNorm(c),
		Head:   nn.NewLinear(c.width, c.vocab, false, p.Block),
		config: c,
	}
	if !c.rope.ok() {
		n.Pos.Shape = []int{c.positions, c.width}
	}
	for i := range c.layers {
		n.Blocks = append(n.Blocks, newBlock(c, i, p))
	}
	return n
}

// pass is what one forward pass computes: the next tokens of some sequences, side by
// side as T rows.
type pass struct {
	ids    []int32 // (T)
	at     []int32 // (T) the token's position in its sequence
	spans  []int32 // (T) the sequence's length that the position is scaled for
	rows   []int32 // (T) where keys and values go in the store
	groups []group // who attends to whom: rows without a gap
	want   []int32 // (R) rows whose logits are wanted
}

// group is neighbouring rows of a pass: b sequences with lq queries each.
type group struct {
	first, b, lq int
	pages        []int32 // (B, N) of the store
	lens         []int32 // (B) keys, the new ones included
}

// inputs are a pass's numbers on the device.
type inputs struct {
	rows     tensor.Tensor // (T) I32
	cos, sin tensor.Tensor // (T, D/2), or none
	groups   []attended
}

// attended is a group's.
type attended struct {
	group
	pages, lens tensor.Tensor // (B, N), (B) I32
}

// upload brings a pass to the device.
func (n *net) upload(s *tensor.Stream, p pass) inputs {
	ints := func(v []int32, shape ...int) tensor.Tensor {
		t := s.NewDense(tensor.I32, shape...)
		tensor.Put(s, t, v)
		return t
	}
	in := inputs{rows: ints(p.rows, len(p.rows))}
	if r := n.config.rope; r.ok() {
		cos, sin := r.tables(p.at, p.spans)
		in.cos, in.sin = s.NewDense(tensor.F32, len(p.at), r.dim/2), s.NewDense(tensor.F32, len(p.at), r.dim/2)
		tensor.Put(s, in.cos, cos)
		tensor.Put(s, in.sin, sin)
	}
	for _, g := range p.groups {
		in.groups = append(in.groups, attended{g, ints(g.pages, g.b, len(g.pages)/g.b), ints(g.lens, g.b)})
	}
	return in
}

// forward computes a pass, puts its keys and values into the store, for each layer
// (N, P, 2·KV·D), and writes the wanted logits, if any are, to y (R, V), F32.
func (n *net) forward(s *tensor.Stream, p pass, store []tensor.Tensor, y tensor.Tensor) {
	defer s.Release(s.Mark())
	in := n.upload(s, p)
	x := s.New(tensor.F32, len(p.ids), n.config.width) // (T, C), the residual stream
	n.embed(s, p, x)
	for i := range n.Blocks {
		n.Blocks[i].forward(s, x, in, store[i])
	}
	if len(p.want) == 0 {
		return
	}
	f := s.New(tensor.F32, len(p.want), n.config.width) // (R, C)
	nn.Gather(s, x, p.want, f)
	n.Norm.forward(s, f, f)
	n.Head.Forward(s, f, tensor.NoAct, tensor.Tensor{}, y)
}

// embed writes tokens, at their places where these are learned, to x (T, C).
func (n *net) embed(s *tensor.Stream, p pass, x tensor.Tensor) {
	defer s.Release(s.Mark())
	ids := s.NewDense(tensor.I32, len(p.ids)) // (T)
	tensor.Put(s, ids, p.ids)
	op := &tensor.Embed{Table: n.Tokens.T, IDs: ids, Y: x}
	if n.Pos.T.Ok() {
		at := s.NewDense(tensor.I32, len(p.at)) // (T)
		tensor.Put(s, at, p.at)
		op.Add = s.New(tensor.F32, x.Shape()...) // (T, C)
		s.Do(&tensor.Embed{Table: n.Pos.T, IDs: at, Y: op.Add})
	}
	s.Do(op)
}
