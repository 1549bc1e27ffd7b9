package vit

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
)

func init() {
	// The golden openclip-siglip has a tower of timm that is small enough to commit.
	timmSizes["tiny"] = [4]int{48, 2, 2, 48}
}

// TestTimmNames holds the table that stands for timm's names to timm.
func TestTimmNames(t *testing.T) {
	raw, err := os.ReadFile("testdata/timm.json")
	if err != nil {
		t.Fatal(err)
	}
	var towers map[string]struct {
		Width, Layers, Heads, Hidden, Patch, Side int
		Eps                                       float32
		Act                                       string
		Class                                     bool
	}
	if err := json.Unmarshal(raw, &towers); err != nil {
		t.Fatal(err)
	}
	for name, w := range towers {
		pool := "map"
		if w.Class {
			pool = "token"
		}
		got, err := readOpenCLIP(fmt.Appendf(nil, `{"model_cfg": {"embed_dim": %d, "vision_cfg":
			{"timm_model_name": %q, "image_size": %d, "timm_pool": %q, "timm_proj": "none"}}}`, w.Width, name, w.Side, pool))
		if err != nil {
			t.Error(err)
			continue
		}
		want := config{side: w.Side, patch: w.Patch, width: w.Width, layers: w.Layers, heads: w.Heads, hidden: w.Hidden,
			act: tensor.GELU, eps: w.Eps, patchBias: true, pool: attention}
		switch w.Act {
		case "tanh":
			want.act = tensor.GELUTanh
		case "quick":
			want.act = tensor.QuickGELU
		}
		if w.Class {
			want.patchBias, want.class, want.preNorm, want.pool = false, true, true, CLS
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// TestRefusals: a value that would give other numbers is refused by its key.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		read func([]byte) (config, error)
		raw  string
		want string
	}{
		{readCLIP, `{"vision_config": {"hidden_act": "foo"}}`, `vision_config.hidden_act: activation "foo"`},
		{readCLIP, `{"vision_config": {"num_channels": 4}}`, "num_channels"},
		{readCLIP, `{"vision_config": {"num_attention_heads": 7}}`, "768 is not a multiple of 7 heads"},
		{readCLIP, `{"vision_config": {"hidden_size": -1}}`, "hidden_size is -1"},
		{readCLIP, `{"vision_config": {"image_size": [224, 336]}}`, "only squares"},
		{readCLIP, `{"vision_config": {"hidden_size": "wide"}}`, "hidden_size"},
		{readSigLIP, `{"vision_config": {"vision_use_head": false}}`, "vision_use_head"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 8, "vision_cfg": {"layers": [3, 4, 6, 3]}}}`, "vision_cfg.layers"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 8, "vision_cfg": {"pool_type": "max"}}}`, "pool_type"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 8, "vision_cfg": {"qk_norm": true}}}`, "qk_norm"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 8, "vision_cfg": {"attentional_pool": "cascade"}}}`, "attentional_pool"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 8, "vision_cfg": {"attentional_pool": true, "pool_type": "avg"}}}`, "pool_type"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 9, "vision_cfg": {"attentional_pool": true}}}`, "attn_pooler_heads"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 512, "vision_cfg": {"timm_model_name": "eva02_enormous_patch14_clip_224"}}}`, "it normalises after each sum"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 512, "vision_cfg": {"timm_model_name": "eva02_base_patch16_clip_224"}}}`, `timm_pool "avg"`},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 512, "vision_cfg": {"timm_model_name": "fastvit_mci0"}}}`, "convolutions"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 512, "vision_cfg": {"timm_model_name": "vit_base_mci_224.apple"}}}`, "begins with convolutions"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 512, "vision_cfg": {"timm_model_name": "vit_base_patch16_clip_224", "timm_pool": "map"}}}`, "timm_pool"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 512, "vision_cfg": {"timm_model_name": "vit_base_patch16_clip_224", "timm_pool": "token", "timm_proj": "mlp"}}}`, "timm_proj"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 8, "vision_cfg": {"timm_model_name": "vit_base_patch16_clip_224", "timm_pool": "token", "timm_proj": "none"}}}`, "embed_dim 8"},
		{readOpenCLIP, `{"model_cfg": {"embed_dim": 8, "vision_cfg": {"timm_model_name": "convnext_base"}}}`, "timm_model_name"},
		{readOpenCLIP, `{"model_cfg": {"vision_cfg": {}}}`, "embed_dim is missing"},
	} {
		if _, err := c.read([]byte(c.raw)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.raw, err, c.want)
		}
	}
}

// TestDefaults: what a file leaves out is what the reference's class has.
func TestDefaults(t *testing.T) {
	got, err := readCLIP([]byte(`{"vision_config": {"patch_size": 16}, "text_config": null}`))
	want := config{side: 224, patch: 16, width: 768, layers: 12, heads: 12, hidden: 3072, act: tensor.QuickGELU, eps: 1e-5,
		class: true, preNorm: true, pool: CLS, out: 512}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	got, err = readSigLIP([]byte(`{"vision_config": {"image_size": 512}}`))
	want = config{side: 512, patch: 16, width: 768, layers: 12, heads: 12, hidden: 3072, act: tensor.GELUTanh, eps: 1e-6,
		patchBias: true, pool: attention}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}
