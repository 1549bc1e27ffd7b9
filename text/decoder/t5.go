package decoder

import (
	"fmt"
	"strings"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/weights"
)

// t5Positions bounds T5's texts: its positions are relative and have no end, its training
// had 512.
const t5Positions = 4096

// hfT5 is T5Config or MT5Config of transformers.
type hfT5 struct {
	Vocab     int      `json:"vocab_size"`
	Width     int      `json:"d_model"`
	Head      int      `json:"d_kv"`
	Hidden    int      `json:"d_ff"`
	EncLayers int      `json:"num_layers"`
	Layers    *int     `json:"num_decoder_layers"`
	Heads     int      `json:"num_heads"`
	Buckets   int      `json:"relative_attention_num_buckets"`
	Distance  int      `json:"relative_attention_max_distance"`
	Eps       float64  `json:"layer_norm_epsilon"`
	MLP       string   `json:"feed_forward_proj"`
	Tied      *bool    `json:"tie_word_embeddings"`
	Scaled    *bool    `json:"scale_decoder_outputs"`
	EOS       tokenIDs `json:"eos_token_id"`
	Start     int32    `json:"decoder_start_token_id"`
}

// readT5 reads T5Config.
func readT5(raw []byte) (config, error) {
	return hfT5{
		Vocab: 32128, Width: 512, Head: 64, Hidden: 2048, EncLayers: 6, Heads: 8, Buckets: 32, Distance: 128, Eps: 1e-6, MLP: "relu", EOS: tokenIDs{1},
	}.read(raw)
}

// readMT5 reads MT5Config: T5 v1.1 in many languages. Its head's input is never scaled.
func readMT5(raw []byte) (config, error) {
	c, err := hfT5{
		Vocab: 250112, Width: 512, Head: 64, Hidden: 1024, EncLayers: 8, Heads: 6, Buckets: 32, Distance: 128, Eps: 1e-6, MLP: "gated-gelu", EOS: tokenIDs{1},
	}.read(raw)
	c.shrink = 0
	return c, err
}

func (f hfT5) read(raw []byte) (config, error) {
	if err := weights.Decode("config.json", raw, &f); err != nil {
		return config{}, err
	}
	name, gated := strings.CutPrefix(f.MLP, "gated-")
	if name == "gelu" && gated {
		name = "gelu_new" // as transformers has it
	}
	act, err := nn.Activation(name)
	if err != nil {
		return config{}, fmt.Errorf("decoder: config.json: feed_forward_proj: %w", err)
	}
	if f.Buckets < 4 || f.Buckets > 1<<12 || f.Distance <= f.Buckets/2 || f.Distance > 1<<12 {
		return config{}, fmt.Errorf("decoder: config.json: relative_attention_num_buckets %d with relative_attention_max_distance %d", f.Buckets, f.Distance)
	}
	c := config{
		vocab: f.Vocab, positions: t5Positions, width: f.Width, layers: f.EncLayers, heads: f.Heads, kvHeads: f.Heads, head: f.Head, hidden: f.Hidden,
		act: act, gated: gated, rms: true, eps: float32(f.Eps), scale: 1, relative: &relative{f.Buckets, f.Distance}, tied: true, eos: f.EOS, start: f.Start,
		encoder: &encoderConfig{layers: f.EncLayers, heads: f.Heads, hidden: f.Hidden},
	}
	if f.Layers != nil {
		c.layers = *f.Layers
	}
	// Folders say by tie_word_embeddings whether the head's input is scaled, and all of
	// them may be tied (T5Config of transformers).
	if f.Scaled != nil && *f.Scaled || f.Scaled == nil && (f.Tied == nil || *f.Tied) {
		c.shrink = f.Width
	}
	if err := c.check(); err != nil {
		return c, err
	}
	return c, c.encoder.check()
}

// t5Layout is a T5ForConditionalGeneration.
func t5Layout(src weights.Source, c config) weights.Layout {
	const enc, dec = "encoder.block.*.layer.", "decoder.block.*.layer."
	embed, head := ends(src, c, "shared.weight", hfHead)
	attn := func(at string) []string { return weights.From(at+"q.weight", at+"k.weight", at+"v.weight") }
	first := func(at string) []string {
		if c.gated {
			return weights.From(at+"wi_0.weight", at+"wi_1.weight")
		}
		return weights.From(at + "wi.weight")
	}
	const bias = "layer.0.SelfAttention.relative_attention_bias.weight"
	return weights.Layout{
		Name: "T5 (transformers)",
		Rules: []weights.Rule{
			{To: "token_embed", From: weights.From(embed)},
			{To: "bias", From: weights.From("decoder.block.0." + bias)},
			{To: "encoder.bias", From: weights.From("encoder.block.0." + bias)},
			{To: "encoder.layers.*.norm1.weight", From: weights.From(enc + "0.layer_norm.weight")},
			{To: "encoder.layers.*.qkv.weight", From: attn(enc + "0.SelfAttention."), Op: weights.Cat},
			{To: "encoder.layers.*.proj.weight", From: weights.From(enc + "0.SelfAttention.o.weight")},
			{To: "encoder.layers.*.norm2.weight", From: weights.From(enc + "1.layer_norm.weight")},
			{To: "encoder.layers.*.mlp.fc1.weight", From: first(enc + "1.DenseReluDense."), Op: weights.Cat},
			{To: "encoder.layers.*.mlp.fc2.weight", From: weights.From(enc + "1.DenseReluDense.wo.weight")},
			{To: "encoder.norm.weight", From: weights.From("encoder.final_layer_norm.weight")},
			{To: "blocks.*.norm1.weight", From: weights.From(dec + "0.layer_norm.weight")},
			{To: "blocks.*.attn.qkv.weight", From: attn(dec + "0.SelfAttention."), Op: weights.Cat},
			{To: "blocks.*.attn.proj.weight", From: weights.From(dec + "0.SelfAttention.o.weight")},
			{To: "blocks.*.norm_cross.weight", From: weights.From(dec + "1.layer_norm.weight")},
			{To: "blocks.*.cross.q.weight", From: weights.From(dec + "1.EncDecAttention.q.weight")},
			{To: "blocks.*.cross.kv.weight", From: weights.From(dec+"1.EncDecAttention.k.weight", dec+"1.EncDecAttention.v.weight"), Op: weights.Cat},
			{To: "blocks.*.cross.proj.weight", From: weights.From(dec + "1.EncDecAttention.o.weight")},
			{To: "blocks.*.norm2.weight", From: weights.From(dec + "2.layer_norm.weight")},
			{To: "blocks.*.mlp.fc1.weight", From: first(dec + "2.DenseReluDense."), Op: weights.Cat},
			{To: "blocks.*.mlp.fc2.weight", From: weights.From(dec + "2.DenseReluDense.wo.weight")},
			{To: "norm.weight", From: weights.From("decoder.final_layer_norm.weight")},
			{To: "head.weight", From: weights.From(head)},
		},
		Ignore: []string{"encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"},
	}
}
