package models

import (
	"context"
	"image"
	"os"
	"path/filepath"
	"testing"

	"github.com/emblem-search/emblem/internal/picture"
)

// TestScaledDecode holds what index may do to large JPEGs, decoding them at a
// smaller scale but never below twice the model's input, to its effect on the
// vectors: cosine at least 0.995 to the full decode.
func TestScaledDecode(t *testing.T) {
	m, err := Open(context.Background(), Default, Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	files, err := filepath.Glob(pictures + "/*.jpg")
	if err != nil || len(files) < 200 {
		t.Fatalf("%d sample pictures, %v", len(files), err)
	}
	worst, scaled := 1.0, 0
	files = thinned(files)
	for _, f := range files {
		full, small := decode(t, f, 0), decode(t, f, m.ImageSide())
		if small.W < full.W {
			scaled++
		}
		v, err := m.EmbedImages(context.Background(), []image.Image{full, small})
		if err != nil {
			t.Fatal(err)
		}
		cos := 0.0
		for i := range v[0] {
			cos += float64(v[0][i]) * float64(v[1][i])
		}
		if worst = min(worst, cos); cos < 0.995 {
			t.Errorf("%s: cosine %.5f between %dx%d and %dx%d", f, cos, full.W, full.H, small.W, small.H)
		}
	}
	t.Logf("%d of %d pictures were decoded at a smaller scale; the worst cosine is %.5f", scaled, len(files), worst)
	if scaled == 0 {
		t.Error("no picture was decoded at a smaller scale")
	}
}

func decode(t *testing.T, file string, side int) *picture.RGB {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := picture.Decode(data, picture.Options{Local: true, Limits: picture.LocalLimits(250), MinSide: side})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
