package text

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

// TestEncoder holds vectors to the reference, from the reference's own ids:
// texts of unequal length, alone and together.
func TestEncoder(t *testing.T) {
	files, err := filepath.Glob("../fusion/testdata/*.safetensors")
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens", err)
	}
	for _, file := range files {
		path := file[:len(file)-len(".safetensors")]
		t.Run(filepath.Base(path), func(t *testing.T) {
			var meta struct{ IDs [][]int32 }
			g := golden.Open(t, path, &meta)
			o := EncoderOptions{DType: "f32"}
			if tok, err := LoadTokenizer(path, TokenizerOptions{}); err != nil {
				t.Fatal(err)
			} else if pad, ok := tok.PAD(); ok && strings.Contains(path, "siglip") {
				o.Pad = &pad
			}
			e, err := LoadEncoder(context.Background(), path, o)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			got, err := e.Embed(context.Background(), meta.IDs)
			if err != nil {
				t.Fatal(err)
			}
			golden.Within(t, "text vectors", 3e-5, golden.Unit(g.Rows("text")), golden.Unit(got))
			for i, ids := range meta.IDs {
				alone, err := e.Embed(context.Background(), [][]int32{ids})
				if err != nil {
					t.Fatal(err)
				}
				if d := golden.MaxDiff(got[i:i+1], alone); d != 0 {
					t.Errorf("text %d differs by %g when it is alone", i, d)
				}
			}
		})
	}
}
