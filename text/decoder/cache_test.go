package decoder

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/emblem-search/emblem/internal/golden"
	"github.com/emblem-search/emblem/internal/weights"
)

// TestCachedWeights: weights from the cache give the same logits, bit for bit.
func TestCachedWeights(t *testing.T) {
	for _, name := range []string{"gpt2", "llama-gqa", "bart"} {
		for _, dtype := range []string{"f32", "bf16", "int8"} {
			path, kept := filepath.Join(t.TempDir(), name), t.TempDir()
			if err := os.CopyFS(path, os.DirFS(filepath.Join("testdata", name))); err != nil {
				t.Fatal(err)
			}
			old := time.Now().Add(-time.Hour) // what is too new is not told from what comes next
			if err := os.Chtimes(filepath.Join(path, "model.safetensors"), old, old); err != nil {
				t.Fatal(err)
			}
			cache := weights.CacheAt(kept)
			cache.Limit(0, 1<<30)
			ids := []int32{5, 9, 2, 7}
			logits := func(o Options) [][]float32 {
				d := open(t, path, o)
				defer cache.Wait(context.Background())
				if d.net.config.encoder != nil {
					return d.logits(t, ids, ids[:1], 1)
				}
				return d.logits(t, nil, ids, len(ids))
			}
			want := logits(Options{DType: dtype})
			for _, what := range []string{"first", "from the cache"} {
				if diff := golden.MaxDiff(want, logits(Options{DType: dtype, Cache: kept})); diff != 0 {
					t.Errorf("%s %s, %s: differs by %g", name, dtype, what, diff)
				}
				files, _ := filepath.Glob(filepath.Join(kept, "packed", "*"))
				if len(files) != 1 {
					t.Fatalf("%s %s, %s: %d files in the cache", name, dtype, what, len(files))
				}
				if info, err := os.Stat(files[0]); err != nil || what != "first" && info.ModTime().Equal(old) {
					t.Errorf("%s %s: the cache was not used: %v", name, dtype, err)
				}
				if err := os.Chtimes(files[0], old, old); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
