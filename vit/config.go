package vit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// config is a vision transformer's shape.
type config struct {
	side, patch   int // pixels
	width         int // C
	layers, heads int
	hidden        int // the MLP's width
	act           tensor.Act
	eps           float32
	flex          bool // pictures keep their shape: positions are resized to each
	class         bool // a class token comes first
	patchBias     bool
	frames        int  // that a patch reaches over, of a video or of a picture that stands still; 0: 1
	preNorm       bool // a norm before the blocks
	pool          Pool // the model's own: CLS, Mean or attention
	normAfterPool bool
	out           int // projection to a joint space; 0: none
	outBias       bool
	queries       int // of CoCa's pooling, and its heads
	queryHeads    int

	distilled bool // a distillation token comes second
	registers int  // tokens after those, before the patches
	bare      int  // how many of the tokens before the patches, the last ones, have no position
	noQKVBias bool
	gated     bool     // the MLPs are gated: SwiGLU
	attnNorm  bool     // a norm of what the heads gathered, and of what the MLP's
	mlpNorm   bool     // activation made: EVA02's sub-LN
	rope      rope     // rotary positions of patches
	noPos     bool     // there are no learned positions
	noNorm    bool     // nor a norm after the blocks
	resample  resample // what becomes of the positions where a picture has another size
	classes   int      // of the classification head; 0: none
	head      head     // what that reads
	mayHead   bool     // the checkpoint says whether there is one

	poolHeads, poolHidden int // of the attention pooling; 0: as in the blocks

	layout *weights.Layout // of this configuration alone; none: one of the family's
	unused int             // layers that the file has after the net's
}

// family says how a folder describes a vision transformer.
type family struct {
	read    func(raw []byte) (config, error)
	layouts []weights.Layout // told apart by their markers
	pixels  func(f weights.Folder, c config) (*Preprocess, error)
	labels  func(raw []byte) (labels, error) // of a classification head; none: the family has no such head
}

// layout is the one of the family's that a checkpoint has.
func (f family) layout(src weights.Source, c config) weights.Layout {
	if c.layout != nil {
		return *c.layout
	}
	l, ok := weights.Pick(src, f.layouts...)
	if !ok {
		l = f.layouts[0] // its error names what is missing
	}
	l.Ignore = slices.Clone(l.Ignore)
	for i := c.layers; i < c.layers+c.unused; i++ {
		for _, r := range l.Rules {
			for _, from := range r.From {
				if strings.HasPrefix(r.To, "blocks.*.") {
					l.Ignore = append(l.Ignore, strings.Replace(from, "*", strconv.Itoa(i), 1))
				}
			}
		}
	}
	return l
}

// families by what the folder says it is: model_type of config.json, or
// open_clip for a folder with open_clip_config.json.
var families = map[string]family{
	"metaclip_2": {readCLIP, []weights.Layout{hfCLIP}, transformersPixels("CLIP"), nil},
	"clip":       {readCLIP, []weights.Layout{hfCLIP}, transformersPixels("CLIP"), nil},
	"siglip2":    {readSigLIP2, []weights.Layout{hfSigLIP2}, transformersPixels("Siglip2"), nil},
	"siglip":     {readSigLIP, []weights.Layout{hfSigLIP}, transformersPixels("Siglip"), nil},
	"open_clip":  {readOpenCLIP, openCLIPs, openCLIPPixels, nil},
	"jina_clip":  {readJina, nil, jinaPixels, nil},
	"imagebind":  {readImageBind, []weights.Layout{imageBind}, imageBindPixels, nil},

	// Families that know pictures only.
	"vit":     {readViT, hfPlain("vit"), transformersPixels("ViT"), hfLabels},
	"deit":    {readDeiT, hfPlain("deit"), transformersPixels("DeiT"), hfLabels},
	"vit_mae": {readViT, hfPlain("vit"), transformersPixels("ViT"), hfLabels},
	"vit_msn": {readMSN, hfPlain("vit"), transformersPixels("ViT"), hfLabels},
	"ijepa":   {readIJEPA, hfPlain("ijepa"), transformersPixels("ViT"), hfLabels},
	"dinov2":  {readDINOv2, hfDINOv2("dinov2"), transformersPixels("Bit"), hfLabels},
	"dinov2_with_registers": {
		readDINOv2Registers, hfDINOv2("dinov2_with_registers"), transformersPixels("Bit"), hfLabels,
	},
	"timm": {readTimm, []weights.Layout{timmScaled, timmPlain}, timmPixels, timmLabels},
}

// towers by model_type are those of models that do more than embed pictures, and
// need what becomes of their patches.
var towers = map[string]family{
	"idefics3": {readIdefics3, hfIdefics3, idefics3Pixels, nil},
	"smolvlm":  {readIdefics3, hfIdefics3, idefics3Pixels, nil},
	"llava":    {readLLaVA, hfLLaVA, transformersPixels("CLIP"), nil},
	"blip":     {readBLIP, hfBLIP, transformersPixels("Blip"), nil},

	"vision-encoder-decoder": {readVisionEncoder, []weights.Layout{hfVisionEncoder}, transformersPixels("ViT"), nil},
}

// Knows tells whether a folder that says it is of this family is a vision tower or has
// one whose vectors are for comparing.
func Knows(name string) bool { _, ok := families[name]; return ok }

// PicturesOnly tells whether a family, by what its folders say they are, knows
// pictures only. Others have a text tower beside the vision tower.
func PicturesOnly(name string) bool { return families[name].labels != nil }

// Families lists the families that Knows knows.
func Families() []string { return slices.Sorted(maps.Keys(families)) }

// hfVision is a vision_config as transformers writes it. Fields hold the class
// defaults before a file is read over them.
type hfVision struct {
	Width    int     `json:"hidden_size"`
	Hidden   int     `json:"intermediate_size"`
	Layers   int     `json:"num_hidden_layers"`
	Heads    int     `json:"num_attention_heads"`
	Channels int     `json:"num_channels"`
	Side     square  `json:"image_size"`
	Patch    square  `json:"patch_size"`
	Act      string  `json:"hidden_act"`
	Eps      float64 `json:"layer_norm_eps"`
	UseHead  bool    `json:"vision_use_head"` // SigLIP
	Patches  int     `json:"num_patches"`     // SigLIP 2: of the square that positions are for
}

func (v hfVision) config() (config, error) {
	act, err := nn.Activation(v.Act)
	if err != nil {
		return config{}, fmt.Errorf("vit: config.json: vision_config.hidden_act: %w", err)
	}
	c := config{
		side: int(v.Side), patch: int(v.Patch), width: v.Width, layers: v.Layers, heads: v.Heads,
		hidden: v.Hidden, act: act, eps: float32(v.Eps),
	}
	if v.Channels != 3 {
		return c, fmt.Errorf("vit: config.json: vision_config.num_channels %d: only 3 are supported", v.Channels)
	}
	return c, c.check("config.json: vision_config")
}

// readCLIP reads CLIPConfig of transformers.
func readCLIP(raw []byte) (config, error) {
	var file struct {
		Vision     json.RawMessage `json:"vision_config"`
		Old        json.RawMessage `json:"vision_config_dict"` // wins where it is there
		Projection int             `json:"projection_dim"`
	}
	file.Projection = 512
	v := hfVision{Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Channels: 3, Side: 224, Patch: 32, Act: "quick_gelu", Eps: 1e-5}
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, err
	}
	if err := weights.Decode("config.json: vision_config", weights.Either(file.Old, file.Vision), &v); err != nil {
		return config{}, err
	}
	c, err := v.config()
	c.class, c.preNorm, c.pool, c.out = true, true, CLS, file.Projection
	return c, err
}

// readSigLIP reads SiglipConfig of transformers; SigLIP 2 at one resolution is
// the same class.
func readSigLIP(raw []byte) (config, error) {
	c, _, err := readSigLIPVision(raw)
	return c, err
}

func readSigLIPVision(raw []byte) (config, hfVision, error) {
	var file struct {
		Vision json.RawMessage `json:"vision_config"`
	}
	v := hfVision{Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Channels: 3, Side: 224, Patch: 16, Act: "gelu_pytorch_tanh", Eps: 1e-6, UseHead: true, Patches: 256}
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, v, err
	}
	if err := weights.Decode("config.json: vision_config", file.Vision, &v); err != nil {
		return config{}, v, err
	}
	if !v.UseHead {
		return config{}, v, fmt.Errorf("vit: config.json: vision_config.vision_use_head: false is not supported")
	}
	c, err := v.config()
	c.patchBias, c.pool = true, attention
	return c, v, err
}

// openCLIPVision is a vision_cfg as open_clip writes it.
type openCLIPVision struct {
	nn.OpenCLIPTower
	Layers    json.RawMessage `json:"layers"` // a list is a ResNet
	HeadWidth int             `json:"head_width"`
	Patch     int             `json:"patch_size"`
	Side      square          `json:"image_size"`
	AttnPool  json.RawMessage `json:"attentional_pool"` // true, or a way that no published model has
	Queries   int             `json:"attn_pooler_queries"`
	PoolHeads int             `json:"attn_pooler_heads"`
	NoPreNorm bool            `json:"no_ln_pre"`
	Positions string          `json:"pos_embed_type"`
	PoolType  string          `json:"pool_type"`

	Timm         string  `json:"timm_model_name"`
	TimmPool     string  `json:"timm_pool"`
	TimmProj     *string `json:"timm_proj"`
	TimmProjBias bool    `json:"timm_proj_bias"`
}

// readOpenCLIP reads open_clip_config.json.
func readOpenCLIP(raw []byte) (config, error) {
	var file struct {
		Model struct {
			Embed     int            `json:"embed_dim"`
			QuickGELU bool           `json:"quick_gelu"`
			Vision    openCLIPVision `json:"vision_cfg"`
		} `json:"model_cfg"`
	}
	v, linear := &file.Model.Vision, "linear"
	*v = openCLIPVision{
		OpenCLIPTower: nn.NewOpenCLIPTower(768), HeadWidth: 64, Patch: 16, Side: 224,
		Positions: "learnable", PoolType: "tok", TimmPool: "avg", TimmProj: &linear,
		Queries: 256, PoolHeads: 8,
	}
	if err := weights.Decode("open_clip_config.json", raw, &file); err != nil {
		return config{}, err
	}
	if file.Model.Embed < 1 {
		return config{}, fmt.Errorf("vit: open_clip_config.json: model_cfg.embed_dim is missing")
	}
	if v.Timm != "" {
		return v.timm(file.Model.Embed)
	}
	return v.native(file.Model.Embed, file.Model.QuickGELU)
}

func (v *openCLIPVision) native(embed int, quick bool) (config, error) {
	act, err := v.unsupported(quick)
	if err != nil {
		return config{}, fmt.Errorf("vit: open_clip_config.json: vision_cfg.%w", err)
	}
	layers := 12
	if len(v.Layers) > 0 {
		if layers, err = strconv.Atoi(string(v.Layers)); err != nil {
			return config{}, fmt.Errorf("vit: open_clip_config.json: vision_cfg.layers %s: ResNet towers are not supported", v.Layers)
		}
	}
	c := config{
		side: int(v.Side), patch: v.Patch, width: v.Width, layers: layers, heads: v.Width / max(v.HeadWidth, 1),
		hidden: int(float64(v.Width) * v.Ratio), act: act, eps: float32(v.NormArgs.Eps), class: true, preNorm: !v.NoPreNorm,
		pool: CLS, normAfterPool: v.NormAfterPool, out: embed,
	}
	const where = openCLIPWhere
	switch {
	case v.attnPool():
		c.pool, c.queries, c.queryHeads = queries, v.Queries, v.PoolHeads
		if c.queries < 1 || c.queries > limit || c.queryHeads < 1 || embed%c.queryHeads != 0 {
			return c, fmt.Errorf("vit: %s: attn_pooler_queries %d or attn_pooler_heads %d does not fit %d elements", where, c.queries, c.queryHeads, embed)
		}
	case v.PoolType == "avg":
		c.pool = Mean
	}
	return c, c.check(where)
}

// attnPool tells whether a picture is summed up with learned queries.
func (v *openCLIPVision) attnPool() bool { return string(v.AttnPool) == "true" }

// unsupported refuses what would silently give other numbers.
func (v *openCLIPVision) unsupported(quick bool) (tensor.Act, error) {
	switch {
	case len(v.AttnPool) > 0 && v.AttnPool[0] == '"' && string(v.AttnPool) != `""`:
		return 0, fmt.Errorf("attentional_pool: %s is not supported, only true", v.AttnPool)
	case v.attnPool() && v.PoolType != "tok":
		return 0, fmt.Errorf("pool_type %q is not supported with attentional_pool", v.PoolType)
	case v.Positions != "learnable" && v.Positions != "sin_cos_2d": // the checkpoint has both
		return 0, fmt.Errorf("pos_embed_type %q is not supported", v.Positions)
	case v.PoolType != "tok" && v.PoolType != "avg":
		return 0, fmt.Errorf("pool_type %q is not supported", v.PoolType)
	}
	if err := v.Check(); err != nil {
		return 0, err
	}
	return v.Act(quick)
}

// limit keeps the products of configured sizes far from overflow.
const limit = 1 << 16

func (c config) check(where string) error {
	for _, f := range []struct {
		key string
		n   int
	}{
		{"image_size", c.side}, {"patch_size", c.patch}, {"hidden_size", c.width},
		{"num_hidden_layers", c.layers}, {"num_attention_heads", c.heads}, {"intermediate_size", c.hidden},
	} {
		if f.n < 1 || f.n > limit {
			return fmt.Errorf("vit: %s: %s is %d, want 1 to %d", where, f.key, f.n, limit)
		}
	}
	switch {
	case c.out < 0 || c.out > limit:
		return fmt.Errorf("vit: %s: a projection to %d elements, want at most %d", where, c.out, limit)
	case c.width%c.heads != 0:
		return fmt.Errorf("vit: %s: width %d is not a multiple of %d heads", where, c.width, c.heads)
	case c.patch > c.side:
		return fmt.Errorf("vit: %s: patches of %d pixels in a picture of %d", where, c.patch, c.side)
	case c.noPos && c.patches() > maxTokens: // no table in the file bounds them
		return fmt.Errorf("vit: %s: %d patches of %d pixels, want at most %d", where, c.patches(), c.patch, maxTokens)
	case c.layers > 1024 || c.side > 8192:
		return fmt.Errorf("vit: %s: %d layers, %d pixels a side: out of range", where, c.layers, c.side)
	}
	return nil
}

// own is the grid of the pictures that the model was trained with.
func (c config) own() grid { return grid{c.side / c.patch, c.side / c.patch} }

// patches is the number of patches of such a picture.
func (c config) patches() int { return c.own().w * c.own().h }

// lead is the number of tokens before the patches.
func (c config) lead() int {
	n := c.registers
	for _, token := range []bool{c.class, c.distilled} {
		if token {
			n++
		}
	}
	return n
}

// placed is how many of the tokens before the patches have a position.
func (c config) placed() int { return c.lead() - c.bare }

// square is a size that files give as a number or as [n, n].
type square int

func (s *square) UnmarshalJSON(b []byte) error {
	var pair [2]int
	if json.Unmarshal(b, (*int)(s)) == nil {
		return nil
	}
	if err := json.Unmarshal(b, &pair); err != nil || pair[0] != pair[1] {
		return fmt.Errorf("size %s: only squares are supported", b)
	}
	*s = square(pair[0])
	return nil
}
