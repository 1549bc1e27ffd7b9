package models

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/hub"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/vit"
)

const pictures = "../../testdata/pictures"

// sample is an entry of captions.json.
type sample struct {
	File, Caption string
}

// thinned keeps every twentieth of the sample pictures where plain Go computes: it takes
// about a second each, and what is tested is about the model, which other kernels see
// whole.
func thinned[T any](all []T) []T {
	if os.Getenv("EMBLEM_KERNELS") != "generic" {
		return all
	}
	var some []T
	for i := 0; i < len(all); i += 20 {
		some = append(some, all[i])
	}
	return some
}

// TestSearchSamplePictures is README's first command without its index: every
// caption is a query over the 200 sample pictures.
func TestSearchSamplePictures(t *testing.T) {
	ctx := context.Background()
	m, err := Open(ctx, Default, Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	raw, err := os.ReadFile(filepath.Join(pictures, "captions.json"))
	var all []sample
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	var px []vit.Pixels
	var captions []string
	all = thinned(all)
	for _, s := range all {
		data, err := os.ReadFile(filepath.Join(pictures, s.File))
		if err != nil {
			t.Fatal(err)
		}
		p, err := picture.Decode(data, picture.Options{})
		if err != nil {
			t.Fatal(err)
		}
		x, err := m.Preprocess(p)
		if err != nil {
			t.Fatal(err)
		}
		px, captions = append(px, x), append(captions, s.Caption)
	}
	vectors, err := m.EmbedPixels(ctx, px)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := m.EmbedTexts(ctx, captions)
	if err != nil {
		t.Fatal(err)
	}
	first := 0
	for i, q := range texts {
		scores := m.Logits(vectors, [][]float32{q})
		best := 0
		for j := range scores {
			if scores[j][0] > scores[best][0] {
				best = j
			}
		}
		if captions[best] == captions[i] {
			first++
		} else if captions[i] == "a cat to the left of a red car" {
			t.Errorf("%q finds %q first", captions[i], captions[best])
		}
	}
	t.Logf("%d of %d captions find their picture first", first, len(texts))
	if 200*first < 165*len(texts) { // the model's README: 85.5 %, 171 of 200
		t.Errorf("only %d of %d captions find their picture first", first, len(texts))
	}
}

// TestShared: two openings are one model, which lives until both are closed.
func TestShared(t *testing.T) {
	ctx := context.Background()
	a, err := Open(ctx, Default, Options{Lazy: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(ctx, "small", Options{Lazy: true, Aliases: map[string]string{"small": Default}})
	if err != nil {
		t.Fatal(err)
	}
	if a.DualEncoder != b.DualEncoder {
		t.Error("the model is open twice")
	}
	a.Close()
	a.Close()
	if _, err := b.EmbedTexts(ctx, []string{"a cat"}); err != nil {
		t.Errorf("after the other user left: %v", err)
	}
	b.Close()
	mu.Lock()
	defer mu.Unlock()
	if len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
}

func TestNotFound(t *testing.T) {
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	var missing *hub.NotFound
	for _, name := range []string{"nobody/nothing", "nothing-of-that-name", "builtin/ask", "loop"} {
		_, err := Open(context.Background(), name, Options{Aliases: map[string]string{"loop": "loop2", "loop2": "loop"}})
		if !errors.As(err, &missing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
}

// TestList: the built-in model, and what a cache and aliases lead to.
func TestList(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("HF_HUB_CACHE", cache)
	const commit = "0123456789abcdef0123456789abcdef01234567"
	repo := filepath.Join(cache, "models--org--tiny-clip")
	snapshot := filepath.Join(repo, "snapshots", commit)
	if err := os.CopyFS(snapshot, os.DirFS("../../fusion/testdata/clip-legacy")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(repo, "refs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(snapshot, "README.md"), []byte("---\ntags:\n- x\nlicense: mit\n---\n# tiny\nlicense: other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(repo, "refs/main"), []byte(commit), 0o644); err != nil {
		t.Fatal(err)
	}
	list, err := List(map[string]string{"mine": "org/tiny-clip", "gone": "org/gone"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	known := 0
	for _, e := range list {
		if !e.Installed {
			known++
			if e.Bytes == 0 || e.Licence == "" || e.Where != "emblem pull "+e.Model {
				t.Errorf("%+v", e)
			}
			continue
		}
		names = append(names, e.Model)
		if want := map[bool]string{true: "Apache-2.0", false: "mit"}[e.Model == "builtin/search"]; e.Family != "clip" || e.Bytes == 0 || e.Licence != want {
			t.Errorf("%+v", e)
		}
	}
	if known < 20 {
		t.Errorf("%d models with a short name", known)
	}
	if want := []string{"builtin/search", "mine", "org/tiny-clip"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	m, err := Open(context.Background(), "org/tiny-clip", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Name() != "tiny-clip" {
		t.Errorf("its name is %q", m.Name())
	}
}

// TestOpenChecks: a folder that cannot be right is refused in one sentence, unless it
// is to be looked at, and what may be wrong with another is told.
func TestOpenChecks(t *testing.T) {
	edited := func(file, from, to string) string {
		dir := filepath.Join(t.TempDir(), "clip")
		if err := os.CopyFS(dir, os.DirFS("../../fusion/testdata/clip-odd-bf16")); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), []byte(strings.Replace(string(raw), from, to, 1)), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	ctx := context.Background()
	foreign := edited("tokenizer.json", `"added_tokens": [`, `"added_tokens": [{"id": 700, "content": "cat", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": false},`)
	if m, err := Open(ctx, foreign, Options{Lazy: true}); err == nil || !strings.Contains(err.Error(), "the two do not belong together") {
		t.Errorf("%v, %v", m, err)
	}
	for dir, want := range map[string]bool{foreign: false, edited("config.json", `"eos_token_id": 633`, `"eos_token_id": 600`): true, "../../fusion/testdata/clip-odd-bf16": false} {
		m, err := Open(ctx, dir, Options{Lazy: true, Unchecked: dir == foreign})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if got := m.Drift(); (len(got) > 0) != want {
			t.Errorf("%s: %v", dir, got)
		}
		c, err := m.Certificate(ctx, true)
		if err != nil || c.OK != (!want && dir != foreign) {
			t.Errorf("%s: %+v, %v", dir, c, err)
		}
	}
}
