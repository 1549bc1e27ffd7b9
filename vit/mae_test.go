package vit

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

// maes are the goldens of masked autoencoders, with the seeds of tools/golden/mae.py.
var maes = map[string]uint64{"testdata/mae": 5, "testdata/mae-norm": 1234567}

// TestPaint: a seed masks what it masks in torch, and the decoder paints the
// reference's numbers.
func TestPaint(t *testing.T) {
	for path, seed := range maes {
		p := &plain{path: path}
		p.file = golden.Open(t, path, p)
		for _, dtype := range []string{"f32", "bf16", "int8"} {
			m, err := LoadMAE(context.Background(), path, Options{DType: dtype, Lazy: true})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			kept, err := m.Mask(m.MaskRatio(), seed)
			if err != nil {
				t.Fatal(err)
			}
			for i, masked := range p.rows("mask")[0] {
				if slices.Contains(kept, i) != (masked == 0) {
					t.Errorf("%s: patch %d", path, i)
				}
			}
			got, err := m.Paint(context.Background(), p.pixels()[0], kept)
			if err != nil {
				t.Fatal(err)
			}
			want := p.rows("painted")
			if dtype == "f32" {
				golden.Within(t, "painted pixels", 1e-4, want, got)
			}
			judge(t, "painted patches", dtype, golden.Unit(want), golden.Unit(got))
		}
	}
}

// TestReconstruct: kept patches come back as they are, masked ones as painted, and
// the loss is the reference's.
func TestReconstruct(t *testing.T) {
	for path, seed := range maes {
		p := &plain{path: path}
		p.file = golden.Open(t, path, p)
		m, err := LoadMAE(context.Background(), path, Options{DType: "f32"})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		px := p.pixels()[0]
		r, err := m.Reconstruct(context.Background(), px, m.MaskRatio(), seed)
		if err != nil {
			t.Fatal(err)
		}
		if want := p.rows("loss"); want != nil && math.Abs(r.Loss-float64(want[0][0])) > 1e-4*math.Abs(r.Loss) {
			t.Errorf("%s: a loss of %v, want %v", path, r.Loss, want[0][0])
		}
		size := m.net.config.patch
		w, h := m.net.config.grid(px)
		for i := range w * h {
			from := r.Painted
			if slices.Contains(r.Kept, i) {
				from = px
			}
			for y := range size {
				at := ((i/w*size+y)*px.W + i%w*size) * 3
				if !bytes.Equal(r.Pasted.RGB[at:at+3*size], from.RGB[at:at+3*size]) {
					t.Fatalf("%s: patch %d, row %d", path, i, y)
				}
			}
		}
		whole, err := m.Reconstruct(context.Background(), px, 0, seed)
		if err != nil || len(whole.Kept) != w*h || whole.Loss != 0 {
			t.Errorf("%s: %d patches kept at a ratio of 0, loss %v, %v", path, len(whole.Kept), whole.Loss, err)
		}
		for _, ratio := range []float64{-0.1, 1, 2, math.NaN()} {
			if _, err := m.Mask(ratio, 1); err == nil {
				t.Errorf("a ratio of %v was taken", ratio)
			}
		}
	}
	if _, err := LoadMAE(context.Background(), "testdata/vit", Options{}); err == nil || !strings.Contains(err.Error(), `"vit" is no masked autoencoder`) {
		t.Error(err)
	}
}
