package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/models"
)

// describedGolden is a golden of models that describe pictures and compare them.
type describedGolden struct {
	Runs []struct {
		Picture string
		Text    string
		Texts   []string
		Likely  []float64
	}
}

func describedGoldens(t *testing.T, name string) (g describedGolden) {
	t.Helper()
	raw, err := os.ReadFile(answerers + name + ".json")
	if err == nil {
		err = json.Unmarshal(raw, &g)
	}
	if err != nil || len(g.Runs) == 0 {
		t.Fatal(err)
	}
	return g
}

// samplesOf copies pictures of goldens to a folder.
func (d *desk) samplesOf(g describedGolden) string {
	d.t.Helper()
	dir := d.path("album")
	for _, r := range g.Runs {
		data, err := os.ReadFile(askedAbout + r.Picture)
		if err == nil {
			err = os.MkdirAll(dir, 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, r.Picture), data, 0o644)
		}
		if err != nil {
			d.t.Fatal(err)
		}
	}
	return dir
}

// TestIndexCaptions: what a model says of pictures is found by its words, with the
// model's own words in the metadata; a model that does something else is refused.
func TestIndexCaptions(t *testing.T) {
	d, g := newDesk(t), describedGoldens(t, "blip-caption")
	dir := d.samplesOf(g)
	if code, _, errs := runReal(d, "index", "--caption-model", answerers+"trocr", dir); code == 0 || !strings.Contains(errs, "does not describe pictures") {
		t.Errorf("a model that reads: %d %s", code, errs)
	}
	if code, _, errs := runReal(d, "index", "--caption-model", answerers+"blip-caption", "--read-model", answerers+"trocr", dir); code != 0 {
		t.Fatalf("index: %d %s", code, errs)
	}
	code, out, errs := runReal(d, "search", "--by", "words", "--paths", g.Runs[0].Text)
	if code != 0 || !strings.Contains(out, g.Runs[0].Picture) {
		t.Errorf("the caption %q finds %d %q %s", g.Runs[0].Text, code, out, errs)
	}
}

// TestDescriberReads: text that a model is not sure of is left out.
func TestDescriberReads(t *testing.T) {
	ctx := context.Background()
	m, err := models.OpenAnswerer(ctx, answerers+"trocr-deit", models.Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	f := askFlags{images: []string{askedAbout + "wide.png"}, maxMegapixels: 100}
	pictures, err := f.pictures()
	if err != nil {
		t.Fatal(err)
	}
	for least, want := range map[float64]bool{0: true, 1: false} {
		d := describer{read: m, least: least}
		if _, text, err := d.Describe(ctx, pictures[0], false); err != nil || (text != "") != want {
			t.Errorf("at least %v: %q %v", least, text, err)
		}
	}
}

// TestSearchRerank: hits come in the order of the reference's probabilities.
func TestSearchRerank(t *testing.T) {
	d, g := newDesk(t), describedGoldens(t, "blip-match")
	dir := d.samplesOf(g)
	if code, _, errs := runReal(d, "index", dir); code != 0 {
		t.Fatalf("index: %d %s", code, errs)
	}
	want := slices.Clone(g.Runs)
	for i, text := range g.Runs[0].Texts {
		slices.SortFunc(want, func(a, b struct {
			Picture string
			Text    string
			Texts   []string
			Likely  []float64
		}) int {
			if a.Likely[i] > b.Likely[i] {
				return -1
			}
			return 1
		})
		code, out, errs := runReal(d, "search", "--by", "meaning", "--min-probability", "0", "--json", "-n", "3", "--rerank-model", answerers+"blip-match", text)
		if code != 0 {
			t.Fatalf("%q: %d %s", text, code, errs)
		}
		for k, line := range strings.Split(strings.TrimSpace(out), "\n") {
			var hit struct {
				Rank  int
				Path  string
				Match float64
			}
			if err := json.Unmarshal([]byte(line), &hit); err != nil {
				t.Fatal(err)
			}
			// The model's own precision and a JPEG decoded elsewhere may exchange near equals.
			if hit.Rank != k+1 || filepath.Base(hit.Path) != want[k].Picture && want[k].Likely[i]-hit.Match > 0.01 {
				t.Errorf("%q finds %s", text, line)
			}
		}
	}
	for _, args := range [][]string{{"./" + "a.png"}, {"a - b"}} {
		if code, _, errs := runReal(d, append([]string{"search", "--rerank-model", answerers + "blip-match"}, args...)...); code == 0 || !strings.Contains(errs, "--rerank-model") {
			t.Errorf("%q: %d %s", args, code, errs)
		}
	}
}
