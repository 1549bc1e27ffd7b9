package text

import (
	"encoding/json"
	"fmt"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// config is a text transformer's shape.
type config struct {
	vocab, positions int
	width            int // C
	layers, heads    int
	hidden           int // the MLP's width
	act              tensor.Act
	eps              float32
	causal           bool
	pool             pooling
	eos              int // for poolEOS
	pad              int // what fills a sequence that is not trimmed
	out              int // projection; 0: none
	outBias          bool
	outHidden        int  // the projection's hidden width; 0: it is one linear layer
	class            bool // a learned token follows the text and stands for it: CoCa
	blind            bool // padding is not seen
	postNorm         bool // norms come after the sums, and after the embedding: BERT
	rows, first      int  // of the table of positions, where they are not 0 and up
	types            int  // kinds of token that have an embedding; a text is of kind 0
	dense            bool // a dense layer and tanh come after pooling: BERT

	theta  float64         // of rotary positions; 0: positions are a table
	layout *weights.Layout // of this configuration alone; none: one of the family's
}

// pooling says which position stands for the text.
type pooling uint8

const (
	poolMax   pooling = iota // the first of the highest ids: CLIP's end of text
	poolEOS                  // the first end of text, else the first position
	poolLast                 // the last position of the padded sequence
	poolFirst                // the first
	poolMean                 // the mean of what is seen
)

// family says how a folder describes a text transformer.
type family struct {
	read    func(weights.Folder, []byte) (config, error)
	layouts []weights.Layout // told apart by their markers
}

// families by what the folder says it is: model_type of config.json, or
// open_clip for a folder with open_clip_config.json.
var families = map[string]family{
	"clip":       {alone(readCLIP), []weights.Layout{hfCLIP}},
	"metaclip_2": {alone(readMetaCLIP2), []weights.Layout{hfCLIP}},
	"siglip":     {alone(readSigLIP), []weights.Layout{hfSigLIP}},
	"siglip2":    {alone(readSigLIP), []weights.Layout{hfSigLIP}},
	"open_clip":  {readOpenCLIP, openCLIP},
	"M-CLIP":     {readMCLIP, []weights.Layout{mclip}},
	"jina_clip":  {alone(readJina), nil},
	"imagebind":  {alone(readImageBind), []weights.Layout{imageBind}},
}

// Knows tells whether a folder that says it is of this family has a text tower.
func Knows(name string) bool { _, ok := families[name]; return ok }

// alone reads a configuration that needs no other file of its folder.
func alone(read func(raw []byte) (config, error)) func(weights.Folder, []byte) (config, error) {
	return func(_ weights.Folder, raw []byte) (config, error) { return read(raw) }
}

// hfText is a text_config as transformers writes it. Fields hold the class
// defaults before a file is read over them.
type hfText struct {
	Vocab      int     `json:"vocab_size"`
	Width      int     `json:"hidden_size"`
	Hidden     int     `json:"intermediate_size"`
	Layers     int     `json:"num_hidden_layers"`
	Heads      int     `json:"num_attention_heads"`
	Positions  int     `json:"max_position_embeddings"`
	Act        string  `json:"hidden_act"`
	Eps        float64 `json:"layer_norm_eps"`
	EOS        int     `json:"eos_token_id"`
	Pad        int     `json:"pad_token_id"`
	Projection int     `json:"projection_size"` // SigLIP; none: the width
}

func (t hfText) config() (config, error) {
	act, err := nn.Activation(t.Act)
	if err != nil {
		return config{}, fmt.Errorf("text: config.json: text_config.hidden_act: %w", err)
	}
	c := config{
		vocab: t.Vocab, positions: t.Positions, width: t.Width, layers: t.Layers, heads: t.Heads,
		hidden: t.Hidden, act: act, eps: float32(t.Eps), eos: t.EOS, pad: t.Pad,
	}
	return c, c.check("config.json: text_config")
}

// readCLIP reads CLIPConfig of transformers.
func readCLIP(raw []byte) (config, error) {
	var file struct {
		Text       json.RawMessage `json:"text_config"`
		Old        json.RawMessage `json:"text_config_dict"` // wins where it is there
		Projection int             `json:"projection_dim"`
	}
	file.Projection = 512
	t := hfText{
		Vocab: 49408, Width: 512, Hidden: 2048, Layers: 12, Heads: 8, Positions: 77,
		Act: "quick_gelu", Eps: 1e-5, EOS: 49407, Pad: 1,
	}
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, err
	}
	if err := weights.Decode("config.json: text_config", weights.Either(file.Old, file.Text), &t); err != nil {
		return config{}, err
	}
	c, err := t.config()
	c.causal, c.out, c.pool = true, file.Projection, poolEOS
	if t.EOS == 2 { // what the first published folders say, which was wrong
		c.pool = poolMax
	}
	return c, err
}

// readMetaCLIP2 reads MetaClip2Config of transformers: CLIP, but for an old mistake
// in CLIP's files, which was not made again.
func readMetaCLIP2(raw []byte) (config, error) {
	c, err := readCLIP(raw)
	c.pool = poolEOS
	return c, err
}

// readSigLIP reads SiglipConfig of transformers.
func readSigLIP(raw []byte) (config, error) {
	var file struct {
		Text json.RawMessage `json:"text_config"`
	}
	t := hfText{
		Vocab: 32000, Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Positions: 64,
		Act: "gelu_pytorch_tanh", Eps: 1e-6, Pad: 1,
	}
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, err
	}
	if err := weights.Decode("config.json: text_config", file.Text, &t); err != nil {
		return config{}, err
	}
	c, err := t.config()
	c.pool, c.out, c.outBias = poolLast, t.Projection, true
	if c.out == 0 {
		c.out = c.width
	}
	return c, err
}

// openCLIPText is a text_cfg as open_clip writes it.
type openCLIPText struct {
	nn.OpenCLIPTower
	Positions int    `json:"context_length"`
	Vocab     int    `json:"vocab_size"`
	Heads     int    `json:"heads"`
	Layers    int    `json:"layers"`
	EmbedCLS  bool   `json:"embed_cls"`
	Pad       int    `json:"pad_id"`
	EOS       int    `json:"eos_id"`
	NoCausal  bool   `json:"no_causal_mask"`
	PoolType  string `json:"pool_type"`
	ProjBias  bool   `json:"proj_bias"`
	ProjType  string `json:"proj_type"`

	HF     string  `json:"hf_model_name"` // a tower of transformers
	HFProj *string `json:"hf_proj_type"`
	HFPool *string `json:"hf_pooler_type"`

	OldProj string `json:"proj"` // what the first folders call these two
	OldPool string `json:"pooler_type"`
}

// openCLIPPools are the names of poolings in open_clip.
var openCLIPPools = map[string]pooling{"argmax": poolMax, "eos": poolEOS, "last": poolLast, "first": poolFirst}

// readOpenCLIP reads open_clip_config.json.
func readOpenCLIP(f weights.Folder, raw []byte) (config, error) {
	mlp, mean := "mlp", "mean_pooler"
	var file struct {
		Model struct {
			Embed     int          `json:"embed_dim"`
			QuickGELU bool         `json:"quick_gelu"`
			Text      openCLIPText `json:"text_cfg"`
		} `json:"model_cfg"`
	}
	t := &file.Model.Text
	*t = openCLIPText{
		OpenCLIPTower: nn.NewOpenCLIPTower(512), Positions: 77, Vocab: 49408, Heads: 8, Layers: 12,
		EOS: 2, PoolType: "argmax", ProjType: "linear", HFProj: &mlp, HFPool: &mean,
	}
	if err := weights.Decode("open_clip_config.json", raw, &file); err != nil {
		return config{}, err
	}
	if file.Model.Embed < 1 {
		return config{}, fmt.Errorf("text: open_clip_config.json: model_cfg.embed_dim is missing")
	}
	if t.HF != "" {
		return t.roberta(f, file.Model.Embed)
	}
	act, err := t.unsupported(file.Model.QuickGELU)
	if err != nil {
		return config{}, fmt.Errorf("text: open_clip_config.json: text_cfg.%w", err)
	}
	c := config{
		vocab: t.Vocab, positions: t.Positions, width: t.Width, layers: t.Layers, heads: t.Heads,
		hidden: int(float64(t.Width) * t.Ratio), act: act, eps: float32(t.NormArgs.Eps),
		causal: !t.NoCausal, pool: openCLIPPools[t.PoolType], eos: t.EOS, pad: t.Pad,
		out: file.Model.Embed, outBias: t.ProjBias, class: t.EmbedCLS, blind: t.EmbedCLS,
	}
	if t.ProjType == "none" {
		c.out, c.outBias = 0, false
	}
	return c, c.check("open_clip_config.json: text_cfg")
}

// unsupported refuses what would silently give other numbers.
func (t *openCLIPText) unsupported(quick bool) (tensor.Act, error) {
	_, known := openCLIPPools[t.PoolType]
	switch {
	case !known:
		return 0, fmt.Errorf("pool_type %q is not supported", t.PoolType)
	case t.ProjType != "linear" && t.ProjType != "none":
		return 0, fmt.Errorf("proj_type %q is not supported", t.ProjType)
	}
	if err := t.Check(); err != nil {
		return 0, err
	}
	return t.Act(quick)
}

func (c config) check(where string) error {
	for _, f := range []struct {
		key      string
		n, limit int
	}{
		{"vocab_size", c.vocab, 1 << 24}, {"max_position_embeddings", c.positions, 1 << 16},
		{"hidden_size", c.width, 1 << 16}, {"num_hidden_layers", c.layers, 1 << 10},
		{"num_attention_heads", c.heads, 1 << 16}, {"intermediate_size", c.hidden, 1 << 18},
	} {
		if f.n < 1 || f.n > f.limit {
			return fmt.Errorf("text: %s: %s is %d, want 1 to %d", where, f.key, f.n, f.limit)
		}
	}
	if c.width%c.heads != 0 {
		return fmt.Errorf("text: %s: width %d is not a multiple of %d heads", where, c.width, c.heads)
	}
	return nil
}

// checkPad looks at the padding where it counts.
func (c config) checkPad() error {
	if (c.blind || !c.trims()) && (c.pad < 0 || c.pad >= c.vocab) {
		return fmt.Errorf("text: padding id %d of a vocabulary of %d", c.pad, c.vocab)
	}
	return nil
}

// trims tells whether what follows the pooled position cannot matter.
func (c config) trims() bool { return c.causal && c.pool != poolLast }

// dim is the size of the vectors.
func (c config) dim() int {
	if c.out > 0 {
		return c.out
	}
	return c.width
}
