package vit

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// evaArgs are the arguments of timm's Eva, which EVA, EVA02 (arXiv 2303.11331), the
// Perception Encoder (arXiv 2504.13181) and DINOv3 (arXiv 2508.10104) are made of. Fields hold its defaults,
// then an architecture's, then the folder's model_args.
type evaArgs struct {
	timmShape
	Fused     bool   `json:"qkv_fused"`
	Attn      string `json:"attn_type"` // eva: keys have no bias; rope: they have one
	SwiGLU    bool   `json:"swiglu_mlp"`
	Align     int    `json:"swiglu_align_to"`
	MLPNorm   bool   `json:"scale_mlp"`
	AttnNorm  bool   `json:"scale_attn_inner"`
	Registers int    `json:"num_reg_tokens"`

	Positions bool    `json:"use_abs_pos_emb"`
	Rope      bool    `json:"use_rot_pos_emb"`
	Offset    float64 `json:"rope_grid_offset"`
	Indexing  string  `json:"rope_grid_indexing"` // ij: rows first; xy: columns first
	Theta     float64 `json:"rope_temperature"`
	RopeType  string  `json:"rope_type"` // cat or dinov3
	Halves    bool    `json:"rope_rotate_half"`
	Ref       pair    `json:"ref_feat_shape"` // rows and columns

	PreNorm   bool    `json:"use_pre_transformer_norm"`
	Norm      *bool   `json:"use_post_transformer_norm"`
	PoolNorm  *bool   `json:"use_fc_norm"`
	PoolHeads int     `json:"attn_pool_num_heads"`
	PoolRatio float64 `json:"attn_pool_mlp_ratio"`
}

// evaDefaults are arguments of Eva that only their default is supported of.
var evaDefaults = map[string]string{
	"in_chans": "3", "qk_norm": "false", "norm_layer": `"layernorm"`, "attn_only_layer_scale": "false",
	"use_post_norm": "false", "dynamic_img_pad": "false",
}

func newEvaArgs() evaArgs {
	return evaArgs{timmShape: newTimmShape(), Fused: true, Attn: "eva", Positions: true, Indexing: "ij", Theta: 10000, RopeType: "cat"}
}

// readEva reads a folder of timm whose architecture, own in the table, is an Eva.
func readEva(own json.RawMessage, p timmPretrained, args json.RawMessage) (config, error) {
	a := newEvaArgs()
	if err := p.merge(&a, &a.timmShape, own, args, evaDefaults); err != nil {
		return config{}, err
	}
	if a.Pool == "" {
		a.Pool = "avg"
	}
	c, err := a.config("config.json: model_args")
	c.classes = a.Classes
	c.layout = a.layout("", weights.Rule{To: "heads.0.*", From: weights.From("head.*")})
	return c, err
}

// config describes an Eva without what follows its pooling.
func (a *evaArgs) config(where string) (config, error) {
	c := config{
		side: int(a.Side), patch: int(a.Patch), width: a.Width, layers: a.Layers, heads: a.Heads, hidden: int(float64(a.Width) * a.Ratio),
		act: tensor.GELU, eps: float32(a.Eps), class: a.Class, registers: a.Registers, patchBias: !a.PreNorm, preNorm: a.PreNorm,
		noQKVBias: !a.QKVBias, gated: a.SwiGLU, attnNorm: a.AttnNorm, mlpNorm: a.MLPNorm, noPos: !a.Positions,
	}
	if a.SwiGLU {
		c.act = tensor.SiLU
		if a.Align > 0 {
			c.hidden = (c.hidden + a.Align - 1) / a.Align * a.Align
		}
	}
	if a.Dynamic {
		c.resample = bicubicAntialias
	}
	if err := a.supported(where); err != nil {
		return c, err
	}
	if a.NoEmbedClass || c.noPos {
		c.bare = c.lead()
	}
	if a.Rope {
		c.rope = rope{theta: a.Theta, offset: a.Offset, xy: a.Indexing == "xy", halves: a.Halves, whole: a.RopeType == "dinov3"}
		if !c.rope.whole {
			c.rope.ref = grid{w: a.Ref[1], h: a.Ref[0]}
		}
	}
	a.pooling(&c)
	if err := c.check(where); err != nil {
		return c, err
	}
	if c.pool == attention && (c.poolHidden < 1 || c.poolHidden > limit) {
		return c, fmt.Errorf("vit: %s.attn_pool_mlp_ratio %v is not supported", where, a.PoolRatio)
	}
	return c, c.checkRope(where)
}

// supported refuses what would silently give other numbers.
func (a *evaArgs) supported(where string) error {
	for _, f := range []struct {
		key string
		bad bool
		is  any
	}{
		{"num_reg_tokens", a.Registers < 0 || a.Registers > 1024, a.Registers},
		{"swiglu_align_to", a.Align < 0 || a.Align > limit, a.Align},
		{"attn_type", a.Attn != "eva" && a.Attn != "rope", strconv.Quote(a.Attn)},
		{"rope_type", a.RopeType != "cat" && a.RopeType != "dinov3", strconv.Quote(a.RopeType)},
		{"rope_grid_indexing", a.Indexing != "ij" && a.Indexing != "xy", strconv.Quote(a.Indexing)},
		{"rope_temperature", !(a.Theta >= 1 && a.Theta < 1e12), a.Theta},
		{"rope_grid_offset", !(a.Offset >= -limit && a.Offset <= limit), a.Offset},
		{"ref_feat_shape", a.Ref[0] < 0 || a.Ref[1] < 0 || a.Ref[0] > limit || a.Ref[1] > limit, a.Ref},
		{"global_pool", a.Pool != "avg" && a.Pool != "map" && !(a.Pool == "token" && a.Class), strconv.Quote(a.Pool)},
		{"attn_pool_num_heads", a.PoolHeads < 0 || a.PoolHeads > limit || a.Width%max(a.PoolHeads, 1) != 0, a.PoolHeads},
		{"attn_pool_mlp_ratio", !(a.PoolRatio >= 0 && a.PoolRatio < 1024), a.PoolRatio},
		{"use_fc_norm", a.Pool == "map" && a.PoolNorm != nil && *a.PoolNorm, true},
		{"use_post_transformer_norm", a.norm() == a.poolNorm() && a.norm(), true},
		{"use_post_transformer_norm", a.Pool == "map" && !a.norm(), false},
	} {
		if f.bad {
			return fmt.Errorf("vit: %s.%s %v is not supported", where, f.key, f.is)
		}
	}
	return nil
}

// poolNorm tells whether a norm comes after the pooling, norm whether one comes
// before it.
func (a *evaArgs) poolNorm() bool {
	if a.PoolNorm != nil {
		return *a.PoolNorm
	}
	return a.Pool == "avg"
}

func (a *evaArgs) norm() bool {
	if a.Norm != nil {
		return *a.Norm
	}
	return !a.poolNorm()
}

func (a *evaArgs) pooling(c *config) {
	c.normAfterPool, c.noNorm = a.poolNorm(), !a.norm() && !a.poolNorm()
	switch a.Pool {
	case "token":
		c.pool = CLS
	case "avg":
		c.pool = Mean
	case "map":
		c.pool, c.poolHeads, c.poolHidden = attention, a.PoolHeads, c.hidden
		if c.poolHeads == 0 {
			c.poolHeads = a.Heads
		}
		if a.PoolRatio > 0 {
			c.poolHidden = int(float64(a.Width) * a.PoolRatio)
		}
	}
}

// checkRope tells whether heads can be turned by two axes.
func (c config) checkRope(where string) error {
	if d := c.width / c.heads; c.rope.theta > 0 && d%4 != 0 {
		return fmt.Errorf("vit: %s: heads of %d elements cannot have rotary positions of two axes, which want a multiple of 4", where, d)
	}
	return nil
}

// layout names an Eva's tensors under a prefix, which depends on its arguments;
// head is the rule for what follows the pooling.
func (a *evaArgs) layout(prefix string, head weights.Rule) *weights.Layout {
	block, from := prefix+"blocks.*.", weights.From
	rules := []weights.Rule{head, {To: "patch_embed.proj.weight", From: from(prefix + "patch_embed.proj.weight"), Op: weights.ChannelsLast}}
	switch bias := "blocks.*.attn.qkv.bias"; {
	case !a.Fused && a.Attn == "eva":
		rules = append(rules, weights.Rule{To: bias, From: from(block+"attn.q_proj.bias", block+"attn.v_proj.bias"), Op: weights.Gap})
	case a.Fused && a.Attn == "eva":
		rules = append(rules, weights.Rule{To: bias, From: from(block+"attn.q_bias", block+"attn.v_bias"), Op: weights.Gap})
	}
	if !a.Fused {
		rules = append(rules, weights.Rule{To: "blocks.*.attn.qkv.*", From: from(block+"attn.q_proj.*", block+"attn.k_proj.*", block+"attn.v_proj.*"), Op: weights.Cat})
	}
	if a.SwiGLU && (a.MLPNorm || a.Align > 0) {
		rules = append(rules, weights.Rule{To: "blocks.*.mlp.fc1.*", From: from(block+"mlp.fc1_g.*", block+"mlp.fc1_x.*"), Op: weights.Cat})
	}
	if a.LayerScale != nil {
		rules = append(rules,
			weights.Rule{To: "blocks.*.attn.proj.*", From: from(block+"attn.proj.*", block+"gamma_1"), Op: weights.Scale},
			weights.Rule{To: "blocks.*.mlp.fc2.*", From: from(block+"mlp.fc2.*", block+"gamma_2"), Op: weights.Scale})
	}
	l := &weights.Layout{Name: "Eva (timm)", Rules: rules}
	for _, stars := range everyName { // timm's names are the canonical ones
		l.Rules = append(l.Rules, weights.Rule{To: stars, From: from(prefix + stars)})
	}
	return l
}

// everyName are patterns of names of one to five parts.
var everyName = []string{"*", "*.*", "*.*.*", "*.*.*.*", "*.*.*.*.*"}

// pair is two numbers, rows and columns, that files give as one or as [n, m].
type pair [2]int

func (p *pair) UnmarshalJSON(b []byte) error {
	var n int
	if json.Unmarshal(b, &n) == nil {
		*p = pair{n, n}
		return nil
	}
	if json.Unmarshal(b, (*[2]int)(p)) != nil {
		return fmt.Errorf("%.60s is neither a number nor a pair of numbers", b)
	}
	return nil
}
