package answer

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// questionConfig is the shape of BLIP's question encoder.
type questionConfig struct {
	vocab, positions, width, hidden, layers, heads int
	picture                                        int // columns of the states of pictures
	act                                            tensor.Act
	eps                                            float32
}

// readQuestion reads the text_config of BlipConfig over the defaults of BlipTextConfig.
func readQuestion(raw []byte) (questionConfig, error) {
	var file struct {
		Text   json.RawMessage `json:"text_config"`
		Vision struct {
			Width int `json:"hidden_size"`
		} `json:"vision_config"`
	}
	f := struct {
		Vocab     int     `json:"vocab_size"`
		Width     int     `json:"hidden_size"`
		Hidden    int     `json:"intermediate_size"`
		Layers    int     `json:"num_hidden_layers"`
		Heads     int     `json:"num_attention_heads"`
		Positions int     `json:"max_position_embeddings"`
		Act       string  `json:"hidden_act"`
		Eps       float64 `json:"layer_norm_eps"`
	}{Vocab: 30524, Width: 768, Hidden: 3072, Layers: 12, Heads: 8, Positions: 512, Act: "gelu", Eps: 1e-12}
	file.Vision.Width = 768
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return questionConfig{}, err
	}
	if err := weights.Decode("config.json: text_config", file.Text, &f); err != nil {
		return questionConfig{}, err
	}
	act, err := nn.Activation(f.Act)
	if err != nil {
		return questionConfig{}, fmt.Errorf("config.json: text_config.hidden_act: %w", err)
	}
	if err := inRange("text_config.", size{"vocab_size", f.Vocab, 1 << 24}, size{"hidden_size", f.Width, 1 << 16}, size{"intermediate_size", f.Hidden, 1 << 18},
		size{"num_hidden_layers", f.Layers, 1 << 10}, size{"num_attention_heads", f.Heads, 1 << 12}, size{"max_position_embeddings", f.Positions, 1 << 20}); err != nil {
		return questionConfig{}, err
	}
	if f.Width%f.Heads != 0 || f.Width != file.Vision.Width {
		return questionConfig{}, fmt.Errorf("config.json: text_config.hidden_size %d with %d heads and vision_config.hidden_size %d", f.Width, f.Heads, file.Vision.Width)
	}
	return questionConfig{f.Vocab, f.Positions, f.Width, f.Hidden, f.Layers, f.Heads, file.Vision.Width, act, float32(f.Eps)}, nil
}

// questionNet reads a question while it looks at the picture: a BERT whose every layer
// attends to the question, then to the picture (MED of BLIP, arXiv 2201.12086, figure 2).
type questionNet struct {
	Tokens weights.Table    `weight:"token_embed"` // (V, C)
	Pos    weights.Constant `weight:"pos_embed"`   // (positions, C)
	Norm   nn.LayerNorm     `weight:"norm_embed"`
	Blocks []questionBlock  `weight:"blocks"`
}

// questionBlock is one of its layers; norms come after the sums.
type questionBlock struct {
	Attn      nn.Attention `weight:"attn"`
	Norm1     nn.LayerNorm `weight:"norm1"`
	Q         nn.Linear    `weight:"cross.q"`    // (C, C)
	KV        nn.Linear    `weight:"cross.kv"`   // (2·C, In)
	Proj      nn.Linear    `weight:"cross.proj"` // (C, C)
	NormCross nn.LayerNorm `weight:"norm_cross"`
	MLP       nn.MLP       `weight:"mlp"`
	Norm2     nn.LayerNorm `weight:"norm2"`
}

func newQuestionNet(c questionConfig, p nn.Precision) *questionNet {
	n := &questionNet{
		Tokens: weights.Table{Rows: c.vocab, Cols: c.width, DType: p.Table},
		Pos:    weights.Constant{Shape: []int{c.positions, c.width}},
		Norm:   nn.NewLayerNorm(c.width, c.eps),
	}
	blocks := nn.NewPostNormBlocks(c.layers, nn.BlockConfig{Width: c.width, Heads: c.heads, Hidden: c.hidden, Act: c.act, Eps: c.eps}, p)
	for _, b := range blocks {
		n.Blocks = append(n.Blocks, questionBlock{
			Attn: b.Attn, Norm1: b.Norm1, MLP: b.MLP, Norm2: b.Norm2, NormCross: nn.NewLayerNorm(c.width, c.eps),
			Q: nn.NewLinear(c.width, c.width, true, p.Block), KV: nn.NewLinear(c.picture, 2*c.width, true, p.Block), Proj: nn.NewLinear(c.width, c.width, true, p.Block),
		})
	}
	return n
}

// see is what the layers look at of a picture's states x (L, In): keys and values,
// written to kv, for each layer (1, L, 2·C).
func (n *questionNet) see(s *tensor.Stream, x tensor.Tensor, kv []tensor.Tensor) {
	for i := range n.Blocks {
		n.Blocks[i].KV.Forward(s, x, tensor.NoAct, tensor.Tensor{}, kv[i].Reshape(x.Dim(0), kv[i].Cols()))
	}
}

// forward writes the states of a question's tokens to x (1, L, C), F32. kv is what was
// seen of the picture.
func (n *questionNet) forward(s *tensor.Stream, ids []int32, kv []tensor.Tensor, x tensor.Tensor) {
	defer s.Release(s.Mark())
	tokens := s.NewDense(tensor.I32, len(ids)) // (L)
	tensor.Put(s, tokens, ids)
	s.Do(&tensor.Embed{Table: n.Tokens.T, IDs: tokens, Add: n.Pos.T.Slice(0, len(ids)), Y: x})
	n.Norm.Forward(s, x, x)
	for i := range n.Blocks {
		n.Blocks[i].forward(s, x, kv[i])
	}
}

// forward updates x (1, L, C), F32; kv is (1, P, 2·C).
func (b *questionBlock) forward(s *tensor.Stream, x, kv tensor.Tensor) {
	defer s.Release(s.Mark())
	c := x.Cols()
	h := s.New(s.Activations(b.MLP.FC1.Weight.Kind), x.Shape()...) // (1, L, C)
	s.Do(&tensor.Copy{X: x, Y: h})
	b.Attn.Forward(s, h, nn.Mask{}, x)
	b.Norm1.Forward(s, x, x)

	s.Do(&tensor.Copy{X: x, Y: h})
	q, y := s.New(kv.DType(), x.Shape()...), s.New(kv.DType(), x.Shape()...) // (1, L, C)
	b.Q.Forward(s, h, tensor.NoAct, tensor.Tensor{}, q)
	scale := float32(1 / math.Sqrt(float64(c/b.Attn.Heads)))
	s.Do(&tensor.Attention{Q: q, K: kv.ColSlice(0, c), V: kv.ColSlice(c, 2*c), Heads: b.Attn.Heads, Scale: scale, Y: y})
	b.Proj.Forward(s, y, tensor.NoAct, x, x)
	b.NormCross.Forward(s, x, x)

	s.Do(&tensor.Copy{X: x, Y: h})
	b.MLP.Forward(s, h, x)
	b.Norm2.Forward(s, x, x)
}

// questionLayout is the text_encoder of the BLIP models of transformers.
var questionLayout = func() weights.Layout {
	const at, layer = "text_encoder.embeddings.", "text_encoder.encoder.layer.*."
	return weights.Layout{
		Name: "BLIP (transformers)",
		Rules: []weights.Rule{
			{To: "token_embed", From: weights.From(at + "word_embeddings.weight")},
			{To: "pos_embed", From: weights.From(at + "position_embeddings.weight")},
			{To: "norm_embed.*", From: weights.From(at + "LayerNorm.*")},
			{To: "blocks.*.attn.qkv.*", From: weights.From(layer+"attention.self.query.*", layer+"attention.self.key.*", layer+"attention.self.value.*"), Op: weights.Cat},
			{To: "blocks.*.attn.proj.*", From: weights.From(layer + "attention.output.dense.*")},
			{To: "blocks.*.norm1.*", From: weights.From(layer + "attention.output.LayerNorm.*")},
			{To: "blocks.*.cross.q.*", From: weights.From(layer + "crossattention.self.query.*")},
			{To: "blocks.*.cross.kv.*", From: weights.From(layer+"crossattention.self.key.*", layer+"crossattention.self.value.*"), Op: weights.Cat},
			{To: "blocks.*.cross.proj.*", From: weights.From(layer + "crossattention.output.dense.*")},
			{To: "blocks.*.norm_cross.*", From: weights.From(layer + "crossattention.output.LayerNorm.*")},
			{To: "blocks.*.mlp.fc1.*", From: weights.From(layer + "intermediate.dense.*")},
			{To: "blocks.*.mlp.fc2.*", From: weights.From(layer + "output.dense.*")},
			{To: "blocks.*.norm2.*", From: weights.From(layer + "output.LayerNorm.*")},
		},
		Ignore:  []string{at + "position_ids"},
		Foreign: []string{"vision_model.**", "text_decoder.**", "itm_head.*", "vision_proj.*", "text_proj.*"},
	}
}()
