//go:build heif

package picture

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAVIF reads what Pillow wrote, without chroma subsampling: with it the
// pixels are only near, because two builds of libavif upsample differently.
func TestAVIF(t *testing.T) {
	files, _ := filepath.Glob("testdata/golden/*.avif")
	if len(files) == 0 {
		t.Fatal("no AVIF files")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Decode(data, Options{Local: true})
		if err != nil {
			t.Fatal(file, err)
		}
		want, err := os.ReadFile(strings.TrimSuffix(file, ".avif") + ".rgb")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.Pix, want) {
			t.Errorf("%s: differs from Pillow", file)
		}
	}
}

func TestHEIFLimits(t *testing.T) {
	data := readPicture(t, "exif1.avif")
	if _, err := ReadHeader(data, Options{Local: true, Limits: Limits{MaxPixels: 100}}); kindOf(err) != TooLarge {
		t.Errorf("got %v", err)
	}
	if _, err := Decode(data, Options{}); kindOf(err) != Unsupported {
		t.Errorf("AVIF over HTTP: %v", err)
	}
}

// TestHEIC reads a portrait picture, which the decoder turns by itself.
func TestHEIC(t *testing.T) {
	data, err := os.ReadFile("testdata/exif6.heic")
	if err != nil {
		t.Fatal(err)
	}
	h, err := ReadHeader(data, Options{Local: true})
	if err != nil || h.Format != "heic" || h.Orientation != 1 {
		t.Fatalf("%+v, %v", h, err)
	}
	p, err := Decode(data, Options{Local: true})
	if err != nil {
		t.Fatal(err)
	}
	if p.W*p.H != h.W*h.H {
		t.Errorf("%dx%d, header %+v", p.W, p.H, h)
	}
}
