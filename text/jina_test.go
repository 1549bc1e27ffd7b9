package text

import (
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// TestJinaPublished: the text_config of jinaai/jina-clip-v2 is jina-embeddings-v3 with
// one adapter of its own.
func TestJinaPublished(t *testing.T) {
	for range 2 { // reading it leaves the table of towers as it is
		c, err := readJina([]byte(`{"add_projections": false, "projection_dim": 1024, "text_config": {"default_instruction_task": null,
			"default_lora_task": "retrieval.query", "embed_dim": 1024, "hf_model_config_kwargs": {"load_trained_adapters": false,
			"lora_adaptations": ["retrieval.query"], "lora_alpha": 4, "lora_dropout_p": 0.0, "lora_main_params_trainable": false, "lora_rank": 4,
			"task_instructions": {"retrieval.query": "Represent the query for retrieving evidence documents: "}, "use_flash_attn": true},
			"hf_model_name_or_path": "jinaai/jina-embeddings-v3", "model_type": "jina_clip_text", "pooler_type": "mean_pooler", "proj_bias": false,
			"proj_type": null}}`))
		if err != nil {
			t.Fatal(err)
		}
		layout := c.layout
		c.layout = nil
		want := config{vocab: 250002, positions: 8192, width: 1024, layers: 24, heads: 16, hidden: 4096, act: tensor.GELU, eps: 1e-5, pad: 1, first: 2,
			blind: true, postNorm: true, types: 1, pool: poolMean, theta: 20000}
		if c != want {
			t.Errorf("%+v, want %+v", c, want)
		}
		if r := layout.Rules[0]; r.Op != weights.LowRank || r.Adapter != (weights.Adapter{At: 0, Factor: 1}) {
			t.Errorf("%+v", r)
		}
	}
	c, err := readJina([]byte(`{"text_config": {"embed_dim": 1024, "default_lora_task": "text-matching"}}`))
	if err != nil || c.layout.Rules[0].Adapter != (weights.Adapter{At: 4, Factor: 0.25}) {
		t.Errorf("%+v, %v", c, err)
	}
}
