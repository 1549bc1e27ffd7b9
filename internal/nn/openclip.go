package nn

import (
	"fmt"

	"github.com/emblem-search/emblem/internal/tensor"
)

// OpenCLIPTower is what open_clip's vision_cfg and text_cfg have in common.
type OpenCLIPTower struct {
	Width      int      `json:"width"`
	Ratio      float64  `json:"mlp_ratio"`
	LayerScale *float64 `json:"ls_init_value"`
	ActArgs    struct {
		Approximate string `json:"approximate"`
	} `json:"act_kwargs"`
	NormArgs struct {
		Eps float64 `json:"eps"`
	} `json:"norm_kwargs"`
	BlockType     string `json:"block_type"`
	QKNorm        bool   `json:"qk_norm"`
	CosineAttn    bool   `json:"scaled_cosine_attn"`
	ScaleHeads    bool   `json:"scale_heads"`
	ScaleInner    bool   `json:"scale_attn_inner"`
	ScaleAttn     bool   `json:"scale_attn"`
	ScaleFC       bool   `json:"scale_fc"`
	NormAfterPool bool   `json:"final_ln_after_pool"`
}

// NewOpenCLIPTower has open_clip's defaults.
func NewOpenCLIPTower(width int) OpenCLIPTower {
	t := OpenCLIPTower{Width: width, Ratio: 4}
	t.NormArgs.Eps, t.ActArgs.Approximate = 1e-5, "none"
	return t
}

// Check refuses, by key, what would silently give other numbers.
func (t *OpenCLIPTower) Check() error {
	for _, f := range []struct {
		key string
		bad bool
	}{
		{"block_type", t.BlockType != "" && t.BlockType != "default"}, {"qk_norm", t.QKNorm},
		{"scaled_cosine_attn", t.CosineAttn}, {"scale_heads", t.ScaleHeads}, {"scale_attn_inner", t.ScaleInner},
		{"scale_attn", t.ScaleAttn}, {"scale_fc", t.ScaleFC}, {"ls_init_value", t.LayerScale != nil},
	} {
		if f.bad {
			return fmt.Errorf("%s: this value is not supported", f.key)
		}
	}
	return nil
}

// Act is the tower's activation; quick is model_cfg.quick_gelu.
func (t *OpenCLIPTower) Act(quick bool) (tensor.Act, error) {
	switch a := t.ActArgs.Approximate; {
	case a != "none" && a != "tanh":
		return 0, fmt.Errorf("act_kwargs.approximate %q is not supported", a)
	case quick:
		return tensor.QuickGELU, nil
	case a == "tanh":
		return tensor.GELUTanh, nil
	}
	return tensor.GELU, nil
}
