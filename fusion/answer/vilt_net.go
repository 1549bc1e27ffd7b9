package answer

import (
	"fmt"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// viltConfig is ViltConfig of transformers.
type viltConfig struct {
	vocab, types, modalities, positions, width, layers, heads, hidden, side, patch, labels int

	act  tensor.Act
	eps  float32
	bias bool
}

func readViLT(raw []byte) (viltConfig, []string, error) {
	f := struct {
		Vocab      int               `json:"vocab_size"`
		Types      int               `json:"type_vocab_size"`
		Modalities int               `json:"modality_type_vocab_size"`
		Positions  int               `json:"max_position_embeddings"`
		Width      int               `json:"hidden_size"`
		Layers     int               `json:"num_hidden_layers"`
		Heads      int               `json:"num_attention_heads"`
		Hidden     int               `json:"intermediate_size"`
		Side       int               `json:"image_size"`
		Patch      int               `json:"patch_size"`
		Channels   int               `json:"num_channels"`
		Act        string            `json:"hidden_act"`
		Eps        float64           `json:"layer_norm_eps"`
		Bias       bool              `json:"qkv_bias"`
		Longest    int               `json:"max_image_length"`
		Labels     map[string]string `json:"id2label"`
	}{Vocab: 30522, Types: 2, Modalities: 2, Positions: 40, Width: 768, Layers: 12, Heads: 12, Hidden: 3072, Side: 384, Patch: 32, Channels: 3, Act: "gelu", Eps: 1e-12, Bias: true,
		Longest: -1, Labels: map[string]string{"0": "LABEL_0", "1": "LABEL_1"}}
	if err := weights.Decode("config.json", raw, &f); err != nil {
		return viltConfig{}, nil, err
	}
	act, err := nn.Activation(f.Act)
	if err != nil {
		return viltConfig{}, nil, fmt.Errorf("config.json: hidden_act: %w", err)
	}
	if err := inRange("", size{"vocab_size", f.Vocab, 1 << 24}, size{"type_vocab_size", f.Types, 1 << 10}, size{"modality_type_vocab_size", f.Modalities - 1, 1 << 10},
		size{"max_position_embeddings", f.Positions, 1 << 20}, size{"hidden_size", f.Width, 1 << 16}, size{"num_hidden_layers", f.Layers, 1 << 10},
		size{"num_attention_heads", f.Heads, 1 << 12}, size{"intermediate_size", f.Hidden, 1 << 18}, size{"image_size", f.Side, 1 << 13},
		size{"patch_size", f.Patch, f.Side}, size{"id2label", len(f.Labels), 1 << 20}); err != nil {
		return viltConfig{}, nil, err
	}
	switch {
	case f.Width%f.Heads != 0:
		return viltConfig{}, nil, fmt.Errorf("config.json: hidden_size %d is not a multiple of num_attention_heads %d", f.Width, f.Heads)
	case f.Channels != 3:
		return viltConfig{}, nil, fmt.Errorf("config.json: num_channels %d: only 3 are supported", f.Channels)
	case f.Longest >= 0:
		return viltConfig{}, nil, fmt.Errorf("config.json: max_image_length %d is not supported: it leaves patches out by chance; set it to -1", f.Longest)
	}
	labels := make([]string, len(f.Labels))
	for i := range labels {
		var ok bool
		if labels[i], ok = f.Labels[fmt.Sprint(i)]; !ok {
			return viltConfig{}, nil, fmt.Errorf("config.json: id2label has %d answers and none with the number %d", len(labels), i)
		}
	}
	return viltConfig{f.Vocab, f.Types, f.Modalities, f.Positions, f.Width, f.Layers, f.Heads, f.Hidden, f.Side, f.Patch, len(labels), act, float32(f.Eps), f.Bias}, labels, nil
}

// viltNet reads words and patches as one sequence (arXiv 2102.03334).
type viltNet struct {
	Tokens   weights.Table `weight:"token_embed"` // (V, C)
	Types    weights.Host  `weight:"type_embed"`  // (types, C): of texts; the first counts
	TextPos  weights.Host  `weight:"text_pos"`    // (positions, C)
	TextNorm nn.LayerNorm  `weight:"text_norm"`
	Class    weights.Host  `weight:"cls_token"` // (1, C)
	Pos      weights.Host  `weight:"pos_embed"` // (1 + side², C)
	Patch    nn.Linear     `weight:"patch_embed.proj"`
	Kinds    weights.Host  `weight:"kind_embed"` // (modalities, C): text, picture
	Blocks   []nn.Block    `weight:"blocks"`
	Norm     nn.LayerNorm  `weight:"norm"`
	Pool     nn.Linear     `weight:"pool"`
	Head1    nn.Linear     `weight:"head.0"`
	HeadNorm nn.LayerNorm  `weight:"head.1"`
	Head2    nn.Linear     `weight:"head.3"`

	config viltConfig
	places tensor.Tensor // (positions, C) of words, their type added
	word   tensor.Tensor // (1, C) what kind they are
}

func newViLTNet(c viltConfig, p nn.Precision) *viltNet {
	n := c.side / c.patch
	return &viltNet{
		Tokens:   weights.Table{Rows: c.vocab, Cols: c.width, DType: p.Table},
		Types:    weights.Host{Shape: []int{c.types, c.width}},
		TextPos:  weights.Host{Shape: []int{c.positions, c.width}},
		TextNorm: nn.NewLayerNorm(c.width, c.eps),
		Class:    weights.Host{Shape: []int{1, c.width}},
		Pos:      weights.Host{Shape: []int{1 + n*n, c.width}},
		Patch:    nn.NewLinear(3*c.patch*c.patch, c.width, true, p.Edge),
		Kinds:    weights.Host{Shape: []int{c.modalities, c.width}},
		Blocks:   nn.NewBlocks(c.layers, nn.BlockConfig{Width: c.width, Heads: c.heads, Hidden: c.hidden, Act: c.act, NoQKVBias: !c.bias, Eps: c.eps}, p),
		Norm:     nn.NewLayerNorm(c.width, c.eps),
		Pool:     nn.NewLinear(c.width, c.width, true, p.Edge),
		Head1:    nn.NewLinear(c.width, 2*c.width, true, p.Edge),
		HeadNorm: nn.NewLayerNorm(2*c.width, 1e-5), // torch's own
		Head2:    nn.NewLinear(2*c.width, c.labels, true, p.Edge),
		config:   c,
	}
}

// fold adds up what words get whatever they are.
func (n *viltNet) fold(p *tensor.Pool) (err error) {
	c := n.config.width
	sum := make([]float32, len(n.TextPos.Data))
	for i, v := range n.TextPos.Data {
		sum[i] = v + n.Types.Data[i%c]
	}
	if n.places, err = p.Constant(sum, n.config.positions, c); err != nil {
		return err
	}
	n.word, err = p.Constant(n.Kinds.Data[:c], 1, c)
	n.TextPos.Data, n.Types.Data = nil, nil
	return err
}

// see embeds a picture: the class token and its patches, with their places and what kind
// they are, to y (1+h·w, C), F32.
func (n *viltNet) see(s *tensor.Stream, px *picture.RGB, in viltPixels, y tensor.Tensor) {
	defer s.Release(s.Mark())
	c := n.config
	gw, gh := px.W/c.patch, px.H/c.patch
	class, spread := n.spread(gw, gh)
	tensor.Put(s, y.Slice(0, 1), class)
	pixels := s.NewDense(tensor.U8, 1, px.H, 3*px.W) // (1, H, W·3)
	tensor.Put(s, pixels, px.Pix)
	patches := s.New(tensor.F32, 1, gw*gh, 3*c.patch*c.patch) // (1, L, P·P·3)
	s.Do(&tensor.Patchify{X: pixels, Patch: c.patch, Scale: in.scale, Shift: in.shift, Y: patches})
	places := s.NewDense(tensor.F32, gw*gh, c.width) // (L, C)
	tensor.Put(s, places, spread)
	n.Patch.Forward(s, patches.Reshape(gw*gh, patches.Cols()), tensor.NoAct, places, y.Slice(1, 1+gw*gh))
}

// spread is the class token with its place, and the places of w×h patches (w·h, C): the
// square of learned ones, stretched with corners on corners (torch's bilinear
// interpolation with align_corners), with what kind they are.
func (n *viltNet) spread(w, h int) (class, places []float32) {
	c, side := n.config.width, n.config.side/n.config.patch
	kind, table := n.Kinds.Data[c:2*c], n.Pos.Data[c:]
	class = make([]float32, c)
	for i := range class {
		class[i] = n.Class.Data[i] + n.Pos.Data[i] + kind[i]
	}
	places = make([]float32, 0, w*h*c)
	for y := range h {
		y0, y1, fy := between(y, h, side)
		for x := range w {
			x0, x1, fx := between(x, w, side)
			for i := range c {
				at := func(y, x int) float32 { return table[(y*side+x)*c+i] }
				top := at(y0, x0)*(1-fx) + at(y0, x1)*fx
				low := at(y1, x0)*(1-fx) + at(y1, x1)*fx
				places = append(places, top*(1-fy)+low*fy+kind[i])
			}
		}
	}
	return class, places
}

// between is where the i-th of n points lies among side ones: the two beside it, and how
// far it is from the first.
func between(i, n, side int) (lo, hi int, f float32) {
	if n == 1 {
		return 0, min(1, side-1), 0
	}
	at := float32(i) * (float32(side-1) / float32(n-1))
	lo = min(int(at), side-1)
	return lo, min(lo+1, side-1), at - float32(lo)
}

// read writes what the pooling layer makes of words and a picture, before its tanh, to y
// (1, C), F32. seen is (L, C).
func (n *viltNet) read(s *tensor.Stream, ids []int32, seen []float32, y tensor.Tensor) {
	defer s.Release(s.Mark())
	c, words := n.config.width, len(ids)
	l := words + len(seen)/c
	x := s.NewDense(tensor.F32, l, c) // (L, C)
	tokens := s.NewDense(tensor.I32, words)
	tensor.Put(s, tokens, ids)
	text := s.NewDense(tensor.F32, words, c) // (words, C)
	s.Do(&tensor.Embed{Table: n.Tokens.T, IDs: tokens, Add: n.places.Slice(0, words), Y: text})
	n.TextNorm.Forward(s, text, text)
	none := s.NewDense(tensor.I32, words)
	tensor.Put(s, none, make([]int32, words))
	s.Do(&tensor.Embed{Table: n.word, IDs: none, Add: text, Y: x.Slice(0, words)})
	tensor.Put(s, x.Slice(words, l), seen)
	for i := range n.Blocks {
		n.Blocks[i].Forward(s, x.Reshape(1, l, c), nn.Mask{})
	}
	first := s.New(tensor.F32, 1, c) // (1, C)
	n.Norm.Forward(s, x.Slice(0, 1), first)
	n.Pool.Forward(s, first, tensor.NoAct, tensor.Tensor{}, y)
}

// weigh writes the logits (1, labels) of the answers to y.
func (n *viltNet) weigh(s *tensor.Stream, pooled []float32, y tensor.Tensor) {
	defer s.Release(s.Mark())
	x, h := s.NewDense(tensor.F32, 1, n.config.width), s.New(tensor.F32, 1, 2*n.config.width) // (1, C), (1, 2·C)
	tensor.Put(s, x, pooled)
	n.Head1.Forward(s, x, tensor.NoAct, tensor.Tensor{}, h)
	n.HeadNorm.Forward(s, h, h)
	s.Do(&tensor.Unary{X: h, Act: tensor.GELU, Y: h})
	n.Head2.Forward(s, h, tensor.NoAct, tensor.Tensor{}, y)
}

// viltLayout is a ViltForQuestionAnswering of transformers.
var viltLayout = func() weights.Layout {
	const at, layer = "vilt.embeddings.", "vilt.encoder.layer.*."
	return weights.Layout{
		Name: "ViLT (transformers)",
		Rules: []weights.Rule{
			{To: "token_embed", From: weights.From(at + "text_embeddings.word_embeddings.weight")},
			{To: "type_embed", From: weights.From(at + "text_embeddings.token_type_embeddings.weight")},
			{To: "text_pos", From: weights.From(at + "text_embeddings.position_embeddings.weight")},
			{To: "text_norm.*", From: weights.From(at + "text_embeddings.LayerNorm.*")},
			{To: "cls_token", From: weights.From(at + "cls_token")},
			{To: "pos_embed", From: weights.From(at + "position_embeddings")},
			{To: "patch_embed.proj.weight", From: weights.From(at + "patch_embeddings.projection.weight"), Op: weights.ChannelsLast},
			{To: "patch_embed.proj.bias", From: weights.From(at + "patch_embeddings.projection.bias")},
			{To: "kind_embed", From: weights.From(at + "token_type_embeddings.weight")},
			{To: "blocks.*.attn.qkv.*", From: weights.From(layer+"attention.attention.query.*", layer+"attention.attention.key.*", layer+"attention.attention.value.*"), Op: weights.Cat},
			{To: "blocks.*.attn.proj.*", From: weights.From(layer + "attention.output.dense.*")},
			{To: "blocks.*.norm1.*", From: weights.From(layer + "layernorm_before.*")},
			{To: "blocks.*.norm2.*", From: weights.From(layer + "layernorm_after.*")},
			{To: "blocks.*.mlp.fc1.*", From: weights.From(layer + "intermediate.dense.*")},
			{To: "blocks.*.mlp.fc2.*", From: weights.From(layer + "output.dense.*")},
			{To: "norm.*", From: weights.From("vilt.layernorm.*")},
			{To: "pool.*", From: weights.From("vilt.pooler.dense.*")},
			{To: "head.*.*", From: weights.From("classifier.*.*")},
		},
		Ignore: []string{at + "text_embeddings.position_ids"},
	}
}()
