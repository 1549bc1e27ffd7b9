package decoder

import (
	"fmt"
	"math"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/weights"
)

// readGPT2 reads GPT2Config of transformers.
func readGPT2(raw []byte) (config, error) {
	f := struct {
		Vocab     int      `json:"vocab_size"`
		Positions int      `json:"n_positions"`
		Width     int      `json:"n_embd"`
		Layers    int      `json:"n_layer"`
		Heads     int      `json:"n_head"`
		Hidden    *int     `json:"n_inner"`
		Act       string   `json:"activation_function"`
		Eps       float64  `json:"layer_norm_epsilon"`
		Scaled    bool     `json:"scale_attn_weights"`
		ByLayer   bool     `json:"scale_attn_by_inverse_layer_idx"`
		Cross     bool     `json:"add_cross_attention"`
		Tied      bool     `json:"tie_word_embeddings"`
		EOS       tokenIDs `json:"eos_token_id"`
	}{
		Vocab: 50257, Positions: 1024, Width: 768, Layers: 12, Heads: 12, Act: "gelu_new", Eps: 1e-5,
		Scaled: true, Tied: true, EOS: tokenIDs{50256},
	}
	if err := weights.Decode("config.json", raw, &f); err != nil {
		return config{}, err
	}
	act, err := nn.Activation(f.Act)
	if err != nil {
		return config{}, fmt.Errorf("decoder: config.json: activation_function: %w", err)
	}
	if f.Cross {
		return config{}, refuse("add_cross_attention", true, "this is the decoder of an encoder-decoder")
	}
	if f.Heads < 1 || f.Width%f.Heads != 0 {
		return config{}, fmt.Errorf("decoder: config.json: n_embd %d is not a multiple of n_head %d", f.Width, f.Heads)
	}
	c := config{
		vocab: f.Vocab, positions: f.Positions, width: f.Width, layers: f.Layers, heads: f.Heads, kvHeads: f.Heads,
		head: f.Width / f.Heads, hidden: 4 * f.Width, act: act, eps: float32(f.Eps), scale: 1, byLayer: f.ByLayer,
		qkvBias: true, projBias: true, mlpBias: true, tied: f.Tied, eos: f.EOS,
	}
	if f.Hidden != nil {
		c.hidden = *f.Hidden
	}
	if f.Scaled {
		c.scale = float32(1 / math.Sqrt(float64(c.head)))
	}
	return c, c.check()
}

// gpt2Layout is a GPT2LMHeadModel; the first published folders have no prefix. Its
// layers are Conv1D, which keep the transpose of a linear layer.
func gpt2Layout(src weights.Source, c config) weights.Layout {
	at := "transformer."
	if _, ok := src.Get("wte.weight"); ok {
		at = ""
	}
	layer := at + "h.*"
	embed, head := ends(src, c, at+"wte.weight", hfHead)
	return weights.Layout{
		Name: "GPT-2 (transformers)",
		Rules: []weights.Rule{
			{To: "token_embed", From: weights.From(embed)},
			{To: "pos_embed", From: weights.From(at + "wpe.weight")},
			{To: "blocks.*.attn.qkv.weight", From: weights.From(layer + ".attn.c_attn.weight"), Op: weights.Transpose},
			{To: "blocks.*.attn.qkv.bias", From: weights.From(layer + ".attn.c_attn.bias")},
			{To: "blocks.*.attn.proj.weight", From: weights.From(layer + ".attn.c_proj.weight"), Op: weights.Transpose},
			{To: "blocks.*.attn.proj.bias", From: weights.From(layer + ".attn.c_proj.bias")},
			{To: "blocks.*.mlp.fc1.weight", From: weights.From(layer + ".mlp.c_fc.weight"), Op: weights.Transpose},
			{To: "blocks.*.mlp.fc1.bias", From: weights.From(layer + ".mlp.c_fc.bias")},
			{To: "blocks.*.mlp.fc2.weight", From: weights.From(layer + ".mlp.c_proj.weight"), Op: weights.Transpose},
			{To: "blocks.*.mlp.fc2.bias", From: weights.From(layer + ".mlp.c_proj.bias")},
			{To: "blocks.*.norm1.*", From: weights.From(layer + ".ln_1.*")},
			{To: "blocks.*.norm2.*", From: weights.From(layer + ".ln_2.*")},
			{To: "norm.*", From: weights.From(at + "ln_f.*")},
			{To: "head.weight", From: weights.From(head)},
		},
		Ignore: []string{layer + ".attn.bias", layer + ".attn.masked_bias"},
	}
}

// hfHead is what the head is called in most models of transformers.
const hfHead = "lm_head.weight"

// ends are the names of the table of tokens and of the head. As in transformers, two
// that are tied stand for each other where one is missing, and are two where both
// are there.
func ends(src weights.Source, c config, embed, head string) (string, string) {
	_, hasEmbed := src.Get(embed)
	_, hasHead := src.Get(head)
	switch {
	case c.tied && !hasHead:
		return embed, embed
	case c.tied && !hasEmbed:
		return head, head
	}
	return embed, head
}
