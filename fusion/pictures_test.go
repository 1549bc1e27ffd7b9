package fusion

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

// TestPicturesOnly holds models that know pictures only to the reference, from
// files, in every dtype; texts are refused by the model's name.
func TestPicturesOnly(t *testing.T) {
	const models = "../vit/testdata/"
	files, err := filepath.Glob(models + "*/config.json")
	if err != nil || len(files) < 15 {
		t.Fatal(len(files), "models", err)
	}
	for _, f := range files {
		r := &reference{path: filepath.Dir(f)}
		r.file = golden.Open(t, r.path, r)
		own := "cls"
		for _, name := range []string{"mean", "own"} {
			if strings.Contains(r.path, "ijepa") && name == "mean" || r.file.Has("own") {
				own = name
			}
		}
		for dtype, least := range map[string]float64{"f32": 0, "f16": 0.9995, "bf16": 0.9995, "int8": 0.995} {
			t.Run(filepath.Base(r.path)+"/"+dtype, func(t *testing.T) {
				d := r.open(t, Options{DType: dtype})
				got, err := d.EmbedImages(context.Background(), r.images(t))
				if err != nil {
					t.Fatal(err)
				}
				want := golden.Unit(r.file.Rows(own))
				if dtype == "f32" {
					golden.Within(t, own, 2e-4, want, got)
				} else {
					golden.Close(t, own, least, want, got)
				}
				var none *PicturesOnlyError
				if _, err := d.EmbedTexts(context.Background(), []string{"a cat"}); !errors.As(err, &none) || none.Model != d.Name() || !d.PicturesOnly() {
					t.Errorf("a text: %v", err)
				}
				if _, _, err := d.EncodeText("a cat", CutEnd); !errors.As(err, &none) {
					t.Errorf("a text's ids: %v", err)
				}
				if _, err := d.EmbedTokens(context.Background(), [][]int32{{1}}); !errors.As(err, &none) {
					t.Errorf("ids: %v", err)
				}
			})
		}
	}
}
