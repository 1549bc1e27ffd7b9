package picture

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

type goldenPicture struct {
	File, Format string
	Size         [2]int
	SHA256       string
	First        string
}

func goldenPictures(t *testing.T) []goldenPicture {
	t.Helper()
	var all []goldenPicture
	readGolden(t, "testdata/golden/pictures.json", &all)
	if len(all) < 50 {
		t.Fatalf("only %d pictures in the golden file", len(all))
	}
	return all
}

func readPicture(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/golden", file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodeEqualsPillow(t *testing.T) {
	o := Options{Local: true, Limits: LocalLimits(0)}
	for _, g := range goldenPictures(t) {
		t.Run(g.File, func(t *testing.T) {
			data := readPicture(t, g.File)
			h, err := ReadHeader(data, o)
			if err != nil {
				t.Fatal(err)
			}
			w, ht := h.W, h.H
			if h.Orientation >= 5 {
				w, ht = ht, w
			}
			if h.Format != g.Format || w != g.Size[0] || ht != g.Size[1] {
				t.Errorf("header %+v, want %s %v", h, g.Format, g.Size)
			}
			p, err := Decode(data, o)
			if err != nil {
				t.Fatal(err)
			}
			if p.W != g.Size[0] || p.H != g.Size[1] {
				t.Fatalf("%dx%d, want %v", p.W, p.H, g.Size)
			}
			if digest(p) != g.SHA256 {
				n := min(len(p.Pix), len(g.First)/2)
				t.Errorf("differs from Pillow; starts\n%s, want\n%s", hex.EncodeToString(p.Pix[:n]), g.First)
			}
		})
	}
}

func kindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}
