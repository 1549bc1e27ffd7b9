package vit

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// timmFile is the config.json of a folder of timm. Old ones have what is in
// pretrained_cfg now beside the architecture.
type timmFile struct {
	Architecture string          `json:"architecture"`
	Args         json.RawMessage `json:"model_args"`
	Classes      *int            `json:"num_classes"`
	Pretrained   json.RawMessage `json:"pretrained_cfg"`
	LabelNames   json.RawMessage `json:"label_names"`
	OldLabels    json.RawMessage `json:"labels"`
}

// timmPretrained is pretrained_cfg: what the weights were trained on.
type timmPretrained struct {
	Classes       *int            `json:"num_classes"`
	Pool          string          `json:"global_pool"`
	Input         []int           `json:"input_size"` // channels, height, width
	Fixed         bool            `json:"fixed_input_size"`
	CropPct       float64         `json:"crop_pct"`
	CropMode      string          `json:"crop_mode"`
	Border        int             `json:"crop_border_pixels"`
	Interpolation string          `json:"interpolation"`
	Mean          triple          `json:"mean"`
	Std           triple          `json:"std"`
	LabelNames    json.RawMessage `json:"label_names"`
}

// timmShape are the arguments that the vision transformers of timm have in common.
type timmShape struct {
	Side         square   `json:"img_size"`
	Patch        square   `json:"patch_size"`
	Channels     int      `json:"in_chans"`
	Classes      int      `json:"num_classes"`
	Pool         string   `json:"global_pool"`
	Width        int      `json:"embed_dim"`
	Layers       int      `json:"depth"`
	Heads        int      `json:"num_heads"`
	Ratio        float64  `json:"mlp_ratio"`
	QKVBias      bool     `json:"qkv_bias"`
	LayerScale   *float64 `json:"init_values"`
	Class        bool     `json:"class_token"`
	NoEmbedClass bool     `json:"no_embed_class"`
	Dynamic      bool     `json:"dynamic_img_size"`
	Eps          float64  `json:"eps"` // of norm_layer
}

func newTimmShape() timmShape {
	return timmShape{
		Patch: 16, Channels: 3, Classes: 1000, Width: 768, Layers: 12, Heads: 12, Ratio: 4, QKVBias: true, Class: true, Eps: 1e-6,
	}
}

// timmArgs are the arguments of timm's VisionTransformer. Fields hold its defaults,
// then an architecture's, then the folder's model_args. Whether there are layer
// scales, the checkpoint says.
type timmArgs struct {
	timmShape
	Registers int    `json:"reg_tokens"`
	PreNorm   bool   `json:"pre_norm"`
	PoolNorm  *bool  `json:"fc_norm"`
	Act       string `json:"act_layer"`
	MLP       string `json:"mlp_layer"` // swiglu_packed, or none
	Distilled bool   `json:"distilled"` // VisionTransformerDistilled
}

// timmTable lists the architectures of timm that are plain vision transformers,
// with what they change of the defaults, and evaTable those of its class Eva.
// tools/golden/timm.py makes both.
//
//go:embed timm.json
var timmTable []byte

//go:embed eva.json
var evaTable []byte

var (
	timmArchitectures = sync.OnceValues(func() (map[string]json.RawMessage, error) { return readTable(timmTable) })
	evaArchitectures  = sync.OnceValues(func() (map[string]json.RawMessage, error) { return readTable(evaTable) })
)

func readTable(raw []byte) (all map[string]json.RawMessage, err error) {
	return all, json.Unmarshal(raw, &all)
}

func readTimmFile(raw []byte) (f timmFile, p timmPretrained, err error) {
	p = timmPretrained{
		Input: []int{3, 224, 224}, CropPct: 0.875, CropMode: "center", Interpolation: "bicubic",
		Mean: triple{0.485, 0.456, 0.406}, Std: triple{0.229, 0.224, 0.225},
	}
	if err = weights.Decode("config.json", raw, &f); err != nil {
		return f, p, err
	}
	inner := weights.Either(f.Pretrained, raw)
	if err = weights.Decode("config.json: pretrained_cfg", inner, &p); err != nil {
		return f, p, err
	}
	if len(p.Input) != 3 || p.Input[0] != 3 || inRange(p.Input[1]) != nil || inRange(p.Input[2]) != nil {
		return f, p, fmt.Errorf("vit: config.json: pretrained_cfg.input_size %v: want 3 channels and 1 to %d pixels a side", p.Input, maxSide)
	}
	if f.Classes != nil {
		p.Classes = f.Classes
	}
	return f, p, nil
}

// readTimm reads the config.json of a vision transformer of timm.
func readTimm(raw []byte) (config, error) {
	f, p, err := readTimmFile(raw)
	if err != nil {
		return config{}, err
	}
	plain, err := timmArchitectures()
	if err != nil {
		return config{}, err
	}
	evas, err := evaArchitectures()
	if err != nil {
		return config{}, err
	}
	if own, ok := evas[f.Architecture]; ok {
		return readEva(own, p, f.Args)
	}
	own, ok := plain[f.Architecture]
	if !ok {
		return config{}, fmt.Errorf("vit: config.json: architecture %q is not a vision transformer of timm that this build knows", f.Architecture)
	}
	a := timmArgs{timmShape: newTimmShape(), Act: "gelu"}
	if err := p.merge(&a, &a.timmShape, own, f.Args, timmDefaults); err != nil {
		return config{}, err
	}
	if a.Pool == "" {
		a.Pool = "token"
	}
	return a.config()
}

// merge puts an architecture's arguments over the class defaults in a, whose shape
// is s, then what the weights were trained on, then the folder's own, as timm's
// factory does.
func (p timmPretrained) merge(a any, s *timmShape, own, args json.RawMessage, defaults map[string]string) error {
	if err := knownTimmArgs(args, a, defaults); err != nil {
		return err
	}
	if err := weights.Decode("the table of architectures", own, a); err != nil {
		return err
	}
	if p.Classes != nil {
		s.Classes = *p.Classes
	}
	if s.Pool == "" {
		s.Pool = p.Pool
	}
	if err := weights.Decode("config.json: model_args", args, a); err != nil {
		return err
	}
	switch {
	case s.Side > 0:
	case !p.Fixed:
		s.Side = 224
	case p.Input[1] != p.Input[2]:
		return fmt.Errorf("vit: config.json: pretrained_cfg.input_size %v: only squares are supported", p.Input)
	default:
		s.Side = square(p.Input[1])
	}
	return nil
}

// timmIdle are arguments that change nothing of what a trained model computes.
var timmIdle = []string{
	"drop_rate", "pos_drop_rate", "patch_drop_rate", "proj_drop_rate", "attn_drop_rate", "drop_path_rate",
	"weight_init", "fix_init", "strict_img_size", "pretrained", "checkpoint_path",
	"head_init_scale", "rope_shift_coords", "rope_jitter_coords", "rope_rescale_coords",
}

// timmDefaults are arguments of VisionTransformer that only their default is
// supported of.
var timmDefaults = map[string]string{
	"proj_bias": "true", "final_norm": "true", "qk_norm": "false", "scale_attn_norm": "false", "scale_mlp_norm": "false",
	"pool_include_prefix": "false", "dynamic_img_pad": "false", "pos_embed": `"learn"`, "norm_layer": `"layernorm"`,
	"in_chans": "3",
}

// knownTimmArgs refuses arguments that would silently give other numbers: those
// that are no fields of a, unless they have a default's value.
func knownTimmArgs(raw json.RawMessage, a any, defaults map[string]string) error {
	var args, own map[string]json.RawMessage
	if err := weights.Decode("config.json: model_args", raw, &args); err != nil {
		return err
	}
	fields, err := json.Marshal(a)
	if err == nil {
		err = json.Unmarshal(fields, &own)
	}
	if err != nil {
		return err
	}
	for name, value := range args {
		_, known := own[name]
		known = known && name != "eps" && name != "distilled"
		is := string(value)
		if !known && !slices.Contains(timmIdle, name) && is != "null" && is != defaults[name] || name == "mlp_layer" {
			return fmt.Errorf("vit: config.json: model_args.%s: %.60s is not supported", name, is)
		}
	}
	return nil
}

func (a timmArgs) config() (config, error) {
	refuse := func(key string, value any) (config, error) {
		return config{}, fmt.Errorf("vit: config.json: model_args.%s %v is not supported", key, value)
	}
	c := config{
		side: int(a.Side), patch: int(a.Patch), width: a.Width, layers: a.Layers, heads: a.Heads,
		hidden: int(float64(a.Width) * a.Ratio), eps: float32(a.Eps), class: a.Class, patchBias: !a.PreNorm, preNorm: a.PreNorm,
		distilled: a.Distilled, registers: a.Registers, noQKVBias: !a.QKVBias, gated: a.MLP != "", classes: a.Classes,
		normAfterPool: a.Pool == "avg",
	}
	if a.PoolNorm != nil {
		c.normAfterPool = *a.PoolNorm
	}
	if a.Dynamic {
		c.resample = bicubicAntialias
	}
	if a.Registers < 0 || a.Registers > 1024 {
		return refuse("reg_tokens", a.Registers)
	}
	if c.gated {
		c.hidden /= 2 // GluMlp's two halves
	}
	var err error
	if c.act, err = timmAct(a.Act); err != nil {
		return config{}, err
	}
	switch {
	case a.Pool == "token" && a.Distilled:
		c.pool, c.head = both, headPair
	case a.Pool == "token" && a.Class:
		c.pool = CLS
	case a.Pool == "avg":
		c.pool = Mean
	case a.Pool == "map" && c.lead() == 0 && !c.normAfterPool:
		c.pool = attention
	default:
		return refuse("global_pool", strconv.Quote(a.Pool))
	}
	if a.NoEmbedClass {
		c.bare = c.lead()
	}
	return c, c.check("config.json: model_args")
}

// timmAct finds an activation by timm's name of it.
func timmAct(name string) (tensor.Act, error) {
	if name == "gelu_tanh" {
		return tensor.GELUTanh, nil
	}
	act, err := nn.Activation(name)
	if err != nil {
		return 0, fmt.Errorf("vit: config.json: model_args.act_layer: %w", err)
	}
	return act, nil
}

// timmLabels reads the names of the classes; without them they are ImageNet's, or
// numbers.
func timmLabels(raw []byte) (labels, error) {
	f, p, err := readTimmFile(raw)
	if err != nil {
		return labels{}, err
	}
	c, err := readTimm(raw)
	if err != nil || c.classes == 0 {
		return labels{}, err
	}
	if c.classes < 0 || c.classes > maxLabels {
		return labels{}, fmt.Errorf("vit: config.json: num_classes is %d, want 0 to %d", c.classes, maxLabels)
	}
	l := labels{make([]string, c.classes), c.classes == 1}
	for i := range l.names {
		l.names[i] = "LABEL_" + strconv.Itoa(i)
	}
	copy(l.names, imagenetNames(c.classes))
	return l, l.read(weights.Either(f.LabelNames, p.LabelNames, f.OldLabels))
}

// read reads a list of names, or an object of names by number.
func (l labels) read(raw json.RawMessage) error {
	var list []string
	if len(raw) == 0 || json.Unmarshal(raw, &list) == nil && len(list) == len(l.names) {
		copy(l.names, list)
		return nil
	}
	var byID map[string]string
	if err := json.Unmarshal(raw, &byID); err != nil || len(byID) > len(l.names) {
		return fmt.Errorf("vit: config.json: label_names is neither %d names nor names by number", len(l.names))
	}
	for id, name := range byID {
		i, err := strconv.Atoi(id)
		if err != nil || i < 0 || i >= len(l.names) {
			return fmt.Errorf("vit: config.json: label_names has %q; want 0 to %d", id, len(l.names)-1)
		}
		l.names[i] = name
	}
	return nil
}
