package text

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/emblem-search/emblem/internal/weights"
)

// jina-clip-v2 (arXiv 2412.08802) reads texts with jina-embeddings-v3 (arXiv 2409.10173): XLM-RoBERTa with rotary
// positions, whose weights have low-rank adapters for tasks. The one that the configuration names is folded in.

// jinaTower is the configuration of a tower, which folders give in part.
type jinaTower struct {
	robertaConfig
	Kind     string   `json:"position_embedding_type"`
	Theta    float64  `json:"rotary_emb_base"`
	Adapters []string `json:"lora_adaptations"`
	Rank     int      `json:"lora_rank"`
	Alpha    float64  `json:"lora_alpha"`
}

// jinaTowers are the published towers by the names that folders call them.
var jinaTowers = map[string]jinaTower{
	"jinaai/jina-embeddings-v3": {
		robertaConfig{"xlm-roberta", 250002, 1024, 4096, 24, 16, 8194, 1, "gelu", 1e-5, 1}, "rotary", 20000,
		[]string{"retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"}, 4, 1,
	},
}

// jinaText is a text_config of JinaCLIPConfig.
type jinaText struct {
	Embed       int             `json:"embed_dim"`
	Name        string          `json:"hf_model_name_or_path"`
	Tower       json.RawMessage `json:"hf_model_config_kwargs"`
	Instruction *string         `json:"default_instruction_task"`
	Task        *string         `json:"default_lora_task"`
	Pooler      string          `json:"pooler_type"`
	Proj        string          `json:"proj_type"`
	ProjBias    bool            `json:"proj_bias"`
}

const jinaWhere = "config.json: text_config"

// readJina reads JinaCLIPConfig.
func readJina(raw []byte) (config, error) {
	file := struct {
		Text       jinaText `json:"text_config"`
		Project    bool     `json:"add_projections"`
		Projection int      `json:"projection_dim"`
	}{jinaText{Embed: 768, Name: "jinaai/jina-embeddings-v3", Pooler: "mean_pooler"}, false, 768}
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, err
	}
	t := &file.Text
	r, ok := jinaTowers[t.Name]
	if !ok {
		return config{}, fmt.Errorf("text: %s.hf_model_name_or_path %q is not a tower that this build knows, only jinaai/jina-embeddings-v3", jinaWhere, t.Name)
	}
	r.Adapters = slices.Clone(r.Adapters) // which the file may be read over
	if err := weights.Decode(jinaWhere+".hf_model_config_kwargs", t.Tower, &r); err != nil {
		return config{}, err
	}
	c, err := r.config(jinaWhere+".hf_model_config_kwargs", 0)
	if err != nil {
		return c, err
	}
	c.theta, c.rows = r.Theta, 0
	head, err := t.project(&c, file.Project, file.Projection)
	if err != nil {
		return c, err
	}
	if c.layout, err = r.layout(t.Task, head); err != nil {
		return c, err
	}
	return c, t.supported(r, &c)
}

// supported refuses what would silently give other numbers.
func (t *jinaText) supported(r jinaTower, c *config) error {
	const kwargs = "hf_model_config_kwargs."
	switch d := r.Width / r.Heads; {
	case r.Kind != "rotary":
		return fmt.Errorf("text: %s.%sposition_embedding_type %q is not supported, only rotary", jinaWhere, kwargs, r.Kind)
	case !(r.Theta >= 1 && r.Theta < 1e12):
		return fmt.Errorf("text: %s.%srotary_emb_base is %v, want 1 to 1e12", jinaWhere, kwargs, r.Theta)
	case d%2 != 0:
		return fmt.Errorf("text: %s.%shidden_size: heads of %d elements cannot have rotary positions, which want an even number", jinaWhere, kwargs, d)
	case t.Instruction != nil:
		return fmt.Errorf("text: %s.default_instruction_task %q is not supported; write the instruction before the text", jinaWhere, *t.Instruction)
	}
	switch t.Pooler {
	case "mean_pooler", "":
	case "cls_pooler":
		c.pool = poolFirst
	default:
		return fmt.Errorf("text: %s.pooler_type %q is not supported", jinaWhere, t.Pooler)
	}
	return nil
}

// project adds the projection: of the tower, or of the model that it is in. It
// returns the rule for its weights.
func (t *jinaText) project(c *config, add bool, to int) (weights.Rule, error) {
	own := t.Proj == "linear" || t.Embed != c.width
	switch {
	case t.Proj != "" && t.Proj != "linear":
		return weights.Rule{}, fmt.Errorf("text: %s.proj_type %q is not supported", jinaWhere, t.Proj)
	case own && add:
		return weights.Rule{}, fmt.Errorf("text: config.json: add_projections is not supported where text_config has a projection of its own")
	case own:
		c.out, c.outBias = t.Embed, t.ProjBias
	case add:
		c.out = to
	}
	if (own || add) && (c.out < 1 || c.out > limit) {
		return weights.Rule{}, fmt.Errorf("text: config.json: a projection to %d elements, want 1 to %d", c.out, limit)
	}
	if add {
		return weights.Rule{To: "head.*", From: weights.From("text_projection.*")}, nil
	}
	return weights.Rule{To: "head.*", From: weights.From("text_model.proj.*")}, nil
}

// layout names the tensors of a tower with the adapter of a task, or without any.
func (r *jinaTower) layout(task *string, head weights.Rule) (*weights.Layout, error) {
	const at = "text_model.transformer.roberta."
	const layer, weight = at + "encoder.layers.*.", ".parametrizations.weight."
	l := &weights.Layout{Name: "jina-clip", Foreign: []string{"vision_model.**", "visual_projection.*", "logit_scale"}}
	adapted := func(to, name, left, right string) weights.Rule {
		return weights.Rule{To: to, From: weights.From(name+weight+"original", name+weight+"0."+left, name+weight+"0."+right), Op: weights.LowRank}
	}
	l.Rules = []weights.Rule{
		adapted("token_embed", at+"embeddings.word_embeddings", "lora_A", "lora_B"),
		adapted("type_embed", at+"embeddings.token_type_embeddings", "lora_A", "lora_B"),
		adapted("post_blocks.*.attn.qkv.weight", layer+"mixer.Wqkv", "lora_B", "lora_A"),
		adapted("post_blocks.*.attn.proj.weight", layer+"mixer.out_proj", "lora_B", "lora_A"),
		adapted("post_blocks.*.mlp.*.weight", layer+"mlp.*", "lora_B", "lora_A"),
		{To: "norm_pre.*", From: weights.From(at + "emb_ln.*")},
		{To: "post_blocks.*.attn.qkv.bias", From: weights.From(layer + "mixer.Wqkv.bias")},
		{To: "post_blocks.*.attn.proj.bias", From: weights.From(layer + "mixer.out_proj.bias")},
		{To: "post_blocks.*.mlp.*.bias", From: weights.From(layer + "mlp.*.bias")},
		{To: "post_blocks.*.*.*", From: weights.From(layer + "*.*")},
		head,
	}
	if task == nil {
		for i, rule := range l.Rules {
			if rule.Op == weights.LowRank {
				l.Rules[i].From, l.Rules[i].Op = rule.From[:1], weights.Rename
			}
		}
		l.Ignore = []string{at + "embeddings.*" + weight + "0.*", layer + "*.*" + weight + "0.*"}
		return l, nil
	}
	i := slices.Index(r.Adapters, *task)
	if i < 0 || r.Rank < 1 {
		return nil, fmt.Errorf("text: %s.default_lora_task %q is not one of hf_model_config_kwargs.lora_adaptations %q of rank %d", jinaWhere, *task, r.Adapters, r.Rank)
	}
	for k := range l.Rules {
		l.Rules[k].Adapter = weights.Adapter{At: i, Factor: float32(r.Alpha / float64(r.Rank))}
	}
	return l, nil
}
