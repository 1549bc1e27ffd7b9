package vit

import (
	"context"
	"image"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

// reduced are the folders whose shortened sequences have goldens.
var reduced = map[string]string{
	"clip-legacy": goldens + "/clip-legacy", "clip-odd-bf16": goldens + "/clip-odd-bf16",
	"builtin": "../internal/builtin/search", "deit": "testdata/deit",
}

func open(t *testing.T, dir string, o Options) *Encoder {
	t.Helper()
	e, err := Load(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// TestReduce holds merging to facebookresearch/ToMe and pruning to EViT.
func TestReduce(t *testing.T) {
	for name, dir := range reduced {
		g := golden.Open(t, filepath.Join("testdata/reduce", name))
		settings := g.Rows("settings")[0]
		for what, r := range map[string]Reduce{"merge": {Merge: int(settings[0])}, "prune": {Keep: float64(settings[1])}} {
			t.Run(name+"/"+what, func(t *testing.T) {
				e := open(t, dir, Options{DType: "f32", Reduce: r})
				var px []Pixels
				side := e.Preprocess().Side()
				for b := range slices.Chunk(g.Bytes("pixels"), side*side*3) {
					px = append(px, Pixels{side, side, b})
				}
				got, err := e.Embed(context.Background(), px, Own)
				if err != nil {
					t.Fatal(err)
				}
				golden.Within(t, "vectors", 3e-5, golden.Unit(g.Rows(what)), golden.Unit(got))
				exact, err := open(t, dir, Options{DType: "f32"}).Embed(context.Background(), px, Own)
				if err != nil {
					t.Fatal(err)
				}
				alone, err := e.Embed(context.Background(), px[1:2], Own)
				if err != nil || !slices.Equal(alone[0], got[1]) {
					t.Errorf("alone the second picture is another: %v", err)
				}
				if slices.Equal(exact[0], got[0]) {
					t.Error("nothing was left out")
				}
			})
		}
	}
}

// TestReducePools: every way of pooling takes merged tokens; a model that merges
// nothing gives the exact vectors.
func TestReducePools(t *testing.T) {
	for _, path := range append(cases(t), "testdata/timm-gap", "testdata/timm-dinov2", "testdata/dinov2-registers") {
		e, err := Load(context.Background(), path, Options{DType: "f32", Reduce: Reduce{Merge: 3}})
		if err != nil {
			if !strings.Contains(err.Error(), "any shape") && !strings.Contains(err.Error(), "by their place") {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		side := e.Preprocess().Side()
		px := Pixels{side, side, make([]byte, 3*side*side)}
		for i := range px.RGB {
			px.RGB[i] = byte(i * i >> 3)
		}
		lengths := e.net.lengths(e.Tokens())
		if v, err := e.Embed(context.Background(), []Pixels{px}, Own); err != nil || lengths[1] >= lengths[0] {
			t.Errorf("%s: %v, %d, %v", path, lengths, len(v), err)
		}
		e.Close()
	}
}

// TestReduceRefuses what a model or the flag cannot mean.
func TestReduceRefuses(t *testing.T) {
	for _, s := range []string{"merge", "merge:0", "merge:-1", "merge:x", "prune:0", "prune:1", "prune:NaN", "none:1", "tome:8"} {
		if r, err := ParseReduce(s); err == nil {
			t.Errorf("%q was read as %+v", s, r)
		}
	}
	for _, s := range []string{"none", "merge:8", "prune:0.7", "patches:64"} {
		if r, err := ParseReduce(s); err != nil || r.String() != s {
			t.Errorf("%q: %v, %v", s, r, err)
		}
	}
	if _, err := Load(context.Background(), goldens+"/siglip-72", Options{Reduce: Reduce{Keep: 0.5}}); err == nil || !strings.Contains(err.Error(), "no class token") {
		t.Errorf("a model without a class token: %v", err)
	}
}

// TestReducePatches: a smaller budget of a model that keeps shapes.
func TestReducePatches(t *testing.T) {
	const dir = goldens + "/siglip2-naflex"
	all, few := open(t, dir, Options{DType: "f32"}), open(t, dir, Options{DType: "f32", Reduce: Reduce{Patches: 9}})
	img := image.NewRGBA(image.Rect(0, 0, 300, 200))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i >> 7)
	}
	for e, most := range map[*Encoder]int{all: all.Tokens(), few: 9} {
		px, err := e.Preprocess().Apply(img)
		if err != nil {
			t.Fatal(err)
		}
		if w, h := e.net.config.grid(px); w*h > most || w <= h || e.Tokens() != most {
			t.Errorf("%d by %d patches of at most %d", w, h, most)
		}
		if v, err := e.Embed(context.Background(), []Pixels{px}, Own); err != nil || len(v) != 1 {
			t.Error(err)
		}
	}
	if !slices.Equal(few.Preprocess().Published().Steps(), all.Preprocess().Steps()) {
		t.Error("the published steps are lost")
	}
	for dir, r := range map[string]Reduce{dir: {Merge: 2}, goldens + "/clip-legacy": {Patches: 9}} {
		if _, err := Load(context.Background(), dir, Options{Reduce: r}); err == nil {
			t.Errorf("%s took %v", dir, r)
		}
	}
}
