package decoder

import (
	"slices"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// net is a decoder with its weights.
type net struct {
	Tokens  weights.Table `weight:"token_embed"` // (V, C)
	Pos     weights.Host  `weight:"pos_embed"`   // (positions, C): GPT-2, BART
	PreNorm norm          `weight:"norm_embed"`  // BART
	Bias    weights.Host  `weight:"bias"`        // (buckets, H): T5
	Encoder encoder       `weight:"encoder"`
	Source  nn.Linear     `weight:"source"` // (C, S): TrOCR's, where another model's states have another width
	Blocks  []block       `weight:"blocks"`
	Norm    norm          `weight:"norm"`
	Change  transform     `weight:"transform"`
	Head    nn.Linear     `weight:"head"` // (V, C)

	config config
	places tensor.Tensor // (positions, C), or none
	bias   tensor.Tensor // (H, 2·R+1), or none
}

func newNet(c config, p nn.Precision) *net {
	n := &net{
		Tokens:  weights.Table{Rows: c.vocab, Cols: c.width, DType: p.Table},
		Bias:    c.biases(),
		Encoder: newEncoder(c, p),
		Head:    nn.NewLinear(c.width, c.vocab, c.headBias, p.Block),
		Change:  newTransform(c, p),
		config:  c,
	}
	switch {
	case !c.post:
		n.Norm = newNorm(c)
	case !c.bare:
		n.PreNorm = newEmbedNorm(c)
	case c.magnify != 0:
		n.Tokens.Scale = float32(c.magnify)
	}
	if !c.rope.ok() && c.relative == nil && !c.waves {
		n.Pos.Shape = []int{c.before + c.positions, c.width}
	}
	if c.project {
		n.Source = nn.NewLinear(c.states, c.width, true, p.Edge)
	}
	for i := range c.layers {
		n.Blocks = append(n.Blocks, newBlock(c, i, p))
	}
	return n
}

// fold makes the tables of positions and distances. Where the embedding is magnified they are
// divided by as much instead, which the norm after it does not see.
func (n *net) fold(p *tensor.Pool) error {
	if c := n.config; c.waves {
		n.Pos.Data = append(waves(c.before+c.positions, c.width), make([]float32, c.width)...) // one more: nowhere
	}
	for _, t := range []struct {
		from *weights.Host
		to   *tensor.Tensor
	}{{&n.Pos, &n.places}, {&n.Encoder.Pos, &n.Encoder.places}} {
		if t.from.Data == nil {
			continue
		}
		rows := t.from.Data[n.config.before*n.config.width:]
		if m := n.config.magnify; m != 0 && !n.config.bare {
			for i := range rows {
				rows[i] = float32(float64(rows[i]) / m)
			}
		}
		var err error
		if *t.to, err = p.Constant(rows, len(rows)/n.config.width, n.config.width); err != nil {
			return err
		}
		t.from.Data = nil
	}
	if n.Bias.Data == nil {
		return nil
	}
	var err error
	if n.bias, err = n.config.relative.table(p, n.Bias.Data, n.config.heads, false); err != nil {
		return err
	}
	n.Encoder.bias, err = n.config.relative.table(p, n.Encoder.Bias.Data, n.config.heads, true)
	n.Bias.Data, n.Encoder.Bias.Data = nil, nil
	return err
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

	inserted []int32   // (I) rows that are not embedded tokens but
	features []float32 // (I, C)
}

// group is neighbouring rows of a pass: b sequences with lq queries each.
type group struct {
	first, b, lq int
	pages        []int32 // (B, N) of the store
	lens         []int32 // (B) keys, the new ones included
	crossPages   []int32 // (B, N) of the sources, for an encoder-decoder
	crossLens    []int32 // (B)
}

// part are a group's rows of x (T, C) as (B, Lq, C).
func (g group) part(x tensor.Tensor) tensor.Tensor {
	return x.Slice(g.first, g.first+g.b*g.lq).Reshape(g.b, g.lq, x.Cols())
}

// inputs are a pass's numbers on the device.
type inputs struct {
	rows     tensor.Tensor // (T) I32
	cos, sin tensor.Tensor // (T, D/2), or none
	bias     tensor.Tensor // (H, 2·R+1), or none
	groups   []attended
}

// attended is a group's.
type attended struct {
	group
	pages, lens           tensor.Tensor // (B, N), (B) I32
	crossPages, crossLens tensor.Tensor
}

// upload brings a pass to the device.
func (n *net) upload(s *tensor.Stream, p pass) inputs {
	ints := func(v []int32, shape ...int) tensor.Tensor {
		t := s.NewDense(tensor.I32, shape...)
		tensor.Put(s, t, v)
		return t
	}
	in := inputs{rows: ints(p.rows, len(p.rows)), bias: n.bias}
	if r := n.config.rope; r.ok() {
		cos, sin := r.tables(p.at, p.spans)
		in.cos, in.sin = s.NewDense(tensor.F32, len(p.at), r.dim/2), s.NewDense(tensor.F32, len(p.at), r.dim/2)
		tensor.Put(s, in.cos, cos)
		tensor.Put(s, in.sin, sin)
	}
	for _, g := range p.groups {
		a := attended{group: g, pages: ints(g.pages, g.b, len(g.pages)/g.b), lens: ints(g.lens, g.b)}
		if g.crossLens != nil {
			a.crossPages, a.crossLens = ints(g.crossPages, g.b, len(g.crossPages)/g.b), ints(g.crossLens, g.b)
		}
		in.groups = append(in.groups, a)
	}
	return in
}

// forward computes a pass, puts its keys and values into the store, for each layer
// (N, P, 2·KV·D), and writes the wanted logits, if any are, to y (R, V), F32.
func (n *net) forward(s *tensor.Stream, p pass, store []tensor.Tensor, y tensor.Tensor) {
	defer s.Release(s.Mark())
	in := n.upload(s, p)
	x := s.New(tensor.F32, len(p.ids), n.config.width) // (T, C), the residual stream
	embed(s, n.Tokens.T, p.ids, n.places, n.config.rowsOf(p), &n.PreNorm, x)
	insert(s, p, x)
	for i := range n.Blocks {
		n.Blocks[i].forward(s, x, in, store[i])
	}
	if len(p.want) == 0 {
		return
	}
	f := s.New(tensor.F32, len(p.want), n.config.width) // (R, C)
	nn.Gather(s, x, p.want, f)
	if n.Norm.ok() {
		n.Norm.forward(s, f, f)
	}
	n.Change.forward(s, f)
	n.Head.Forward(s, f, tensor.NoAct, tensor.Tensor{}, y)
}

// rowsOf are the rows of the table of positions for a pass's tokens.
func (c config) rowsOf(p pass) []int32 {
	if c.unplaced == nil {
		return p.at
	}
	at := slices.Clone(p.at)
	for i, id := range p.ids {
		if id == *c.unplaced {
			at[i] = int32(c.positions) // nowhere
		}
	}
	return at
}

// embed writes tokens, at their places where these are learned, to x (…, C), F32.
func embed(s *tensor.Stream, table tensor.Tensor, ids []int32, places tensor.Tensor, at []int32, after *norm, x tensor.Tensor) {
	defer s.Release(s.Mark())
	tokens := s.NewDense(tensor.I32, len(ids)) // (T)
	tensor.Put(s, tokens, ids)
	op := &tensor.Embed{Table: table, IDs: tokens, Y: x}
	if places.Ok() {
		rows := s.NewDense(tensor.I32, len(at)) // (T)
		tensor.Put(s, rows, at)
		op.Add = s.New(tensor.F32, len(at), x.Cols()) // (T, C)
		s.Do(&tensor.Embed{Table: places, IDs: rows, Y: op.Add})
	}
	s.Do(op)
	if after.ok() {
		after.forward(s, x, x)
	}
}
