package main

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReconstruct: a picture is masked and painted again, the same for the same
// seed, and what is shown has the size that it should have.
func TestReconstruct(t *testing.T) {
	dir, model := t.TempDir(), plainModels+"mae"
	picture := "../../fusion/testdata/pictures/wide.png"
	files := map[string][]byte{}
	for name, more := range map[string][]string{
		"a": {"--seed", "5"}, "same": {"--seed", "5"}, "other": {"--seed", "6"}, "all": {"--show", "all"}, "masked": {"--show", "masked"},
		"half": {"--seed", "5", "--mask-ratio", "0.5"},
	} {
		out := filepath.Join(dir, name+".png")
		code, stdout, stderr := runCLI(t, "", append([]string{"reconstruct", "--json", "--model", model, "--out", out, picture}, more...)...)
		l := jsonLines[reconstructed](t, stdout)
		if code != 0 || len(l) != 1 || l[0].Out != out || l[0].Loss <= 0 {
			t.Fatal(name, code, stdout, stderr)
		}
		if want := map[string]int{"half": 18}[name]; len(l[0].Kept) != max(want, 9) {
			t.Errorf("%s keeps %v", name, l[0].Kept)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil || img.Bounds().Dy() != 72 || img.Bounds().Dx() != 72*max(1, map[string]int{"all": 4}[name]) {
			t.Fatal(name, err, img.Bounds())
		}
		files[name] = data
	}
	if !bytes.Equal(files["a"], files["same"]) || bytes.Equal(files["a"], files["other"]) || bytes.Equal(files["a"], files["half"]) {
		t.Error("pictures do not follow the seed and the ratio")
	}
	code, stdout, _ := runCLI(t, "", "reconstruct", "--model", model, "--out", "-", picture)
	if _, err := png.Decode(strings.NewReader(stdout)); code != 0 || err != nil {
		t.Error(code, err)
	}
	out := filepath.Join(dir, "x.png")
	if code, stdout, _ := runCLI(t, "", "reconstruct", "--model", model, "--out", out, picture, "none.png"); code != 1 || strings.Count(stdout, "\n") != 1 || !strings.Contains(stdout, "x-0.png") {
		t.Error(code, stdout)
	}
}

// TestReconstructRefusals: one sentence each.
func TestReconstructRefusals(t *testing.T) {
	model := plainModels + "mae"
	for want, args := range map[string][]string{
		"give --out OUT.png":             {"--model", model, "x.png"},
		`"vit" is no masked autoencoder`: {"--model", plainModels + "vit", "--out", "o.png", "x.png"},
		"mask ratio of 1 leaves 0":       {"--model", model, "--out", "o.png", "--mask-ratio", "1", "x.png"},
		"takes one picture":              {"--model", model, "--out", "-", "x.png", "y.png"},
		`"half" is not one of`:           {"--model", model, "--out", "o.png", "--show", "half", "x.png"},
		"name at least one picture":      {"--model", model, "--out", "o.png"},
	} {
		code, stdout, stderr := runCLI(t, "", append([]string{"reconstruct"}, args...)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: exit %d, %q, %q; want %q", args, code, stdout, stderr, want)
		}
	}
}
