package fusion

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/emblem-search/emblem/internal/golden"
)

// TestMatryoshka: the first elements of jina-clip's vectors, brought to unit length
// again, are those of the reference.
func TestMatryoshka(t *testing.T) {
	r := &reference{path: "testdata/jina-clip"}
	r.file = golden.Open(t, r.path, r)
	d := r.open(t, Options{DType: "f32"})
	for _, n := range []int{8, 16, 48} {
		texts, err := d.EmbedTexts(context.Background(), r.Texts)
		if err != nil {
			t.Fatal(err)
		}
		want := golden.Unit(Shorten(r.file.Rows("text"), n))
		golden.Within(t, "texts", 2e-4, want, Normalize(Shorten(texts, n)))
	}
}

// TestJinaRefusals: a value that would give other numbers is refused in one
// sentence that names it.
func TestJinaRefusals(t *testing.T) {
	for _, c := range []struct{ folder, old, new, want string }{
		{"jina-clip", `jinaai/jina-embeddings-v3`, `jinaai/jina-bert-flash-implementation`, "text_config.hf_model_name_or_path"},
		{"jina-clip", `"default_lora_task": "retrieval.query"`, `"default_lora_task": "retrieval.passage"`, `default_lora_task "retrieval.passage"`},
		{"jina-clip", `"default_instruction_task": null`, `"default_instruction_task": "retrieval.query"`, "default_instruction_task"},
		{"jina-clip", `"mean_pooler"`, `"max_pooler"`, `pooler_type "max_pooler"`},
		{"jina-clip", `"hidden_size": 48`, `"hidden_size": 48, "position_embedding_type": "absolute"`, "position_embedding_type"},
		{"jina-clip", `"hidden_size": 48`, `"hidden_size": 48, "rotary_emb_base": 0`, "rotary_emb_base is 0"},
		{"jina-clip", `"lora_rank": 4`, `"lora_rank": 0`, "of rank 0"},
		{"jina-clip", `"hidden_size": 48`, `"hidden_size": 36`, "heads of 9 elements"},
		{"jina-clip", `"num_hidden_layers": 2`, `"num_hidden_layers": 3`, "missing: text_model.transformer.roberta.encoder.layers.2."},
		{"jina-clip", `"num_hidden_layers": 2`, `"num_hidden_layers": 1`, "not used by the model: text_model.transformer.roberta.encoder.layers.1."},
		{"jina-clip", `"subln": true`, `"subln": false`, "not used by the model: vision_model.blocks.0.attn.inner_attn_ln"},
		{"jina-clip", `"naive_swiglu": true`, `"naive_swiglu": false`, "subln true"},
		{"jina-clip", `"intp_freq": true`, `"intp_freq": false`, "pt_hw_seq_len 16 does not fit 3 rows"},
		{"jina-clip", `"head_width": 16`, `"head_width": 0`, "head_width 0"},
		{"jina-clip", `"layers": 2`, `"layers": 2, "post_norm": true`, "vision_config.post_norm"},
		{"jina-clip", `"truncate_dim": null`, `"truncate_dim": 16`, "truncate_dim 16"},
		{"jina-clip", `"add_projections": false`, `"add_projections": true`, "missing: text_projection.weight, visual_projection.weight"},
		{"jina-clip-linear", `"add_projections": false`, `"add_projections": true`, "add_projections"},
		{"jina-clip-linear", `"proj_type": "linear",
  "proj_bias"`, `"proj_type": "mlp", "proj_bias"`, `proj_type "mlp"`},
		{"jina-clip-linear", `"ls_init_value": 0.1`, `"ls_init_value": null`, "not used by the model: vision_model.blocks.0.gamma_1"},
		{"jina-clip-projected", `"projection_dim": 20`, `"projection_dim": 0`, "a projection to 0 elements"},
	} {
		files := fstest.MapFS{}
		for _, name := range []string{"config.json", "preprocessor_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} {
			data, err := os.ReadFile("testdata/" + c.folder + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if name == "config.json" && !bytes.Contains(data, []byte(c.old)) {
				t.Fatalf("%s has no %s", c.folder, c.old)
			}
			if name == "config.json" {
				data = bytes.Replace(data, []byte(c.old), []byte(c.new), 1)
			}
			files[name] = &fstest.MapFile{Data: data}
		}
		d, err := Load(context.Background(), "", Options{FS: files, DType: "f32"})
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s, %s: error %v, want one line with %q", c.folder, c.new, err, c.want)
		}
	}
}
