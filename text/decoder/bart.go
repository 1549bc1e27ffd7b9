package decoder

import (
	"fmt"
	"math"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/weights"
)

// bartOffset is how many rows of BART's tables of positions come before the first.
const bartOffset = 2

// readBART reads BartConfig of transformers.
func readBART(raw []byte) (config, error) {
	f := struct {
		Vocab     int      `json:"vocab_size"`
		Positions int      `json:"max_position_embeddings"`
		Width     int      `json:"d_model"`
		Layers    int      `json:"decoder_layers"`
		Heads     int      `json:"decoder_attention_heads"`
		Hidden    int      `json:"decoder_ffn_dim"`
		EncLayers int      `json:"encoder_layers"`
		EncHeads  int      `json:"encoder_attention_heads"`
		EncHidden int      `json:"encoder_ffn_dim"`
		Act       string   `json:"activation_function"`
		Scaled    bool     `json:"scale_embedding"`
		Tied      bool     `json:"tie_word_embeddings"`
		EOS       tokenIDs `json:"eos_token_id"`
		Start     int32    `json:"decoder_start_token_id"`
		First     *int32   `json:"forced_bos_token_id"`
		Last      tokenIDs `json:"forced_eos_token_id"`
	}{
		Vocab: 50265, Positions: 1024, Width: 1024, Layers: 12, Heads: 16, Hidden: 4096, EncLayers: 12, EncHeads: 16, EncHidden: 4096,
		Act: "gelu", Tied: true, EOS: tokenIDs{2}, Start: 2, Last: tokenIDs{2},
	}
	if err := weights.Decode("config.json", raw, &f); err != nil {
		return config{}, err
	}
	act, err := nn.Activation(f.Act)
	if err != nil {
		return config{}, fmt.Errorf("decoder: config.json: activation_function: %w", err)
	}
	if f.Heads < 1 || f.EncHeads < 1 || f.Width%f.Heads != 0 || f.Width%f.EncHeads != 0 {
		return config{}, fmt.Errorf("decoder: config.json: d_model %d is not a multiple of %d and %d heads", f.Width, f.EncHeads, f.Heads)
	}
	c := config{
		vocab: f.Vocab, positions: f.Positions, width: f.Width, layers: f.Layers, heads: f.Heads, kvHeads: f.Heads, head: f.Width / f.Heads,
		hidden: f.Hidden, act: act, eps: 1e-5, scale: float32(1 / math.Sqrt(float64(f.Width/f.Heads))), post: true, before: bartOffset, magnify: 1,
		qkvBias: true, projBias: true, mlpBias: true, headBias: true, tied: f.Tied, eos: f.EOS, start: f.Start, forced: forced{f.First, f.Last.first()},
		encoder: &encoderConfig{layers: f.EncLayers, heads: f.EncHeads, hidden: f.EncHidden},
	}
	if f.Scaled {
		c.magnify = math.Sqrt(float64(f.Width))
	}
	if err := c.check(); err != nil {
		return c, err
	}
	return c, c.encoder.check()
}

// bartLayout is a BartForConditionalGeneration. Its two tables of tokens are the
// shared one, unless nothing is tied.
func bartLayout(src weights.Source, c config) weights.Layout {
	const enc, dec = "model.encoder.", "model.decoder."
	const encLayer = enc + "layers.*"
	embed, head := ends(src, c, "model.shared.weight", hfHead)
	ignore := []string{enc + "embed_tokens.weight", dec + "embed_tokens.weight"}
	if !c.tied {
		embed, ignore = dec+"embed_tokens.weight", []string{"model.shared.weight"}
	}
	return weights.Layout{
		Name: "BART (transformers)",
		Rules: append([]weights.Rule{
			{To: "token_embed", From: weights.From(embed)},
			{To: "pos_embed", From: weights.From(dec + "embed_positions.weight")},
			{To: "norm_embed.*", From: weights.From(dec + "layernorm_embedding.*")},
			{To: "encoder.token_embed", From: weights.From(enc + "embed_tokens.weight")},
			{To: "encoder.pos_embed", From: weights.From(enc + "embed_positions.weight")},
			{To: "encoder.norm_embed.*", From: weights.From(enc + "layernorm_embedding.*")},
			{To: "encoder.blocks.*.attn.qkv.*", From: bartQKV(encLayer), Op: weights.Cat},
			{To: "encoder.blocks.*.attn.proj.*", From: weights.From(encLayer + ".self_attn.out_proj.*")},
			{To: "encoder.blocks.*.norm1.*", From: weights.From(encLayer + ".self_attn_layer_norm.*")},
			{To: "encoder.blocks.*.norm2.*", From: weights.From(encLayer + ".final_layer_norm.*")},
			{To: "encoder.blocks.*.mlp.*.*", From: weights.From(encLayer + ".*.*")},
			{To: "head.weight", From: weights.From(head)},
			{To: "head.bias", From: weights.From("final_logits_bias")},
		}, bartBlocks(dec+"layers.*")...),
		Ignore: ignore,
	}
}

func bartQKV(layer string) []string {
	return weights.From(layer+".self_attn.q_proj.*", layer+".self_attn.k_proj.*", layer+".self_attn.v_proj.*")
}

// bartBlocks names the blocks of a decoder after its layers.
func bartBlocks(layer string) []weights.Rule {
	return []weights.Rule{
		{To: "blocks.*.attn.qkv.*", From: bartQKV(layer), Op: weights.Cat},
		{To: "blocks.*.attn.proj.*", From: weights.From(layer + ".self_attn.out_proj.*")},
		{To: "blocks.*.cross.q.*", From: weights.From(layer + ".encoder_attn.q_proj.*")},
		{To: "blocks.*.cross.kv.*", From: weights.From(layer+".encoder_attn.k_proj.*", layer+".encoder_attn.v_proj.*"), Op: weights.Cat},
		{To: "blocks.*.cross.proj.*", From: weights.From(layer + ".encoder_attn.out_proj.*")},
		{To: "blocks.*.norm_cross.*", From: weights.From(layer + ".encoder_attn_layer_norm.*")},
		{To: "blocks.*.norm1.*", From: weights.From(layer + ".self_attn_layer_norm.*")},
		{To: "blocks.*.norm2.*", From: weights.From(layer + ".final_layer_norm.*")},
		{To: "blocks.*.mlp.*.*", From: weights.From(layer + ".*.*")},
	}
}
