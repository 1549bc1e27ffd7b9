package vit

import (
	"encoding/json"
	"fmt"

	"github.com/emblem-search/emblem/internal/weights"
)

// readLLaVA reads the tower of LlavaConfig: CLIP's up to the layer whose output the
// language model gets, without the norm and the projection that follow in CLIP.
func readLLaVA(raw []byte) (config, error) {
	var file struct {
		Vision json.RawMessage `json:"vision_config"`
		Layer  json.RawMessage `json:"vision_feature_layer"`
	}
	file.Layer = json.RawMessage("-2")
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, err
	}
	v, kind := hfVision{Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Channels: 3, Side: 224, Patch: 32, Act: "quick_gelu", Eps: 1e-5}, struct {
		Type string `json:"model_type"`
	}{"clip_vision_model"}
	if len(weights.Either(file.Vision)) == 0 { // ViT-L/14 at 336 pixels
		v.Width, v.Hidden, v.Layers, v.Heads, v.Side, v.Patch = 1024, 4096, 24, 16, 336, 14
	}
	if err := weights.Decode("config.json: vision_config", file.Vision, &v); err != nil {
		return config{}, err
	}
	if err := weights.Decode("config.json: vision_config", file.Vision, &kind); err != nil {
		return config{}, err
	}
	if kind.Type != "clip_vision_model" {
		return config{}, fmt.Errorf("vit: config.json: vision_config.model_type %q is not supported, only clip_vision_model", kind.Type)
	}
	c, err := v.config()
	if err != nil {
		return c, err
	}
	c.class, c.preNorm, c.noNorm, c.pool = true, true, true, Mean
	var layer int
	if err := json.Unmarshal(file.Layer, &layer); err != nil {
		return c, fmt.Errorf("vit: config.json: vision_feature_layer %s is not supported, only one number", file.Layer)
	}
	if layer < 0 {
		layer += c.layers + 1 // the first is the embedding
	}
	if layer < 1 || layer > c.layers {
		return c, fmt.Errorf("vit: config.json: vision_feature_layer %s of %d layers", file.Layer, c.layers)
	}
	c.unused, c.layers = c.layers-layer, layer
	return c, nil
}

// hfLLaVA are the towers of a LlavaForConditionalGeneration, as published and as
// transformers 5 saves them.
var hfLLaVA = []weights.Layout{hfLLaVAUnder("vision_tower.vision_model."), hfLLaVAUnder("vision_tower.")}

func hfLLaVAUnder(p string) weights.Layout {
	return weights.Layout{
		Name:   "LLaVA (transformers)",
		Marker: p + "embeddings.class_embedding",
		Rules: append([]weights.Rule{
			{To: "cls_token", From: weights.From(p + "embeddings.class_embedding")},
			{To: "pos_embed", From: weights.From(p + "embeddings.position_embedding.weight")},
			{To: "patch_embed.proj.weight", From: weights.From(p + "embeddings.patch_embedding.weight"), Op: weights.ChannelsLast},
			{To: "norm_pre.*", From: weights.From(p + "pre_layrnorm.*")},
		}, hfTower(p)...),
		Ignore:  []string{p + "embeddings.position_ids", p + "post_layernorm.*"},
		Foreign: []string{"language_model.**", "multi_modal_projector.**"},
	}
}
