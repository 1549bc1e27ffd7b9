package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

const plainModels = "../../vit/testdata/"

// TestPicturesOnlyEmbed: raw vectors of files by both poolings are the reference's.
func TestPicturesOnlyEmbed(t *testing.T) {
	for _, model := range []string{"vit", "deit", "dinov2-wide", "timm-vit"} {
		var about struct{ Pictures []string }
		g := golden.Open(t, plainModels+model, &about)
		args := []string{"embed", "--json", "--raw", "--dtype", "f32", "--model", plainModels + model}
		for _, pool := range []string{"cls", "mean"} {
			full := append(args, "--pool", pool)
			for _, p := range about.Pictures {
				full = append(full, filepath.Join("../../fusion/testdata/pictures", p))
			}
			code, out, stderr := runCLI(t, "", full...)
			var got [][]float32
			for _, l := range jsonLines[embedLine](t, out) {
				got = append(got, l.Embedding)
			}
			if code != 0 {
				t.Fatal(stderr)
			}
			golden.Within(t, model+" by "+pool, 2e-4, golden.Unit(g.Rows(pool)), golden.Unit(got))
		}
	}
}

// TestClassifyHead: a model with a head needs no labels, and says them in their
// order, or the best first.
func TestClassifyHead(t *testing.T) {
	picture := "../../fusion/testdata/pictures/wide.png"
	code, out, stderr := runCLI(t, "", "classify", "--json", "--dtype", "f32", "--model", plainModels+"vit-head", picture, "none.png")
	all := jsonLines[classified](t, out)
	if code != 1 || len(all) != 2 || len(all[0].Labels) != 3 || all[0].Labels[2].Label != "véhicule, car" || all[1].Error == nil {
		t.Fatal(code, out, stderr)
	}
	sum := 0.0
	for i, c := range all[0].Labels {
		sum += float64(c.Probability)
		if c.Label == all[0].Label && c.Probability < 1./3 {
			t.Errorf("label %d: %+v is the best", i, c)
		}
	}
	if math.Abs(sum-1) > 1e-5 {
		t.Errorf("probabilities sum up to %v", sum)
	}
	_, out, _ = runCLI(t, "", "classify", "--json", "--top", "2", "--model", plainModels+"vit-head", picture)
	if best := jsonLines[classified](t, out)[0]; len(best.Labels) != 2 || best.Labels[0].Label != best.Label || best.Labels[0].Logit < best.Labels[1].Logit {
		t.Error(out)
	}
	code, out, _ = runCLI(t, "", "classify", "--top", "9", "--model", plainModels+"timm-gap", picture)
	if code != 0 || strings.Count(out, "\n") != 5 || !strings.Contains(out, "label 3") {
		t.Error(code, out)
	}
}

// TestEnsembles: the templates of others are all there, and do what templates do.
func TestEnsembles(t *testing.T) {
	for name, n := range map[string]int{"clip-80": 80, "clip-7": 7} {
		list := clipTemplates(name)
		if len(list) != n {
			t.Errorf("%s has %d templates", name, len(list))
		}
		for _, s := range list {
			if strings.Count(s, "{}") != 1 {
				t.Errorf("%q", s)
			}
		}
	}
	args := []string{"classify", "--json", "--labels", "dna,a violin", "../../testdata/pictures/002.jpg"}
	_, plain, _ := runCLI(t, "", append(args, "--template", "itap of a {}.")...)
	code, seven, stderr := runCLI(t, "", append(args, "--ensemble", "clip-7")...)
	if code != 0 || seven == plain {
		t.Error(code, stderr)
	}
}

// TestPicturesOnlyRefusals: what takes words says in one sentence that the model
// knows none.
func TestPicturesOnlyRefusals(t *testing.T) {
	picture := "../../fusion/testdata/pictures/wide.png"
	vit, head := plainModels+"vit", plainModels+"vit-head"
	for want, args := range map[string][]string{
		"vit knows pictures only and reads no words":     {"embed", "--model", vit, "--text", "a cat"},
		"vit knows pictures only and reads":              {"score", "--model", vit, "--text", "a cat", picture},
		"vit knows pictures only":                        {"tokenize", "--model", vit, "a cat"},
		"vit makes vectors and has no classification":    {"classify", "--model", vit, picture},
		"vit knows pictures only and reads no":           {"classify", "--model", vit, "--labels", "a,b", picture},
		"the 3 labels of its own head":                   {"classify", "--model", head, "--labels", "a,b", picture},
		"--top -1 is not a number":                       {"classify", "--model", head, "--top", "-1", picture},
		`"clip-8" is not one of`:                         {"classify", "--ensemble", "clip-8", "--labels", "a", picture},
		"no class token; its own pooling is mean":        {"embed", "--pool", "cls", "--model", plainModels + "ijepa", picture},
		"dinov2 knows pictures only: search with a pict": {"search", "--model", plainModels + "dinov2", "a cat", "../../fusion/testdata/pictures"},
	} {
		code, out, stderr := runCLI(t, "", args...)
		last := stderr[strings.LastIndex(strings.TrimSuffix(stderr, "\n"), "\n")+1:]
		if code != 2 || out != "" || !strings.Contains(last, want) {
			t.Errorf("%v: exit %d, stdout %q, stderr %q; want %q", args, code, out, stderr, want)
		}
	}
}

// TestPicturesOnlyLibrary: a library of a model that knows pictures only is searched
// by pictures, and by the words of names.
func TestPicturesOnlyLibrary(t *testing.T) {
	data, folder := t.TempDir(), "../../fusion/testdata/pictures"
	cli := func(args ...string) (int, string, string) { return runCLI(t, "", append(args, "--data", data)...) }
	if code, _, stderr := cli("index", "--model", plainModels+"timm-gap", folder); code != 0 {
		t.Fatal(stderr)
	}
	code, out, stderr := cli("search", "--json", "--min-probability", "0", "--image", folder+"/wide.png")
	if first := jsonLines[struct {
		Path  string
		Score float64
	}](t, out); code != 0 || len(first) < 5 || filepath.Base(first[0].Path) != "wide.png" || first[0].Score < 0.999 {
		t.Error(code, out, stderr)
	}
	if code, out, stderr := cli("search", "wide", "--by", "words"); code != 0 || strings.Count(out, "\n") != 1 {
		t.Error(code, out, stderr)
	}
	if code, out, stderr := cli("search", "a cat"); code != 2 || out != "" || !strings.Contains(stderr, "timm-gap knows pictures only: search with a picture") {
		t.Error(code, out, stderr)
	}
}

// TestPicturesOnlyInspect: inspect tells what there is.
func TestPicturesOnlyInspect(t *testing.T) {
	_, out, stderr := runCLI(t, "", "inspect", "--json", plainModels+"dinov2-registers")
	got := jsonLines[inspection](t, out)
	if len(got) != 1 || got[0].Text.FLOPs != 0 || got[0].TextTokens != 0 || got[0].Labels != 3 || got[0].ImageTokens != 1+3+16 || got[0].Family != "dinov2_with_registers" || got[0].Image.FLOPs == 0 {
		t.Error(out, stderr)
	}
	if _, out, _ := runCLI(t, "", "inspect", plainModels+"dinov2-registers"); !strings.Contains(out, "3, of a classification head") || strings.Contains(out, "a text") {
		t.Error(out)
	}
}
