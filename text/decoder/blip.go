package decoder

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/weights"
)

// readBLIP reads the decoder of BlipConfig: a BERT that is causal and attends to states
// of a question, or of a picture (arXiv 2201.12086).
func readBLIP(raw []byte) (config, error) {
	var file struct {
		Text   json.RawMessage `json:"text_config"`
		Vision struct {
			Width int `json:"hidden_size"`
		} `json:"vision_config"`
	}
	f := struct {
		Vocab     int      `json:"vocab_size"`
		Width     int      `json:"hidden_size"`
		Hidden    int      `json:"intermediate_size"`
		Layers    int      `json:"num_hidden_layers"`
		Heads     int      `json:"num_attention_heads"`
		Positions int      `json:"max_position_embeddings"`
		Act       string   `json:"hidden_act"`
		Eps       float64  `json:"layer_norm_eps"`
		Start     int32    `json:"bos_token_id"`
		Sep       tokenIDs `json:"sep_token_id"` // ends an answer; eos_token_id is not used
	}{Vocab: 30524, Width: 768, Hidden: 3072, Layers: 12, Heads: 8, Positions: 512, Act: "gelu", Eps: 1e-12, Start: 30522, Sep: tokenIDs{102}}
	file.Vision.Width = 768
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, err
	}
	if err := weights.Decode("config.json: text_config", file.Text, &f); err != nil {
		return config{}, err
	}
	act, err := nn.Activation(f.Act)
	if err != nil {
		return config{}, fmt.Errorf("decoder: config.json: text_config.hidden_act: %w", err)
	}
	if f.Heads < 1 || f.Width%f.Heads != 0 {
		return config{}, fmt.Errorf("decoder: config.json: text_config: hidden_size %d is not a multiple of num_attention_heads %d", f.Width, f.Heads)
	}
	c := config{
		vocab: f.Vocab, positions: f.Positions, width: f.Width, layers: f.Layers, heads: f.Heads, kvHeads: f.Heads, head: f.Width / f.Heads, hidden: f.Hidden,
		act: act, eps: float32(f.Eps), scale: float32(1 / math.Sqrt(float64(f.Width/f.Heads))), post: true, qkvBias: true, projBias: true, mlpBias: true,
		headBias: true, tied: true, transform: true, states: file.Vision.Width, eos: f.Sep, ends: true, start: f.Start,
	}
	return c, c.check()
}

// blipLayout is the text_decoder of the BLIP models of transformers.
func blipLayout(src weights.Source, c config) weights.Layout {
	const bert, cls = "text_decoder.bert.", "text_decoder.cls.predictions."
	const layer = bert + "encoder.layer.*."
	embed, head := ends(src, c, bert+"embeddings.word_embeddings.weight", cls+"decoder.weight")
	attn := func(at string, of ...string) []string {
		var all []string
		for _, n := range of {
			all = append(all, layer+at+".self."+n+".*")
		}
		return all
	}
	return weights.Layout{
		Name: "BLIP (transformers)",
		Rules: []weights.Rule{
			{To: "token_embed", From: weights.From(embed)},
			{To: "pos_embed", From: weights.From(bert + "embeddings.position_embeddings.weight")},
			{To: "norm_embed.*", From: weights.From(bert + "embeddings.LayerNorm.*")},
			{To: "blocks.*.attn.qkv.*", From: attn("attention", "query", "key", "value"), Op: weights.Cat},
			{To: "blocks.*.attn.proj.*", From: weights.From(layer + "attention.output.dense.*")},
			{To: "blocks.*.norm1.*", From: weights.From(layer + "attention.output.LayerNorm.*")},
			{To: "blocks.*.cross.q.*", From: attn("crossattention", "query")},
			{To: "blocks.*.cross.kv.*", From: attn("crossattention", "key", "value"), Op: weights.Cat},
			{To: "blocks.*.cross.proj.*", From: weights.From(layer + "crossattention.output.dense.*")},
			{To: "blocks.*.norm_cross.*", From: weights.From(layer + "crossattention.output.LayerNorm.*")},
			{To: "blocks.*.mlp.fc1.*", From: weights.From(layer + "intermediate.dense.*")},
			{To: "blocks.*.mlp.fc2.*", From: weights.From(layer + "output.dense.*")},
			{To: "blocks.*.norm2.*", From: weights.From(layer + "output.LayerNorm.*")},
			{To: "transform.fc.*", From: weights.From(cls + "transform.dense.*")},
			{To: "transform.norm.*", From: weights.From(cls + "transform.LayerNorm.*")},
			{To: "head.weight", From: weights.From(head)},
			{To: "head.bias", From: weights.From(cls + "bias")},
		},
		Ignore:  []string{cls + "decoder.bias", bert + "embeddings.position_ids"},
		Foreign: []string{"vision_model.**", "text_encoder.**", "itm_head.*", "vision_proj.*", "text_proj.*"},
	}
}
