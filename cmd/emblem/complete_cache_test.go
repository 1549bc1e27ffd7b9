package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emblem-search/emblem/internal/safetensors"
)

// lengthened is GPT-2's golden folder with places for more tokens than it was made for,
// which makes it large enough to be worth keeping and changes no short answer.
func lengthened(t *testing.T, dir string) string {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(decoders+"gpt2")); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "config.json")
	raw, err := os.ReadFile(config)
	if err != nil || !strings.Contains(string(raw), `"n_positions": 64`) {
		t.Fatal(err, string(raw))
	}
	raw = []byte(strings.Replace(string(raw), `"n_positions": 64`, `"n_positions": 180000`, 1))
	if err := os.WriteFile(config, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	set, err := safetensors.Open(decoders + "gpt2/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	var all []safetensors.View
	for _, name := range set.Names() {
		v, _ := set.Get(name)
		if name == "transformer.wpe.weight" {
			v.Data = append(slices.Clone(v.Data), make([]byte, (180000-64)*24*4)...)
			v.Shape = []int{180000, 24}
		}
		all = append(all, v)
	}
	file := filepath.Join(dir, "model.safetensors")
	if err := safetensors.Write(file, all, nil); err != nil {
		t.Fatal(err)
	}
	age(t, file)
	return dir
}

// age has a file be an hour old: what is too new is not told from what comes next.
func age(t *testing.T, file string) (old time.Time) {
	t.Helper()
	old = time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	return old
}

// TestCompleteCache: a language model's packed weights are kept as the flags say, and
// give the same tokens.
func TestCompleteCache(t *testing.T) {
	d := newDesk(t)
	model := lengthened(t, d.path("gpt2"))
	packed := d.path("cache/emblem/models/packed/*")
	complete := func(flags ...string) (ids []int32, kept []string) {
		t.Helper()
		r := d.must(append([]string{"complete", "--json", "--dtype", "f32", "--max-tokens", "8", "--temperature", "0", "--model", model, "How many"}, flags...)...)
		kept, err := filepath.Glob(packed)
		if err != nil {
			t.Fatal(err)
		}
		return jsonLines[completion](t, r.stdout)[0].IDs, kept
	}
	want, kept := complete("--no-cache")
	if len(want) != 8 || len(kept) != 0 {
		t.Fatalf("without a cache: %v, and %v is kept", want, kept)
	}
	if got, kept := complete("--cache-size", "1MB"); !slices.Equal(got, want) || len(kept) != 0 {
		t.Errorf("too large for the cache: %v, want %v, and %v is kept", got, want, kept)
	}
	got, kept := complete()
	if !slices.Equal(got, want) || len(kept) != 1 {
		t.Fatalf("first: %v, want %v, and %v is kept", got, want, kept)
	}
	old := age(t, kept[0])
	if got, _ := complete(); !slices.Equal(got, want) {
		t.Errorf("from the cache: %v, want %v", got, want)
	}
	if info, err := os.Stat(kept[0]); err != nil || info.ModTime().Equal(old) {
		t.Errorf("the cache was not used: %v", err)
	}
}
