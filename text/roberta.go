package text

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/weights"
)

// RoBERTa and XLM-RoBERTa as text towers: the multilingual models of open_clip and M-CLIP. Positions begin behind the
// id of padding, which nothing sees.

// robertaConfig is a RobertaConfig or XLMRobertaConfig of transformers. Fields hold
// the class defaults before a file is read over them.
type robertaConfig struct {
	Type      string  `json:"model_type"`
	Vocab     int     `json:"vocab_size"`
	Width     int     `json:"hidden_size"`
	Hidden    int     `json:"intermediate_size"`
	Layers    int     `json:"num_hidden_layers"`
	Heads     int     `json:"num_attention_heads"`
	Positions int     `json:"max_position_embeddings"`
	Types     int     `json:"type_vocab_size"`
	Act       string  `json:"hidden_act"`
	Eps       float64 `json:"layer_norm_eps"`
	Pad       int     `json:"pad_token_id"`
}

var robertaDefaults = robertaConfig{
	Vocab: 30522, Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Positions: 512, Types: 2, Act: "gelu", Eps: 1e-12, Pad: 1,
}

// robertas are the published models by the names that folders call them, for
// folders that have no configuration of the tower.
var robertas = map[string]robertaConfig{
	"xlm-roberta-base":  robertaNamed(250002, 768, 3072, 12, 12),
	"xlm-roberta-large": robertaNamed(250002, 1024, 4096, 24, 16),
	"roberta-base":      robertaNamed(50265, 768, 3072, 12, 12),
	"roberta-large":     robertaNamed(50265, 1024, 4096, 24, 16),
	"xlm-v-base":        robertaNamed(901629, 768, 3072, 12, 12),
}

func robertaNamed(vocab, width, hidden, layers, heads int) robertaConfig {
	return robertaConfig{"xlm-roberta", vocab, width, hidden, layers, heads, 514, 1, "gelu", 1e-5, 1}
}

// findRoberta looks for a tower's configuration: in config.json, in the folder of
// that name below this one, then among the published models.
func findRoberta(f weights.Folder, name string) (robertaConfig, error) {
	for _, file := range []string{"config.json", path.Join(name, "config.json")} {
		if !fs.ValidPath(file) {
			continue
		}
		raw, err := f.Read(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		r := robertaDefaults
		if err == nil {
			err = weights.Decode(file, raw, &r)
		}
		if err != nil {
			return r, err
		}
		if r.Type == "xlm-roberta" || r.Type == "roberta" {
			return r, nil
		}
	}
	if r, ok := robertas[path.Base(name)]; ok {
		return r, nil
	}
	return robertaConfig{}, fmt.Errorf("%q is not a tower that this build knows (RoBERTa or XLM-RoBERTa); if it is one, put its config.json into the folder", name)
}

// config is the tower that reads at most most tokens; most 0 is all that there are
// positions for.
func (r robertaConfig) config(where string, most int) (config, error) {
	act, err := nn.Activation(r.Act)
	if err != nil {
		return config{}, fmt.Errorf("text: %s: hidden_act: %w", where, err)
	}
	c := config{
		vocab: r.Vocab, width: r.Width, layers: r.Layers, heads: r.Heads, hidden: r.Hidden, act: act, eps: float32(r.Eps),
		pad: r.Pad, blind: true, postNorm: true, rows: r.Positions, first: r.Pad + 1, types: r.Types, pool: poolMean,
	}
	c.positions = r.Positions - c.first
	if most > 0 {
		c.positions = min(c.positions, most)
	}
	if r.Types < 1 || r.Types > 16 || r.Pad < 0 || r.Pad > limit || r.Positions > limit {
		return c, fmt.Errorf("text: %s: type_vocab_size %d, pad_token_id %d or max_position_embeddings %d is out of range", where, r.Types, r.Pad, r.Positions)
	}
	return c, c.check(where)
}

// limit keeps the products of configured sizes far from overflow.
const limit = 1 << 16

// roberta reads a tower of transformers in an open_clip folder.
func (t *openCLIPText) roberta(f weights.Folder, embed int) (config, error) {
	const where = "open_clip_config.json: text_cfg"
	r, err := findRoberta(f, t.HF)
	if err != nil {
		return config{}, fmt.Errorf("text: %s.hf_model_name: %w", where, err)
	}
	c, err := r.config(where, t.Positions)
	if err != nil {
		return c, err
	}
	c.out = embed
	switch pool := cmp.Or(t.OldPool, orNull(t.HFPool, "mean_pooler")); pool {
	case "mean_pooler":
	case "cls_pooler":
		c.pool, c.dense = poolFirst, true
	case "cls_last_hidden_state_pooler":
		c.pool = poolFirst
	default:
		return c, fmt.Errorf("text: %s.hf_pooler_type %q is not supported", where, pool)
	}
	switch proj := cmp.Or(t.OldProj, orNull(t.HFProj, "")); {
	case proj == "" && embed == c.width:
		c.out = 0
	case proj == "linear":
	case proj == "mlp":
		c.outHidden = (c.width + embed) / 2
	default:
		return c, fmt.Errorf("text: %s.hf_proj_type %q is not supported between %d and %d elements", where, proj, c.width, embed)
	}
	return c, nil
}

// orNull is what a file says, or what null stands for.
func orNull(s *string, null string) string {
	if s == nil {
		return null
	}
	return *s
}

// robertaLayout are the names of a tower of transformers below at; head are those
// of its projection.
func robertaLayout(name, at string, foreign []string, head ...weights.Rule) weights.Layout {
	layer := at + "encoder.layer.*"
	self := layer + ".attention.self"
	return weights.Layout{
		Name:   name,
		Marker: at + "embeddings.word_embeddings.weight",
		Rules: append([]weights.Rule{
			{To: "token_embed", From: weights.From(at + "embeddings.word_embeddings.weight")},
			{To: "pos_embed", From: weights.From(at + "embeddings.position_embeddings.weight")},
			{To: "type_embed", From: weights.From(at + "embeddings.token_type_embeddings.weight")},
			{To: "norm_pre.*", From: weights.From(at + "embeddings.LayerNorm.*")},
			{To: "post_blocks.*.attn.qkv.*", From: weights.From(self+".query.*", self+".key.*", self+".value.*"), Op: weights.Cat},
			{To: "post_blocks.*.attn.proj.*", From: weights.From(layer + ".attention.output.dense.*")},
			{To: "post_blocks.*.norm1.*", From: weights.From(layer + ".attention.output.LayerNorm.*")},
			{To: "post_blocks.*.mlp.fc1.*", From: weights.From(layer + ".intermediate.dense.*")},
			{To: "post_blocks.*.mlp.fc2.*", From: weights.From(layer + ".output.dense.*")},
			{To: "post_blocks.*.norm2.*", From: weights.From(layer + ".output.LayerNorm.*")},
			{To: "dense.*", From: weights.From(at + "pooler.dense.*")},
		}, head...),
		Ignore:  []string{at + "embeddings.position_ids", at + "embeddings.token_type_ids", at + "pooler.dense.*"},
		Foreign: foreign,
	}
}

// openCLIPRoberta are the layouts of open_clip's folders with such a tower: its
// projection two linear layers with an activation between them, or one, or none.
var openCLIPRoberta = []weights.Layout{
	marked("text.proj.2.weight", robertaLayout("OpenCLIP with a RoBERTa tower", "text.transformer.", openCLIPForeign,
		weights.Rule{To: "hidden.weight", From: weights.From("text.proj.0.weight")},
		weights.Rule{To: "head.weight", From: weights.From("text.proj.2.weight")})),
	robertaLayout("OpenCLIP with a RoBERTa tower", "text.transformer.", openCLIPForeign,
		weights.Rule{To: "head.weight", From: weights.From("text.proj.weight")}),
}

func marked(name string, l weights.Layout) weights.Layout {
	l.Marker = name
	return l
}

// mclip is M-CLIP: XLM-RoBERTa, the mean of its last layer, a linear layer.
var mclip = robertaLayout("M-CLIP", "transformer.", nil,
	weights.Rule{To: "head.*", From: weights.From("LinearTransformation.*")})

// readMCLIP reads the config.json of M-CLIP, which names the tower that it is made
// of and the widths before and after the projection.
func readMCLIP(f weights.Folder, raw []byte) (config, error) {
	file := struct {
		Base string `json:"modelBase"`
		From int    `json:"transDim"`
		To   int    `json:"numDims"`
	}{"xlm-roberta-large", 1024, 512}
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, err
	}
	r, err := findRoberta(f, file.Base)
	if err != nil {
		return config{}, fmt.Errorf("text: config.json: modelBase: %w", err)
	}
	c, err := r.config("config.json: modelBase", 0)
	c.out, c.outBias = file.To, true
	switch {
	case err != nil:
		return c, err
	case file.From != c.width:
		return c, fmt.Errorf("text: config.json: transDim %d does not fit %s of width %d", file.From, file.Base, c.width)
	case file.To < 1 || file.To > limit:
		return c, fmt.Errorf("text: config.json: numDims is %d, want 1 to %d", file.To, limit)
	}
	return c, nil
}
