package certificate

import (
	"bytes"
	"context"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/safetensors"
)

// mutant is a golden whose folder has been tampered with; the reference's numbers are
// those of the folder as it was.
func mutant(t *testing.T, g *Golden, change func(files map[string][]byte)) *Golden {
	t.Helper()
	folder, err := g.folder()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	err = fs.WalkDir(folder, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[path], err = fs.ReadFile(folder, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	change(files)
	m := *g
	m.folder = func() (fs.FS, error) { return folderOf(files) }
	return &m
}

// wrong lists the parts that a golden in f32 finds wrong.
func wrong(t *testing.T, g *Golden) (parts []string) {
	t.Helper()
	r, err := g.Run(context.Background(), "cpu", "f32")
	if err != nil {
		return []string{err.Error()}
	}
	for _, p := range r.Parts {
		if !p.OK {
			parts = append(parts, p.Part)
		}
	}
	return parts
}

// TestFlippedWeight: a single weight of the wrong sign is found, in whatever tensor.
func TestFlippedWeight(t *testing.T) {
	for _, g := range every(t) {
		for _, f := range g.meta.Tensors {
			if blind(f.Name) {
				continue
			}
			m := mutant(t, g, func(files map[string][]byte) { flip(t, files, f.Name) })
			if wrong(t, m) == nil {
				t.Errorf("%s: a flipped weight in %s is not found", g.Name, f.Name)
			}
		}
	}
}

// silent are parts of the names of tensors that may be wrong unnoticed.
var silent = []string{
	"k_proj.bias", "key.bias", // shifts all scores of a query alike
	"token_embedding", "word_embeddings", // not every token is in the texts
	"pooler.", "mask_token", "text_decoder.", // not used
	".audio.", ".depth.", ".thermal.", ".imu.", "audio_", "depth_", "thermal_", "imu_", // the golden has no such inputs
	"layer.1.attention.self.", "attn_pool.query", "attn_pool.kv.bias", // one of many is too little
}

func blind(name string) bool {
	return slices.ContainsFunc(silent, func(s string) bool { return strings.Contains(name, s) })
}

// flip turns the sign of the tensor's largest weight.
func flip(t *testing.T, files map[string][]byte, tensor string) {
	t.Helper()
	for file, data := range files {
		if !strings.HasSuffix(file, ".safetensors") {
			continue
		}
		data = bytes.Clone(data)
		files[file] = data
		set, err := safetensors.OpenBytes(file, data)
		if err != nil {
			t.Fatal(err)
		}
		v, ok := set.Get(tensor)
		if !ok {
			t.Fatal(tensor)
		}
		at, top := 0, float32(-1)
		for i := 0; i < len(v.Data)/3; i += 4 { // the first third: where three matrices are one, that of the queries
			x := math.Float32frombits(uint32(v.Data[i]) | uint32(v.Data[i+1])<<8 | uint32(v.Data[i+2])<<16 | uint32(v.Data[i+3])<<24)
			if a := max(x, -x); a > top {
				at, top = i, a
			}
		}
		v.Data[at+3] ^= 0x80
	}
}

func every(t *testing.T) []*Golden {
	t.Helper()
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// edits are ways to be wrong that other programs have been: where a family's folder
// says it, what it says instead, and the part that has to notice.
var edits = []struct{ golden, file, from, to, part string }{
	{"clip", "config.json", `"vision_config": {`, `"vision_config": {"hidden_act": "gelu",`, PartPictures},
	{"clip", "config.json", `"text_config": {`, `"text_config": {"hidden_act": "gelu",`, PartTexts},
	{"clip", "processor_config.json", `"resample": 3`, `"resample": 2`, PartResize},
	{"clip", "processor_config.json", `0.48145466`, `0.5`, PartPictures},
	{"clip", "config.json", `"eos_token_id": 633`, `"eos_token_id": 632`, PartTexts},
	{"metaclip_2", "config.json", `"hidden_act": "quick_gelu"`, `"hidden_act": "gelu"`, PartPictures},
	{"siglip", "config.json", `"hidden_act": "gelu_pytorch_tanh"`, `"hidden_act": "gelu"`, PartPictures},
	{"siglip", "tokenizer_config.json", `"pad_token": "</s>"`, `"pad_token": "<unk>"`, PartTexts},
	{"siglip.gemma", "config.json", `"hidden_act": "gelu_pytorch_tanh"`, `"hidden_act": "gelu"`, PartPictures},
	{"siglip.gemma", "tokenizer_config.json", `"pad_token": "<pad>"`, `"pad_token": "<eos>"`, PartTexts},
	{"siglip2", "tokenizer_config.json", `"Siglip2Tokenizer"`, `"GemmaTokenizer"`, PartTokenizer}, // no lower case
	{"siglip2", "preprocessor_config.json", `"resample": 2`, `"resample": 3`, PartResize},
	{"open_clip", "open_clip_config.json", `"quick_gelu": true`, `"quick_gelu": false`, PartPictures},
	{"open_clip", "open_clip_config.json", `"bilinear"`, `"bicubic"`, PartResize},
	{"open_clip", "open_clip_config.json", `"squash"`, `"shortest"`, PartResize},
	{"open_clip.clipa", "open_clip_config.json", `"strip_sep_token": true`, `"strip_sep_token": false`, PartTokenizer},
	{"open_clip.clipa", "open_clip_config.json", `"final_ln_after_pool": true`, `"final_ln_after_pool": false`, PartPictures},
	{"open_clip.coca", "open_clip_config.json", `"attn_pooler_heads": 4`, `"attn_pooler_heads": 8`, PartPictures},
	{"open_clip.xlmr", "config.json", `"pad_token_id": 1`, `"pad_token_id": 2`, PartTexts},
	{"vit", "preprocessor_config.json", `"resample": 2`, `"resample": 3`, PartResize},
	{"vit", "config.json", `"hidden_act": "gelu"`, `"hidden_act": "gelu_new"`, PartPictures},
	{"vit.head", "config.json", `"hidden_act": "gelu_new"`, `"hidden_act": "gelu"`, PartPictures},
	{"vit_mae", "config.json", `"decoder_num_attention_heads": 2`, `"decoder_num_attention_heads": 4`, PartDecoder},
	{"dinov2", "config.json", `"layer_norm_eps": 1e-06`, `"layer_norm_eps": 1e-03`, PartPictures},
	{"timm", "config.json", `"bicubic"`, `"bilinear"`, PartResize},
	{"timm", "config.json", `"crop_pct": 0.9`, `"crop_pct": 1.0`, PartResize},
}

// TestEdits: the wrong activation, resizing, padding or token is found, in the part
// that has it.
func TestEdits(t *testing.T) {
	for _, e := range edits {
		all := every(t)
		g := all[slices.IndexFunc(all, func(g *Golden) bool { return g.Name == e.golden })]
		m := mutant(t, g, func(files map[string][]byte) {
			if !bytes.Contains(files[e.file], []byte(e.from)) {
				t.Errorf("%s: %s has no %s: %.800s", e.golden, e.file, e.from, files[e.file])
			}
			files[e.file] = bytes.ReplaceAll(files[e.file], []byte(e.from), []byte(e.to))
		})
		if parts := wrong(t, m); !slices.Contains(parts, e.part) {
			t.Errorf("%s with %s: found wrong %q, want %s", e.golden, e.to, parts, e.part)
		}
	}
}
