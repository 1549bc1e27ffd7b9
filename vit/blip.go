package vit

import (
	"encoding/json"

	"github.com/emblem-search/emblem/internal/weights"
)

// readBLIP reads the tower of BlipConfig: a plain ViT, all of whose tokens are read.
func readBLIP(raw []byte) (config, error) {
	var file struct {
		Vision json.RawMessage `json:"vision_config"`
	}
	v := hfVision{Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Channels: 3, Side: 384, Patch: 16, Act: "gelu", Eps: 1e-5}
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, err
	}
	if err := weights.Decode("config.json: vision_config", file.Vision, &v); err != nil {
		return config{}, err
	}
	c, err := v.config()
	c.class, c.patchBias, c.pool = true, true, CLS
	return c, err
}

// hfBLIP is the tower of the BLIP models of transformers.
var hfBLIP = []weights.Layout{{
	Name: "BLIP (transformers)",
	Rules: []weights.Rule{
		{To: "cls_token", From: weights.From("vision_model.embeddings.class_embedding")},
		{To: "pos_embed", From: weights.From("vision_model.embeddings.position_embedding")},
		{To: "patch_embed.proj.weight", From: weights.From("vision_model.embeddings.patch_embedding.weight"), Op: weights.ChannelsLast},
		{To: "patch_embed.proj.bias", From: weights.From("vision_model.embeddings.patch_embedding.bias")},
		{To: "blocks.*.attn.qkv.*", From: weights.From("vision_model.encoder.layers.*.self_attn.qkv.*")},
		{To: "blocks.*.attn.proj.*", From: weights.From("vision_model.encoder.layers.*.self_attn.projection.*")},
		{To: "blocks.*.norm1.*", From: weights.From("vision_model.encoder.layers.*.layer_norm1.*")},
		{To: "blocks.*.norm2.*", From: weights.From("vision_model.encoder.layers.*.layer_norm2.*")},
		{To: "blocks.*.mlp.*.*", From: weights.From("vision_model.encoder.layers.*.mlp.*.*")},
		{To: "norm.*", From: weights.From("vision_model.post_layernorm.*")},
	},
	Foreign: []string{"text_encoder.**", "text_decoder.**", "vision_proj.*", "text_proj.*", "itm_head.*"},
}}
