package decoder

import (
	"context"
	"fmt"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// encoderConfig is the shape of the encoder of an encoder-decoder, where it is not
// the decoder's.
type encoderConfig struct{ layers, heads, hidden int }

func (e *encoderConfig) check() error {
	for _, f := range []struct {
		key      string
		n, limit int
	}{{"encoder_layers", e.layers, 1 << 10}, {"encoder_attention_heads", e.heads, 1 << 12}, {"encoder_ffn_dim", e.hidden, 1 << 18}} {
		if f.n < 1 || f.n > f.limit {
			return fmt.Errorf("decoder: config.json: %s is %d, want 1 to %d", f.key, f.n, f.limit)
		}
	}
	return nil
}

// encoder reads the whole text before the decoder begins.
type encoder struct {
	Tokens weights.Table      `weight:"token_embed"` // (V, C), unless it is the decoder's
	Pos    weights.Host       `weight:"pos_embed"`   // (positions, C)
	Norm   norm               `weight:"norm_embed"`
	Blocks []nn.PostNormBlock `weight:"blocks"` // BART
	Bias   weights.Host       `weight:"bias"`   // (buckets, H): T5
	Layers []encoderLayer     `weight:"layers"`
	Last   norm               `weight:"norm"`

	places tensor.Tensor // (positions, C)
	bias   tensor.Tensor // (H, 2·R+1)
}

func newEncoder(c config, p nn.Precision) encoder {
	e := c.encoder
	if e == nil {
		return encoder{}
	}
	if c.relative != nil {
		enc := encoder{Bias: c.biases(), Last: newNorm(c)}
		for range e.layers {
			enc.Layers = append(enc.Layers, newEncoderLayer(c, p))
		}
		return enc
	}
	b := nn.BlockConfig{Width: c.width, Heads: e.heads, Hidden: e.hidden, Act: c.act, Eps: c.eps}
	enc := encoder{
		Pos:    weights.Host{Shape: []int{c.before + c.positions, c.width}},
		Norm:   newEmbedNorm(c),
		Blocks: nn.NewPostNormBlocks(e.layers, b, p),
	}
	if !c.tied {
		enc.Tokens = weights.Table{Rows: c.vocab, Cols: c.width, DType: p.Table}
	}
	return enc
}

// encode reads a source and puts the keys and values that the decoder's layers make
// of it into the store, at the given rows.
func (n *net) encode(s *tensor.Stream, source, rows []int32, store []tensor.Tensor) {
	defer s.Release(s.Mark())
	l := len(source)
	at := make([]int32, l)
	for i := range at {
		at[i] = int32(i)
	}
	table := n.Tokens.T
	if n.Encoder.Tokens.T.Ok() {
		table = n.Encoder.Tokens.T
	}
	x := s.New(tensor.F32, 1, l, n.config.width) // (1, L, C)
	embed(s, table, source, n.Encoder.places, at, &n.Encoder.Norm, x)
	n.Encoder.forward(s, x)
	n.remember(s, x.Reshape(l, n.config.width), rows, store)
}

// remember puts the keys and values that the layers make of states x (L, C) into the
// store, at the given rows.
func (n *net) remember(s *tensor.Stream, x tensor.Tensor, rows []int32, store []tensor.Tensor) {
	places := s.NewDense(tensor.I32, len(rows)) // (L)
	tensor.Put(s, places, rows)
	for i := range n.Blocks {
		n.Blocks[i].Cross.remember(s, x, places, store[i])
	}
}

// forward turns embedded tokens x (1, L, C), F32, into states.
func (e *encoder) forward(s *tensor.Stream, x tensor.Tensor) {
	for i := range e.Blocks {
		e.Blocks[i].Forward(s, x, nn.Mask{})
	}
	for i := range e.Layers {
		e.Layers[i].forward(s, x, e.bias)
	}
	if e.Last.ok() {
		e.Last.forward(s, x, x)
	}
}

// encode runs a sequence's source through the encoder.
func (d *Decoder) encode(ctx context.Context, q *sequence) error {
	rows := make([]int32, q.sourceLen())
	for i := range rows {
		rows[i] = q.crossPages[i/pageSize]*pageSize + int32(i%pageSize)
	}
	err := d.pool.Device().Run(ctx, d.lane, func(s *tensor.Stream) error {
		if q.states == nil {
			d.net.encode(s, q.source, rows, d.pages.store)
			return s.Err()
		}
		x := s.NewDense(tensor.F32, len(rows), d.net.config.states) // (L, C)
		tensor.Put(s, x, q.states.Rows)
		d.net.receive(s, x, rows, d.pages.store)
		return s.Err()
	})
	q.encoded = err == nil
	return err
}

// crossAttention lets a decoder's tokens read what the encoder has made of the source.
type crossAttention struct {
	Q    nn.Linear `weight:"q"`    // (H·D, C)
	KV   nn.Linear `weight:"kv"`   // (2·KV·D, C)
	Proj nn.Linear `weight:"proj"` // (C, H·D)

	config config
}

func newCrossAttention(c config, p nn.Precision) crossAttention {
	if !c.crosses() {
		return crossAttention{}
	}
	q, kv := c.columns()
	source := c.width
	if c.states > 0 && !c.project {
		source = c.states
	}
	return crossAttention{
		Q: nn.NewLinear(c.width, q, c.qkvBias, p.Block), KV: nn.NewLinear(source, 2*kv, c.qkvBias, p.Block),
		Proj: nn.NewLinear(q, c.width, c.projBias, p.Block), config: c,
	}
}

// remember puts keys and values of the encoder's x (L, C) into the store.
func (a *crossAttention) remember(s *tensor.Stream, x, rows, store tensor.Tensor) {
	defer s.Release(s.Mark())
	_, kv := a.config.columns()
	y := s.New(store.DType(), x.Dim(0), 2*kv) // (L, 2·KV·D)
	a.KV.Forward(s, x, tensor.NoAct, tensor.Tensor{}, y)
	s.Do(&tensor.Scatter{X: y, At: rows, Y: store})
}

// forward adds to x what h (T, C) reads of the sources.
func (a *crossAttention) forward(s *tensor.Stream, h tensor.Tensor, in inputs, store, x tensor.Tensor) {
	defer s.Release(s.Mark())
	c := a.config
	n, kv := c.columns()
	q, y := s.New(h.DType(), h.Dim(0), n), s.New(h.DType(), h.Dim(0), n) // (T, H·D)
	a.Q.Forward(s, h, tensor.NoAct, tensor.Tensor{}, q)
	for _, g := range in.groups {
		s.Do(&tensor.Attention{
			Q: g.part(q), K: store.ColSlice(0, kv), V: store.ColSlice(kv, 2*kv), Heads: c.heads, KVHeads: c.kvHeads,
			Scale: c.scale, Lens: g.crossLens, Pages: g.crossPages, Y: g.part(y),
		})
	}
	a.Proj.Forward(s, y, tensor.NoAct, x, x)
}
