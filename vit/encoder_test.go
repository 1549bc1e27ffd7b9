package vit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
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

// reference is what a golden says of its pictures.
type reference struct {
	Pictures []string
	Shapes   [][2]int // width and height of each picture's pixels, where they differ
	Digests  []string // and the SHA-256 of those, where they are too many to keep
}

// pixels are the reference's own, without the bytes where it has only digests.
func (r *reference) pixels(g *golden.File, side int) []Pixels {
	all := make([]Pixels, len(r.Pictures))
	for i := range all {
		if r.Digests != nil {
			all[i] = Pixels{W: r.Shapes[i][0], H: r.Shapes[i][1]}
			continue
		}
		all[i] = Pixels{side, side, g.Bytes("pixels")[i*side*side*3:][:side*side*3]}
	}
	return all
}

// TestEncoder holds pixels and vectors to the reference: pixels bit for bit,
// vectors from the reference's own pixels.
func TestEncoder(t *testing.T) {
	for _, path := range cases(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var meta reference
			g := golden.Open(t, path, &meta)
			e, err := Load(context.Background(), path, Options{DType: "f32"})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			px := meta.pixels(g, e.Preprocess().Side())
			for i, name := range meta.Pictures {
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
				if meta.Digests != nil && fmt.Sprintf("%x", sha256.Sum256(got.RGB)) == meta.Digests[i] {
					px[i].RGB = got.RGB
				}
				if got.W != px[i].W || got.H != px[i].H || !bytes.Equal(got.RGB, px[i].RGB) {
					t.Errorf("%s: %dx%d pixels differ from the reference's %dx%d", name, got.W, got.H, px[i].W, px[i].H)
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
