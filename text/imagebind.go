package text

import (
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// readImageBind reads the arguments of ImageBindModel; those of imagebind_huge
// stand for what is not there. The vocabulary and the length are no arguments: they
// are read for the sake of other models of this kind.
func readImageBind(raw []byte) (config, error) {
	const where = "config.json"
	f := struct {
		Width     int `json:"text_embed_dim"`
		Layers    int `json:"text_num_blocks"`
		Heads     int `json:"text_num_heads"`
		Out       int `json:"out_embed_dim"`
		Vocab     int `json:"vocab_size"`
		Positions int `json:"context_length"`
	}{1024, 24, 16, 1024, 49408, 77}
	if err := weights.Decode(where, raw, &f); err != nil {
		return config{}, err
	}
	c := config{
		vocab: f.Vocab, positions: f.Positions, width: f.Width, layers: f.Layers, heads: f.Heads, hidden: 4 * f.Width,
		act: tensor.GELU, eps: 1e-6, causal: true, pool: poolMax, out: f.Out,
	}
	return c, c.check(where)
}

// imageBind is the text tower within ImageBind's one checkpoint.
var imageBind = weights.Layout{
	Name:   "ImageBind",
	Marker: "modality_preprocessors.text.pos_embed",
	Rules: []weights.Rule{
		{To: "token_embed", From: weights.From("modality_preprocessors.text.token_embedding.weight")},
		{To: "pos_embed", From: weights.From("modality_preprocessors.text.pos_embed")},
		{To: "blocks.*.attn.qkv.*", From: weights.From("modality_trunks.text.blocks.*.attn.in_proj_*")},
		{To: "blocks.*.attn.proj.*", From: weights.From("modality_trunks.text.blocks.*.attn.out_proj.*")},
		{To: "blocks.*.norm1.*", From: weights.From("modality_trunks.text.blocks.*.norm_1.*")},
		{To: "blocks.*.norm2.*", From: weights.From("modality_trunks.text.blocks.*.norm_2.*")},
		{To: "blocks.*.mlp.*.*", From: weights.From("modality_trunks.text.blocks.*.mlp.*.*")},
		{To: "norm.*", From: weights.From("modality_heads.text.proj.0.*")},
		{To: "head.*", From: weights.From("modality_heads.text.proj.1.*")},
	},
	Ignore:  []string{"modality_preprocessors.text.mask"},
	Foreign: append(weights.ImageBindBeside("text"), "modality_postprocessors.text.**"),
}
