package vit

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

func init() {
	// The goldens openclip-eva02 and openclip-pe-core have towers that are small
	// enough to commit.
	all, err := evaArchitectures()
	if err != nil {
		panic(err)
	}
	all["eva02_vit_tiny_clip_48"] = json.RawMessage(`{"embed_dim": 40, "depth": 2, "num_heads": 2, "qkv_fused": false, "mlp_ratio": 2.6666666666666665,
		"swiglu_mlp": true, "scale_mlp": true, "scale_attn_inner": true, "use_rot_pos_emb": true, "ref_feat_shape": [16, 16], "global_pool": "token"}`)
	all["vit_tiny_pe_core_48"] = json.RawMessage(`{"patch_size": 12, "embed_dim": 32, "depth": 2, "num_heads": 2, "mlp_ratio": 1.25, "attn_type": "rope",
		"use_pre_transformer_norm": true, "use_rot_pos_emb": true, "ref_feat_shape": [4, 4], "rope_grid_offset": 1, "rope_grid_indexing": "xy",
		"attn_pool_num_heads": 4, "attn_pool_mlp_ratio": 1.5, "eps": 1e-5, "global_pool": "map"}`)
}

// shapes is a checkpoint without data.
type shapes map[string]safetensors.View

func (s shapes) Names() (all []string) {
	for n := range s {
		all = append(all, n)
	}
	return all
}
func (s shapes) Get(name string) (v safetensors.View, ok bool) { v, ok = s[name]; return v, ok }
func (s shapes) Want(safetensors.View)                         {}
func (s shapes) Drop(safetensors.View, int, int)               {}

// TestEvaShapes: the towers that open_clip's configurations name want the tensors
// that timm makes for them, no more and no less.
func TestEvaShapes(t *testing.T) {
	raw, err := os.ReadFile("testdata/eva-shapes.json")
	if err != nil {
		t.Fatal(err)
	}
	var towers map[string]struct {
		Config json.RawMessage `json:"model_cfg"`
		Layers int
		Shapes map[string][]int
	}
	if err := json.Unmarshal(raw, &towers); err != nil || len(towers) != 8 {
		t.Fatal(len(towers), err)
	}
	for name, w := range towers {
		src := shapes{"logit_scale": {}, "text.ln_final.weight": {}}
		for n, shape := range w.Shapes {
			for i := range w.Layers {
				n := "visual.trunk." + strings.Replace(n, "blocks.0.", "blocks."+strconv.Itoa(i)+".", 1)
				src[n] = safetensors.View{Name: n, DType: safetensors.F16, Shape: shape}
			}
		}
		c, err := readOpenCLIP([]byte(`{"model_cfg": ` + string(w.Config) + `}`))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := weights.Match(src, families["open_clip"].layout(src, c), newNet(c, nn.Precision{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRopeTables: the angles by hand. Tokens before the patches are not turned.
func TestRopeTables(t *testing.T) {
	for _, c := range []struct {
		rope rope
		want []float64 // of the patch in the second row and third column of 2×3
	}{
		{rope{theta: 100}, []float64{1, 0.1, 2, 0.2}},
		{rope{theta: 100, offset: 1, xy: true}, []float64{3, 0.3, 2, 0.2}},
		{rope{theta: 100, ref: grid{w: 6, h: 8}}, []float64{4, 0.4, 4, 0.4}},
		{rope{theta: 100, whole: true}, []float64{math.Pi, math.Pi / 10, 4 * math.Pi / 3, 4 * math.Pi / 30}},
	} {
		cos, sin := c.rope.tables(8, 2, grid{w: 3, h: 2})
		if len(cos) != 8*4 || len(sin) != 8*4 || slices.ContainsFunc(cos[:8], func(x float32) bool { return x != 1 }) || slices.ContainsFunc(sin[:8], func(x float32) bool { return x != 0 }) {
			t.Fatalf("%+v: cos %v, sin %v", c.rope, cos, sin)
		}
		for i, a := range c.want {
			if got := math.Atan2(float64(sin[28+i]), float64(cos[28+i])); math.Abs(math.Remainder(got-a, 2*math.Pi)) > 1e-6 {
				t.Errorf("%+v: angle %d is %v, want %v", c.rope, i, got, a)
			}
		}
	}
}

// TestEvaDefaults: what a file leaves out is what timm's class has.
func TestEvaDefaults(t *testing.T) {
	c, err := readTimm([]byte(`{"architecture": "eva_giant_patch14_224", "num_classes": 7, "pretrained_cfg": {"fixed_input_size": true, "input_size": [3, 70, 70]}}`))
	layout := c.layout
	c.layout = nil
	want := config{side: 70, patch: 14, width: 1408, layers: 40, heads: 16, hidden: 6144, act: tensor.GELU, eps: 1e-6, class: true,
		patchBias: true, pool: Mean, normAfterPool: true, classes: 7}
	if err != nil || c != want || layout == nil {
		t.Errorf("%+v, %v; want %+v", c, err, want)
	}
}

// TestEvaRefusals: an argument that would give other numbers is refused by its key.
func TestEvaRefusals(t *testing.T) {
	for args, want := range map[string]string{
		`"qk_norm": true`:                                             "model_args.qk_norm: true is not supported",
		`"use_post_norm": true`:                                       "model_args.use_post_norm",
		`"num_kv_heads": 2`:                                           "model_args.num_kv_heads",
		`"rope_type": "mixed"`:                                        `model_args.rope_type "mixed"`,
		`"rope_temperature": 0`:                                       "model_args.rope_temperature 0",
		`"rope_grid_indexing": "yx"`:                                  `model_args.rope_grid_indexing "yx"`,
		`"ref_feat_shape": [-1, 2]`:                                   "model_args.ref_feat_shape [-1 2]",
		`"ref_feat_shape": "wide"`:                                    "neither a number nor a pair",
		`"num_reg_tokens": -1`:                                        "model_args.num_reg_tokens -1",
		`"swiglu_align_to": -8`:                                       "model_args.swiglu_align_to -8",
		`"attn_type": "flash"`:                                        `model_args.attn_type "flash"`,
		`"global_pool": "max"`:                                        `model_args.global_pool "max"`,
		`"class_token": false`:                                        `model_args.global_pool "token"`,
		`"attn_pool_num_heads": 5`:                                    "model_args.attn_pool_num_heads 5",
		`"attn_pool_mlp_ratio": -1`:                                   "model_args.attn_pool_mlp_ratio -1",
		`"use_post_transformer_norm": true, "use_fc_norm": true`:      "model_args.use_post_transformer_norm true",
		`"global_pool": "map", "attn_pool_mlp_ratio": 0.0001`:         "attn_pool_mlp_ratio 0.0001",
		`"global_pool": "map", "use_fc_norm": true`:                   "model_args.use_fc_norm true",
		`"global_pool": "map", "use_post_transformer_norm": false`:    "model_args.use_post_transformer_norm false",
		`"embed_dim": 36, "num_heads": 2`:                             "heads of 18 elements",
		`"embed_dim": 36, "num_heads": 5`:                             "not a multiple of 5 heads",
		`"gate": 1`:                                                   "model_args.gate",
		`"img_size": [28, 42]`:                                        "only squares",
		`"img_size": 8192, "patch_size": 1, "use_abs_pos_emb": false`: "67108864 patches",
		`"mlp_ratio": 1e9`:                                            "intermediate_size",
	} {
		_, err := readTimm([]byte(`{"architecture": "eva02_base_patch16_clip_224", "model_args": {` + args + `}}`))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one with %q", args, err, want)
		}
	}
}
