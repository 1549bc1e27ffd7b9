package vit

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
	"github.com/emblem-search/emblem/internal/picture"
)

// plain is a golden of a model that knows pictures only.
type plain struct {
	Pictures []string
	Shape    [2]int // height and width of the pixels
	Labels   []string
	path     string
	file     *golden.File
}

func plains(t *testing.T) []*plain {
	t.Helper()
	files, err := filepath.Glob("testdata/*.safetensors")
	if err != nil || len(files) < 15 {
		t.Fatal(len(files), "goldens", err)
	}
	var all []*plain
	for _, f := range files {
		p := &plain{path: strings.TrimSuffix(f, ".safetensors")}
		p.file = golden.Open(t, p.path, p)
		all = append(all, p)
	}
	return all
}

func (p *plain) open(t *testing.T, dtype string) *Encoder {
	t.Helper()
	e, err := Load(context.Background(), p.path, Options{DType: dtype})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// pixels are the reference's.
func (p *plain) pixels() []Pixels {
	var all []Pixels
	for px := range slices.Chunk(p.file.Bytes("pixels"), 3*p.Shape[0]*p.Shape[1]) {
		all = append(all, Pixels{W: p.Shape[1], H: p.Shape[0], RGB: px})
	}
	return all
}

// rows are an array of the golden, if it has that.
func (p *plain) rows(name string) [][]float32 {
	if !p.file.Has(name) {
		return nil
	}
	return p.file.Rows(name)
}

// TestPlainPixels: pictures become the reference's pixels, bit for bit.
func TestPlainPixels(t *testing.T) {
	for _, p := range plains(t) {
		e := p.open(t, "f32")
		for i, want := range p.pixels() {
			data, err := os.ReadFile(filepath.Join(goldens, "pictures", p.Pictures[i]))
			if err != nil {
				t.Fatal(err)
			}
			img, err := picture.Decode(data, picture.Options{Local: true})
			if err != nil {
				t.Fatal(err)
			}
			got, err := e.Preprocess().Apply(img)
			if err != nil || got.W != want.W || got.H != want.H || !bytes.Equal(got.RGB, want.RGB) {
				t.Errorf("%s: %s: %dx%d pixels, %v, differ from the reference's %dx%d; %v", p.path, p.Pictures[i], got.W, got.H, err, want.W, want.H, e.Preprocess().Steps())
			}
		}
	}
}

// TestPlainVectors holds vectors by every pooling, and logits, to the reference, in
// every dtype.
func TestPlainVectors(t *testing.T) {
	for _, p := range plains(t) {
		for _, dtype := range []string{"f32", "f16", "bf16", "int8"} {
			t.Run(filepath.Base(p.path)+"/"+dtype, func(t *testing.T) {
				e, px := p.open(t, dtype), p.pixels()
				for pool, name := range map[Pool]string{Own: "own", CLS: "cls", Mean: "mean"} {
					want := p.rows(name)
					if want == nil {
						continue
					}
					got, err := e.Embed(context.Background(), px, pool)
					if err != nil {
						t.Fatal(err)
					}
					judge(t, name, dtype, golden.Unit(want), golden.Unit(got))
				}
				if !slices.Equal(e.Labels(), p.Labels) {
					t.Errorf("labels %q, want %q", e.Labels(), p.Labels)
				}
				if want := p.rows("logits"); want != nil {
					got, err := e.Classify(context.Background(), px)
					if err != nil {
						t.Fatal(err)
					}
					if dtype == "f32" {
						golden.Within(t, "logits", 1e-4, want, got)
					}
					if dtype == "int8" { // the plan's gate is for embeddings; a few random labels cancel more
						golden.Close(t, "logits", 0.995, golden.Unit(want), golden.Unit(got))
					} else {
						judge(t, "logits", dtype, golden.Unit(want), golden.Unit(got))
					}
				} else if _, err := e.Classify(context.Background(), px); err == nil {
					t.Error("a model without a head has logits")
				}
			})
		}
	}
}

// judge applies the plan's gates.
func judge(t *testing.T, what, dtype string, want, got [][]float32) {
	t.Helper()
	switch dtype {
	case "f32":
		golden.Within(t, what, 3e-5, want, got)
	case "int8":
		golden.Close(t, what, 0.998, want, got)
	default:
		golden.Close(t, what, 0.9995, want, got)
	}
}

// TestPlainCompany: vectors do not depend on the pictures beside them, of whatever
// size these are.
func TestPlainCompany(t *testing.T) {
	for _, p := range plains(t) {
		e, px := p.open(t, "f32"), p.pixels()
		if e.net.config.resample != never {
			n := 2 * e.net.config.patch
			px = append([]Pixels{{n, n + e.net.config.patch, make([]byte, 3*n*(n+e.net.config.patch))}}, px...)
		}
		all, err := e.Embed(context.Background(), px, Own)
		if err != nil {
			t.Fatal(err)
		}
		for i := range px {
			one, err := e.Embed(context.Background(), px[i:i+1], Own)
			if err != nil || !slices.Equal(one[0], all[i]) {
				t.Errorf("%s: picture %d alone differs, %v", p.path, i, err)
			}
		}
		if _, err := e.Embed(context.Background(), []Pixels{{1, 1, make([]byte, 3)}}, Own); err == nil {
			t.Errorf("%s: pixels of another size were taken", p.path)
		}
	}
}
