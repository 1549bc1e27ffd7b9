package certificate

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/vit"
)

const published = "../../fusion/testdata/clip-odd-bf16"

// edited is a copy of a folder of the tests with some text of a file replaced.
func edited(t *testing.T, file, from, to string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "edited")
	if err := os.CopyFS(dir, os.DirFS(published)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, file)
	raw, err := os.ReadFile(path)
	if from != "" && (err != nil || !bytes.Contains(raw, []byte(from))) {
		t.Fatalf("%s has no %s: %v", file, from, err)
	}
	if err := os.WriteFile(path, bytes.Replace(raw, []byte(from), []byte(to), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// full opens a folder and makes its certificate.
func full(t *testing.T, dir, dtype string) *Certificate {
	t.Helper()
	m, err := fusion.Load(context.Background(), dir, fusion.Options{DType: dtype, Lazy: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	c, err := Full(context.Background(), m, weights.Folder{Dir: dir}, Options{Deep: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// finding is what a check found.
func (c *Certificate) finding(check string) Finding {
	for _, f := range c.Findings {
		if f.Check == check {
			return f
		}
	}
	return Finding{}
}

// TestFull: the certificates of folders of every kind are right, and complete.
func TestFull(t *testing.T) {
	folders, err := filepath.Glob("../../*/testdata/*/*config.json")
	if err != nil || len(folders) < 20 {
		t.Fatal(folders, err)
	}
	for _, f := range folders {
		dir := filepath.Dir(f)
		if _, err := fusion.Load(context.Background(), dir, fusion.Options{Lazy: true}); err != nil {
			continue // its tower has a size that only the tests of vit know
		}
		for _, dtype := range []string{"f32", "int8"} {
			c := full(t, dir, dtype)
			if !c.OK || len(c.Parts) < 5 || len(c.Goldens) == 0 || len(c.Machine.Kernels) != len(DTypes) || c.DType != dtype || c.Fingerprint == "" {
				raw, _ := json.Marshal(c.Findings)
				t.Errorf("%s in %s: %s", dir, dtype, raw)
			}
		}
	}
}

// TestFolders: what is wrong with a folder is found, and named.
func TestFolders(t *testing.T) {
	for _, c := range []struct{ file, from, to, check, says string }{
		{"config.json", `"eos_token_id": 633`, `"eos_token_id": 600`, "tokenizer", "the model looks for token 600"},
		{"tokenizer.json", `"added_tokens": [`, `"added_tokens": [{"id": 700, "content": "cat", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": false},`,
			"tokenizer", "the tokenizer makes token 634, and the model has embeddings of 634"},
		{"open_clip_config.json", "", `{"model_cfg": {"quick_gelu": false}}`, "activation", "do not agree on quick_gelu"},
		{"config.json", `"hidden_size": 45`, `"hidden_size": 45`, "", ""},
	} {
		found := full(t, edited(t, c.file, c.from, c.to), "f32")
		if f := found.finding(c.check); found.OK != (c.check == "") || c.check != "" && (f.OK || !strings.Contains(f.Detail, c.says)) {
			t.Errorf("%s with %s: %+v", c.file, c.to, found.Findings)
		}
	}
}

// TestKnown: a vocabulary that is well known is compared with what it is known to be.
func TestKnown(t *testing.T) {
	defer delete(vocabularies, 634)
	for _, v := range []vocabulary{
		{special: map[string]int32{"<|endoftext|>": 600}}, {special: map[string]int32{"<|end|>": 633}}, {text: "a cat", ids: []int32{320, 536}},
	} {
		vocabularies[634] = v
		if f := full(t, published, "f32").finding("tokenizer"); f.OK || !strings.Contains(f.Detail, "well known") {
			t.Errorf("%+v: %+v", v, f)
		}
	}
	vocabularies[634] = vocabulary{map[string]int32{"<|endoftext|>": 633}, "a photo of a cat", []int32{320, 79, 606, 531, 539, 320, 66, 536}}
	if f := full(t, published, "f32").finding("tokenizer"); !f.OK || !strings.Contains(f.Detail, "well-known ids") {
		t.Errorf("%+v", f)
	}
}

// spoil changes the numbers of a tensor, in bf16, of a folder.
func spoil(t *testing.T, dir, tensor string, change func(i int, x float32) float32) {
	t.Helper()
	path := filepath.Join(dir, "model.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set, err := safetensors.OpenBytes("model", data)
	if err != nil {
		t.Fatal(err)
	}
	v, ok := set.Get(tensor)
	if !ok || v.DType != safetensors.BF16 {
		t.Fatal(tensor, v.DType)
	}
	for i := range v.Len() {
		x := math.Float32frombits(uint32(binary.LittleEndian.Uint16(v.Data[2*i:])) << 16)
		binary.LittleEndian.PutUint16(v.Data[2*i:], uint16(math.Float32bits(change(i, x))>>16))
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// spoilt is a copy of the folder with one number of an MLP changed.
func spoilt(t *testing.T, number float64) string {
	t.Helper()
	dir := edited(t, "config.json", "{", "{")
	spoil(t, dir, fc1, func(i int, x float32) float32 {
		if i == 7 {
			return float32(number)
		}
		return x
	})
	return dir
}

// outliers is a copy of the folder in which each row of an MLP has a weight of what is
// always zero that leaves no room for the others in 8 bits.
func outliers(t *testing.T) string {
	t.Helper()
	dir := edited(t, "config.json", "{", "{")
	column := func(with float32) func(int, float32) float32 {
		return func(i int, x float32) float32 {
			if i%45 == 0 { // 45 is the tower's width
				return with
			}
			return x
		}
	}
	spoil(t, dir, fc1, column(1000))
	for _, norm := range []string{"weight", "bias"} {
		spoil(t, dir, "vision_model.encoder.layers.1.layer_norm2."+norm, column(0))
	}
	return dir
}

const fc1 = "vision_model.encoder.layers.1.mlp.fc1.weight"

// TestNumbers: numbers that are none, that a dtype does not hold, or that it rounds
// too much away are found.
func TestNumbers(t *testing.T) {
	nan, large, outliers := spoilt(t, math.NaN()), spoilt(t, 70000), outliers(t)
	for _, c := range []struct{ dir, dtype, check, says string }{
		{nan, "f32", "numbers", fc1 + " has infinite numbers or NaN"}, {nan, "int8", "numbers", fc1 + " has infinite numbers or NaN"},
		{large, "f16", "numbers", fc1 + " has numbers that are too large for f16"}, {large, "bf16", "", ""},
		{outliers, "int8", "rounding", "vectors in int8 have a cosine of at least"}, {outliers, "f32", "", ""},
	} {
		found := full(t, c.dir, c.dtype)
		f := found.finding(c.check)
		if found.OK != (c.check == "") || c.check != "" && (f.OK || !strings.Contains(f.Detail, c.says)) {
			t.Errorf("%s in %s: %+v", c.says, c.dtype, found.Findings)
		}
	}
}

// TestEveryFamily: no family that can be opened is without a golden.
func TestEveryFamily(t *testing.T) {
	for _, name := range append(vit.Families(), text.Families()...) {
		all, err := For(weights.Config{Family: name, Raw: []byte("{}")})
		if err != nil || len(all) == 0 {
			t.Errorf("the family %s has no golden, %v: add a line to GOLDENS of tools/golden/certificate.py and run it", name, err)
		}
	}
}

// TestRefused: opening a model of a family whose golden is computed wrongly is an
// error that names the part; one of another family opens.
func TestRefused(t *testing.T) {
	g := every(t)[slices.IndexFunc(every(t), func(g *Golden) bool { return g.Name == "clip" })]
	m := mutant(t, g, func(files map[string][]byte) {
		files["config.json"] = bytes.ReplaceAll(files["config.json"], []byte(`"vision_config": {`), []byte(`"vision_config": {"hidden_act": "gelu",`))
	})
	m.Name = "wrong"
	keep := ofFamily
	defer func() { ofFamily = keep }()
	ofFamily = func(family string) ([]*Golden, error) {
		if family != "clip" {
			return nil, nil
		}
		return []*Golden{m}, nil
	}
	for _, dtype := range []string{"f32", "bf16", "int8"} { // f32 has the closest tolerance, and is always looked at
		d, err := fusion.Load(context.Background(), published, fusion.Options{DType: dtype, Lazy: true})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		var refused *Error
		_, err = Load(d, weights.Folder{Dir: published}, "cpu")
		if !errors.As(err, &refused) || refused.Part.Part != PartPictures || !strings.Contains(err.Error(), "clip-odd-bf16 is refused") || !strings.Contains(err.Error(), "EMBLEM_KERNELS=generic") {
			t.Errorf("%s: %v", dtype, err)
		}
		if c := full(t, published, dtype); c.OK || len(c.Parts) < 10 {
			t.Errorf("%s: %+v", dtype, c.Parts)
		}
	}
	d, err := fusion.Load(context.Background(), "../../vit/testdata/dinov2", fusion.Options{Lazy: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f, err := Load(d, weights.Folder{Dir: "../../vit/testdata/dinov2"}, "cpu")
	if err != nil || f[0].OK || !strings.Contains(f[0].Detail, "there is none of this family") {
		t.Errorf("a family without a golden: %+v, %v", f, err)
	}
}

// BenchmarkLoad is what opening a model of CLIP adds, once its golden has been run, and
// before.
func BenchmarkLoad(b *testing.B) {
	d, err := fusion.Load(context.Background(), published, fusion.Options{DType: "bf16", Lazy: true})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	for _, first := range []bool{false, true} {
		b.Run(fmt.Sprintf("first=%v", first), func(b *testing.B) {
			for b.Loop() {
				if first {
					once.Clear()
				}
				if _, err := Load(d, weights.Folder{Dir: published}, "cpu"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
