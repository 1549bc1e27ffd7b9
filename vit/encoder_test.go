package vit

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
	"github.com/emblem-search/emblem/internal/picture"
)

const goldens = "../fusion/testdata"

// cases are the folders that have goldens.
func cases(t *testing.T) []string {
	files, err := filepath.Glob(goldens + "/*.safetensors")
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens", err)
	}
	for i, f := range files {
		files[i] = f[:len(f)-len(".safetensors")]
	}
	return files
}

// TestEncoder holds pixels and vectors to the reference: pixels bit for bit,
// vectors from the reference's own pixels.
func TestEncoder(t *testing.T) {
	for _, path := range cases(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var meta struct{ Pictures []string }
			g := golden.Open(t, path, &meta)
			e, err := Load(context.Background(), path, Options{DType: "f32"})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			side := e.Preprocess().Side()
			want := g.Bytes("pixels")
			var px []Pixels
			for i, name := range meta.Pictures {
				part := want[i*side*side*3:][:side*side*3]
				px = append(px, Pixels{side, side, part})
				data, err := os.ReadFile(filepath.Join(goldens, "pictures", name))
				if err != nil {
					t.Fatal(err)
				}
				img, err := picture.Decode(data, picture.Options{Local: true})
				if err != nil {
					t.Fatal(err)
				}
				got, err := e.Preprocess().Apply(img)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.RGB, part) {
					t.Errorf("%s: pixels differ from the reference's", name)
				}
			}
			vectors, err := e.Embed(context.Background(), px, Own)
			if err != nil {
				t.Fatal(err)
			}
			golden.Within(t, "image vectors", 3e-5, golden.Unit(g.Rows("image")), golden.Unit(vectors))
		})
	}
}
