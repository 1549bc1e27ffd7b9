package vit

import (
	"fmt"

	"github.com/emblem-search/emblem/internal/weights"
)

// jinaVision is a vision_config of JinaCLIPConfig: EVA02 as its authors wrote it.
// Fields hold the class defaults before a file is read over them.
type jinaVision struct {
	Embed      int      `json:"embed_dim"`
	Width      int      `json:"width"`
	Side       square   `json:"image_size"`
	Patch      square   `json:"patch_size"`
	Layers     int      `json:"layers"`
	HeadWidth  int      `json:"head_width"`
	Ratio      float64  `json:"mlp_ratio"`
	LayerScale *float64 `json:"ls_init_value"`
	QKVBias    bool     `json:"qkv_bias"`
	PostNorm   bool     `json:"post_norm"`
	Rope       bool     `json:"rope_embeddings"`
	Ref        int      `json:"pt_hw_seq_len"` // rows and columns that the model was first trained with
	Scaled     bool     `json:"intp_freq"`     // positions are scaled to those
	SwiGLU     bool     `json:"naive_swiglu"`
	SubLN      bool     `json:"subln"`
	Proj       string   `json:"proj_type"`
}

const jinaWhere = "config.json: vision_config"

// readJina reads JinaCLIPConfig.
func readJina(raw []byte) (config, error) {
	file := struct {
		Vision     jinaVision `json:"vision_config"`
		Project    bool       `json:"add_projections"`
		Projection int        `json:"projection_dim"`
		Truncate   int        `json:"truncate_dim"`
	}{jinaVision{Embed: 768, Width: 768, Side: 224, Patch: 16, Layers: 12, HeadWidth: 64, Ratio: 4, QKVBias: true, Ref: 16}, false, 768, 0}
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, err
	}
	if file.Truncate != 0 {
		return config{}, fmt.Errorf("vit: config.json: truncate_dim %d is not supported; ask for shorter vectors where they are used (--dimensions)", file.Truncate)
	}
	v := &file.Vision
	if err := v.supported(file.Project); err != nil {
		return config{}, fmt.Errorf("vit: %s.%w", jinaWhere, err)
	}
	c, err := v.eva().config(jinaWhere)
	if err != nil {
		return c, err
	}
	head := "vision_model.head.*"
	switch {
	case v.Proj == "linear":
		c.out, c.outBias = v.Embed, v.QKVBias
	case file.Project:
		c.out, head = file.Projection, "visual_projection.*"
	}
	if c.layout = v.layout(head); (v.Proj == "linear" || file.Project) && c.out < 1 {
		return c, fmt.Errorf("vit: config.json: a projection to %d elements, want 1 to %d", c.out, limit)
	}
	return c, c.check(jinaWhere)
}

// supported refuses what would silently give other numbers, or what the reference
// fails with.
func (v *jinaVision) supported(project bool) error {
	switch grid := int(v.Side) / max(int(v.Patch), 1); {
	case v.HeadWidth < 1 || v.HeadWidth > v.Width:
		return fmt.Errorf("head_width %d does not fit a width of %d", v.HeadWidth, v.Width)
	case v.PostNorm:
		return fmt.Errorf("post_norm true is not supported")
	case v.SubLN && !v.SwiGLU:
		return fmt.Errorf("subln true is not supported without naive_swiglu")
	case v.Rope && (v.Ref < 1 || v.Ref > limit || !v.Scaled && v.Ref != grid):
		return fmt.Errorf("pt_hw_seq_len %d does not fit %d rows of patches", v.Ref, grid)
	case v.Proj != "" && v.Proj != "linear":
		return fmt.Errorf("proj_type %q is not supported", v.Proj)
	case v.Proj == "" && v.Embed != v.Width:
		return fmt.Errorf("embed_dim %d does not fit a width of %d without proj_type linear", v.Embed, v.Width)
	case v.Proj != "" && project:
		return fmt.Errorf("proj_type %q is not supported together with add_projections", v.Proj)
	}
	return nil
}

// eva are the arguments of timm's Eva that make the same tower.
func (v *jinaVision) eva() *evaArgs {
	a := newEvaArgs()
	a.Side, a.Patch, a.Width, a.Layers, a.Heads, a.Ratio = v.Side, v.Patch, v.Width, v.Layers, v.Width/v.HeadWidth, v.Ratio
	a.QKVBias, a.SwiGLU, a.MLPNorm, a.AttnNorm, a.Rope, a.Pool = v.QKVBias, v.SwiGLU, v.SubLN, v.SubLN, v.Rope, "token"
	if v.Scaled {
		a.Ref = pair{v.Ref, v.Ref}
	}
	return &a
}

// layout names the tower's tensors as EVA02's authors do; head are those of what
// follows the pooling.
func (v *jinaVision) layout(head string) *weights.Layout {
	const at, block = "vision_model.", "vision_model.blocks.*."
	from := weights.From
	rules := []weights.Rule{
		{To: "head.*", From: from(head)},
		{To: "patch_embed.proj.weight", From: from(at + "patch_embed.proj.weight"), Op: weights.ChannelsLast},
		{To: "blocks.*.attn.qkv.bias", From: from(block+"attn.q_bias", block+"attn.v_bias"), Op: weights.Gap},
		{To: "blocks.*.attn.norm.*", From: from(block + "attn.inner_attn_ln.*")},
		{To: "blocks.*.mlp.norm.*", From: from(block + "mlp.ffn_ln.*")},
	}
	if v.SubLN {
		rules = append(rules, weights.Rule{To: "blocks.*.attn.qkv.weight", From: from(block+"attn.q_proj.weight", block+"attn.k_proj.weight", block+"attn.v_proj.weight"), Op: weights.Cat})
	}
	second := "fc2.*"
	if v.SwiGLU {
		second = "w3.*"
		rules = append(rules, weights.Rule{To: "blocks.*.mlp.fc1.*", From: from(block+"mlp.w1.*", block+"mlp.w2.*"), Op: weights.Cat})
	}
	if v.LayerScale != nil && *v.LayerScale > 0 {
		rules = append(rules,
			weights.Rule{To: "blocks.*.attn.proj.*", From: from(block+"attn.proj.*", block+"gamma_1"), Op: weights.Scale},
			weights.Rule{To: "blocks.*.mlp.fc2.*", From: from(block+"mlp."+second, block+"gamma_2"), Op: weights.Scale})
	}
	rules = append(rules, weights.Rule{To: "blocks.*.mlp.fc2.*", From: from(block + "mlp." + second)})
	for _, stars := range everyName {
		rules = append(rules, weights.Rule{To: stars, From: from(at + stars)})
	}
	return &weights.Layout{Name: "jina-clip", Rules: rules, Foreign: []string{"text_model.**", "text_projection.*", "logit_scale"}}
}

// jinaPixels reads preprocessor_config.json, which says what open_clip's
// configuration does.
func jinaPixels(f weights.Folder, c config) (*Preprocess, error) {
	const where = "preprocessor_config.json"
	raw, err := f.Read(where)
	if err != nil {
		return nil, fmt.Errorf("vit: %s: %w", where, err)
	}
	r := newOpenCLIPProcessor(224)
	if err := weights.Decode(where, raw, &r); err != nil {
		return nil, err
	}
	return r.steps(where, c)
}
