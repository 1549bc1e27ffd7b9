package fusion

import (
	"context"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
	"github.com/emblem-search/emblem/vit"
)

const mclip = "testdata/towers/mclip"

// joined is M-CLIP with the CLIP that it was made for within its folder.
func joined(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mclip")
	for to, from := range map[string]string{"": mclip, visionDir: "testdata/clip-legacy"} {
		if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestMCLIP holds texts to the reference, without pictures and with those of a
// CLIP within the folder.
func TestMCLIP(t *testing.T) {
	ctx, r := context.Background(), &reference{path: joined(t)}
	r.file = golden.Open(t, mclip, r)
	for _, dtype := range []string{"f32", "f16", "bf16", "int8"} {
		within := map[string]float64{"f32": 0.999999, "int8": 0.995}[dtype]
		if within == 0 {
			within = 0.9995
		}
		d := r.open(t, Options{DType: dtype})
		pictures, err := d.EmbedImages(ctx, r.images(t))
		if err != nil {
			t.Fatal(err)
		}
		texts, err := d.EmbedTexts(ctx, r.Texts)
		if err != nil {
			t.Fatal(err)
		}
		golden.Close(t, dtype+" pictures", within, golden.Unit(r.file.Rows("image")), pictures)
		golden.Close(t, dtype+" texts", within, golden.Unit(r.file.Rows("text")), texts)
		if dtype == "f32" {
			golden.Within(t, "texts", 2e-4, golden.Unit(r.file.Rows("text")), texts)
			golden.Within(t, "logits", 1e-3, r.file.Rows("logits"), d.Logits(pictures, texts))
		}
	}
	for i, s := range r.Texts {
		ids, _, err := r.open(t, Options{Lazy: true}).EncodeText(s, CutEnd)
		if err != nil || len(ids) != len(r.IDs[i]) {
			t.Errorf("%q has ids %v, %v; want %v", s, ids, err, r.IDs[i])
		}
	}
}

// TestTextsOnly: a model without pictures gives vectors of texts, and one sentence
// when it is asked for more.
func TestTextsOnly(t *testing.T) {
	ctx := context.Background()
	d, err := Load(ctx, mclip, Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	v, err := d.EmbedTexts(ctx, []string{"кошка", "cat"})
	if err != nil || len(v) != 2 || len(v[0]) != d.Dim() || d.Dim() != 24 {
		t.Fatal(v, err)
	}
	if d.HasPictures() || d.ImageSide() != 0 || d.ImageTokens() != 0 || d.Steps() != nil || d.Ready() != nil || d.Parameters() == 0 {
		t.Error("there are pictures in a model of texts")
	}
	_, errImage := d.EmbedImages(ctx, []image.Image{image.NewGray(image.Rect(0, 0, 2, 2))})
	_, errPixels := d.EmbedPixels(ctx, []vit.Pixels{{}})
	_, _, _, errHeat := d.Heat(ctx, vit.Pixels{}, v[0])
	for _, err := range []error{errImage, errPixels, errHeat, d.ReadyFor(false, true), d.CheckPool(vit.Mean)} {
		if err == nil || !strings.Contains(err.Error(), "mclip reads texts only") {
			t.Errorf("error %v", err)
		}
	}
	alone, err := d.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	both, err := Load(ctx, joined(t), Options{Lazy: true})
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close()
	if print, err := both.Fingerprint(); err != nil || print == alone {
		t.Errorf("the pictures' model is not part of the fingerprint: %v", err)
	}
}

// TestNoTexts: likewise without texts.
func TestNoTexts(t *testing.T) {
	ctx := context.Background()
	d, err := Load(ctx, "../vit/testdata/dinov2", Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	v, err := d.EmbedImages(ctx, []image.Image{image.NewGray(image.Rect(0, 0, 20, 30))})
	if err != nil || len(v[0]) != d.Dim() {
		t.Fatal(v, err)
	}
	if d.HasTexts() || d.TextTokens() != 0 || d.Ready() != nil || d.Scale() != 1 {
		t.Error("there are texts in a model of pictures")
	}
	if _, err := d.Fingerprint(); err != nil {
		t.Error(err)
	}
	_, errText := d.EmbedTexts(ctx, []string{"a cat"})
	_, errTokens := d.EmbedTokens(ctx, [][]int32{{1}})
	_, _, errEncode := d.EncodeText("a cat", CutEnd)
	for _, err := range []error{errText, errTokens, errEncode, d.ReadyFor(true, false)} {
		if err == nil || !strings.Contains(err.Error(), "dinov2 knows pictures only") {
			t.Errorf("error %v", err)
		}
	}
}

// TestHostileTowers: folders whose parts do not belong together are refused with
// one sentence that names what is wrong.
func TestHostileTowers(t *testing.T) {
	for want, edit := range map[string]func(dir string) error{
		"do not belong together": func(dir string) error {
			return os.CopyFS(filepath.Join(dir, visionDir), os.DirFS("testdata/siglip2-fixed"))
		},
		"vision: ": func(dir string) error { return os.Mkdir(filepath.Join(dir, visionDir), 0o755) },
		`"klip" is not a model`: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"model_type": "klip"}`), 0o644)
		},
		"transDim 9 does not fit": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"model_type": "M-CLIP", "modelBase": "tower", "transDim": 9}`), 0o644)
		},
		`"bert-base-multilingual-cased" is not a tower`: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"model_type": "M-CLIP", "modelBase": "bert-base-multilingual-cased"}`), 0o644)
		},
		"hidden_act":                   func(dir string) error { return changeTower(dir, `"hidden_act": "tanh"`) },
		"type_vocab_size":              func(dir string) error { return changeTower(dir, `"type_vocab_size": 0`) },
		"num_attention_heads":          func(dir string) error { return changeTower(dir, `"num_attention_heads": -3`) },
		"do not fit the configuration": func(dir string) error { return changeTower(dir, `"num_hidden_layers": 3`) },
	} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(mclip)); err != nil {
			t.Fatal(err)
		}
		if err := edit(dir); err != nil {
			t.Fatal(err)
		}
		d, err := Load(context.Background(), dir, Options{DType: "f32"})
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// changeTower changes one key of the configuration of M-CLIP's tower.
func changeTower(dir, change string) error {
	path := filepath.Join(dir, "tower", "config.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	// The last of two equal keys counts.
	return os.WriteFile(path, []byte(strings.TrimSuffix(strings.TrimSpace(string(raw)), "}")+", "+change+"}"), 0o644)
}
