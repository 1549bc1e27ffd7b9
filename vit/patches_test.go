package vit

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

// TestPatches holds the vectors of patches to the reference.
func TestPatches(t *testing.T) {
	files, err := filepath.Glob(goldens + "/heat/*.safetensors")
	if err != nil || len(files) < 3 {
		t.Fatal("no goldens", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".safetensors")
		for _, dtype := range []string{"f32", "f16", "bf16", "int8"} {
			t.Run(name+"/"+dtype, func(t *testing.T) {
				e, err := Load(context.Background(), filepath.Join(goldens, name), Options{DType: dtype})
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				g := golden.Open(t, strings.TrimSuffix(file, ".safetensors"))
				want, got := golden.Unit(g.Rows("patches")), golden.Unit(patchesOf(t, e, g.Bytes("pixels")))
				switch dtype {
				case "f32":
					golden.Within(t, "patches", 3e-5, want, got)
				case "int8":
					golden.Close(t, "patches", 0.98, want, got)
				default:
					golden.Close(t, "patches", 0.999, want, got)
				}
			})
		}
	}
}

// patchesOf are the vectors of the patches of pictures, one after the other.
func patchesOf(t *testing.T, e *Encoder, pixels []byte) [][]float32 {
	t.Helper()
	side := e.Preprocess().Side()
	var all [][]float32
	for px := range slices.Chunk(pixels, side*side*3) {
		w, h, vectors, err := e.Patches(context.Background(), Pixels{side, side, px})
		if err != nil || w*h != len(vectors) {
			t.Fatal(w, h, len(vectors), err)
		}
		all = append(all, vectors...)
	}
	if _, _, _, err := e.Patches(context.Background(), Pixels{side, side - 1, nil}); err == nil {
		t.Error("pixels of another size were taken")
	}
	return all
}

// TestWindow: a crop leaves the ends out, a squash nothing, padding adds some, and
// so do pixels that fill no patch.
func TestWindow(t *testing.T) {
	for _, c := range []struct {
		patch int
		steps []step
		want  Window
	}{
		{10, []step{shortest(100, 0), cropDown(100, 100)}, Window{0.25, 0, 0.75, 1}},
		{10, []step{squash(100, 100, 0)}, Window{0, 0, 1, 1}},
		{10, []step{longest(100, 0), cropEven(100, 100)}, Window{0, -0.5, 1, 1.5}},
		{30, []step{squash(100, 100, 0)}, Window{0, 0, 0.9, 0.9}},
	} {
		e := &Encoder{net: &net{config: config{side: 100, patch: c.patch}}, preprocess: &Preprocess{steps: c.steps}}
		if got := e.Window(400, 200); got != c.want {
			t.Errorf("%v: %v, want %v", e.preprocess.Steps(), got, c.want)
		}
	}
}
