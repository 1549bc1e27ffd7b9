package vit

import (
	"context"
	"encoding/json"
	"image"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/internal/weights"
)

// TestFitPatches holds sizes of pictures of many shapes to the reference.
func TestFitPatches(t *testing.T) {
	raw, err := os.ReadFile("testdata/naflex.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][6]int // width, height, patch, most, width and height after
	if err := json.Unmarshal(raw, &rows); err != nil || len(rows) < 500 {
		t.Fatal(len(rows), err)
	}
	for _, r := range rows {
		f := frame{w: r[0], h: r[1], cw: r[0], ch: r[1]}
		fitPatches(r[2], r[3], picture.Bilinear).apply(&f)
		if f.cw != r[4] || f.ch != r[5] {
			t.Errorf("%dx%d in %d patches of %d: %dx%d, want %dx%d", r[0], r[1], r[3], r[2], f.cw, f.ch, r[4], r[5])
		}
	}
}

// TestFlexBatch: the vector and the patches of a picture do not depend on the
// shapes of those that it is encoded with, bit for bit.
func TestFlexBatch(t *testing.T) {
	for _, dtype := range []string{"f32", "bf16", "int8"} {
		e, err := Load(context.Background(), goldens+"/siglip2-naflex", Options{DType: dtype})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		var px []Pixels
		for i, size := range [][2]int{{40, 30}, {9, 400}, {640, 33}, {1, 1}, {77, 80}} {
			img := image.NewGray(image.Rect(0, 0, size[0], size[1]))
			for j := range img.Pix {
				img.Pix[j] = byte(j * (7 + i))
			}
			p, err := e.Preprocess().Apply(img)
			if err != nil {
				t.Fatal(err)
			}
			px = append(px, p)
		}
		for _, pool := range []Pool{Own, Mean} {
			all, err := e.Embed(context.Background(), px, pool)
			if err != nil {
				t.Fatal(err)
			}
			for i := range px {
				one, err := e.Embed(context.Background(), px[i:i+1], pool)
				if err != nil || !slices.Equal(one[0], all[i]) {
					t.Errorf("%s: picture %d differs in company, %v", dtype, i, err)
				}
			}
		}
		w, h, vectors, err := e.Patches(context.Background(), px[2])
		if err != nil || w*8 != px[2].W || h*8 != px[2].H || len(vectors) != w*h {
			t.Errorf("%d vectors of %dx%d patches, %v", len(vectors), w, h, err)
		}
		if win := e.Window(640, 33); win != (Window{0, 0, 1, 1}) {
			t.Errorf("patches cover %+v", win)
		}
	}
}

// TestFlexRefusals: what does not belong to the model is refused by name.
func TestFlexRefusals(t *testing.T) {
	for raw, want := range map[string]string{
		`{"num_patches": 250}`:                            "num_patches 250",
		`{"num_patches": -4}`:                             "num_patches -4",
		`{"num_patches": 1099511627776}`:                  "num_patches",
		`{"vision_use_head": false}`:                      "vision_use_head",
		`{"num_patches": 16, "num_attention_heads": 1.5}`: "num_attention_heads",
	} {
		if _, err := readSigLIP2([]byte(`{"vision_config": ` + raw + `}`)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", raw, err, want)
		}
	}
	for raw, want := range map[string]string{
		`{"patch_size": 14}`:                       "patch_size is 14",
		`{"max_num_patches": 0}`:                   "max_num_patches is 0",
		`{"do_resize": false}`:                     "do_resize",
		`{"image_std": [1, 0, 1]}`:                 "deviation of zero",
		`{"resample": 77}`:                         "resample",
		`{"image_processor_type": "Siglip2Other"}`: "Siglip2Other",
	} {
		files := fstest.MapFS{"preprocessor_config.json": {Data: []byte(raw)}}
		_, err := transformersPixels("Siglip2")(weights.Folder{FS: files}, config{flex: true, side: 64, patch: 16})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", raw, err, want)
		}
	}
	e, err := Load(context.Background(), goldens+"/siglip2-naflex", Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, px := range []Pixels{{}, {W: 8, H: 9, RGB: make([]byte, 3*72)}, {W: 8 * 31, H: 8, RGB: make([]byte, 3*8*8*31)}, {W: 8, H: 8}} {
		if _, err := e.Embed(context.Background(), []Pixels{px}, Own); err == nil || !strings.Contains(err.Error(), "whole patches") {
			t.Errorf("%dx%d: %v", px.W, px.H, err)
		}
	}
}

// FuzzFlexPreprocess: whatever the file says is refused or makes whole patches, no
// more than the budget.
func FuzzFlexPreprocess(f *testing.F) {
	for _, name := range []string{"siglip2-naflex", "siglip2-naflex-sparse"} {
		raw, err := os.ReadFile(goldens + "/" + name + "/preprocessor_config.json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, uint16(90), uint16(7), uint8(8))
		f.Add(raw, uint16(1), uint16(1), uint8(16))
	}
	f.Fuzz(func(t *testing.T, raw []byte, w, h uint16, patch uint8) {
		c := config{flex: true, side: 4 * (1 + int(patch)), patch: 1 + int(patch)}
		files := fstest.MapFS{"preprocessor_config.json": {Data: raw}}
		p, err := transformersPixels("Siglip2")(weights.Folder{FS: files}, c)
		if err != nil {
			return
		}
		fr := p.frame(1+int(w), 1+int(h))
		if fr.cw%c.patch != 0 || fr.ch%c.patch != 0 || fr.cw < c.patch || fr.ch < c.patch || fr.cw/c.patch*(fr.ch/c.patch) > p.most {
			t.Errorf("%dx%d becomes %+v of at most %d patches", 1+int(w), 1+int(h), fr, p.most)
		}
	})
}
