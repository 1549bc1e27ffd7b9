package vit

import (
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
)

// TestJinaPublished: the vision_config of jinaai/jina-clip-v2 is EVA02-L of 512
// pixels, in which the last 8 of each row and column are in no patch.
func TestJinaPublished(t *testing.T) {
	c, err := readJina([]byte(`{"model_type": "jina_clip", "add_projections": false, "projection_dim": 1024, "truncate_dim": null, "vision_config": {
		"embed_dim": 1024, "fused_layer_norm": false, "head_width": 64, "image_size": 512, "intp_freq": true, "layers": 24, "ls_init_value": null,
		"mlp_ratio": 2.6667, "model_type": "jina_clip_vision", "naive_swiglu": true, "patch_dropout": 0.1, "patch_size": 14, "post_norm": false,
		"proj_type": null, "pt_hw_seq_len": 16, "qkv_bias": true, "rope_embeddings": true, "subln": true, "width": 1024, "x_attention": true}}`))
	c.layout = nil
	want := config{side: 512, patch: 14, width: 1024, layers: 24, heads: 16, hidden: 2730, act: tensor.SiLU, eps: 1e-6, class: true, patchBias: true,
		pool: CLS, gated: true, attnNorm: true, mlpNorm: true, rope: rope{theta: 10000, ref: grid{w: 16, h: 16}}}
	if err != nil || c != want || c.patches() != 36*36 {
		t.Errorf("%+v, %v; want %+v", c, err, want)
	}
}
