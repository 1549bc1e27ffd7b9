package fusion

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/emblem-search/emblem/internal/weights"
)

// cached opens models with a cache that keeps the smallest of them.
type cached struct {
	t   *testing.T
	dir string
}

func newCached(t *testing.T) cached {
	c := cached{t, t.TempDir()}
	weights.CacheAt(c.dir).Limit(0, 1<<30)
	return c
}

// vectors of a model's pictures and texts, and its fingerprint; what it leaves in the
// cache is there afterwards.
func (c cached) vectors(path, dtype string, r *reference) string {
	c.t.Helper()
	d, err := Load(context.Background(), path, Options{DType: dtype, Cache: c.dir})
	if err != nil {
		c.t.Fatal(err)
	}
	defer d.Close()
	defer weights.CacheAt(c.dir).Wait(context.Background())
	pictures, err := d.EmbedImages(context.Background(), r.images(c.t))
	if err != nil {
		c.t.Fatal(err)
	}
	texts, err := d.EmbedTexts(context.Background(), r.Texts)
	if err != nil {
		c.t.Fatal(err)
	}
	print, err := d.Fingerprint()
	if err != nil {
		c.t.Fatal(err)
	}
	return fmt.Sprint(pictures, texts, print)
}

// files lists the packed weights, which get an old time, so that uses show.
func (c cached) files() (all []string) {
	c.t.Helper()
	all, err := filepath.Glob(filepath.Join(c.dir, "packed", "*"))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, f := range all {
		if err := os.Chtimes(f, longAgo, longAgo); err != nil {
			c.t.Fatal(err)
		}
	}
	return all
}

var longAgo = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

// used counts the files that were used since files listed them.
func (c cached) used() (n int) {
	all, _ := filepath.Glob(filepath.Join(c.dir, "packed", "*"))
	for _, f := range all {
		if info, err := os.Stat(f); err == nil && !info.ModTime().Equal(longAgo) {
			n++
		}
	}
	return n
}

// copyModel copies a folder, so that its files are as old as those of a model are.
func copyModel(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	list, err := filepath.Glob(to + "/*.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if err := os.Chtimes(f, longAgo, longAgo); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// TestCache: weights from the cache give the same vectors, bit for bit, in every
// family and dtype.
func TestCache(t *testing.T) {
	for _, r := range references(t) {
		t.Run(filepath.Base(r.path), func(t *testing.T) {
			c, path := newCached(t), copyModel(t, r.path)
			before := 0
			for _, dtype := range []string{"f32", "bf16", "int8"} {
				want := c.vectors(path, dtype, r)
				now := len(c.files())
				if got := c.vectors(path, dtype, r); got != want {
					t.Errorf("%s: other vectors from the cache", dtype)
				}
				if used := c.used(); used < 2 || used != now-before || len(c.files()) != now {
					t.Errorf("%s: %d files were used of %d, which were %d before", dtype, used, now, before)
				}
				before = now
			}
		})
	}
}

// TestCacheDamaged: whatever happens to a file of the cache, it is noticed and made
// again.
func TestCacheDamaged(t *testing.T) {
	r := references(t)[0]
	c, path := newCached(t), copyModel(t, r.path)
	want := c.vectors(path, "f32", r)
	for name, damage := range map[string]func([]byte) []byte{
		"empty":        func([]byte) []byte { return nil },
		"short":        func(b []byte) []byte { return b[:len(b)/2] },
		"header":       func(b []byte) []byte { b[20] ^= 1; return b },
		"length":       func(b []byte) []byte { b[2] ^= 1; return b },
		"zeros":        func(b []byte) []byte { clear(b[len(b)/2:]); return b },
		"long":         func(b []byte) []byte { return append(b, 0) },
		"first number": func(b []byte) []byte { b[8+int(b[0])|int(b[1])<<8] ^= 0x80; return b },
		"a number":     func(b []byte) []byte { b[len(b)*2/3] ^= 0x80; return b },
		"rubbish":      func(b []byte) []byte { return []byte("rubbish") },
	} {
		files := c.files()
		whole := map[string][]byte{}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			whole[f] = b
			os.Remove(f) // it may be mapped
			if err := os.WriteFile(f, damage(append([]byte(nil), b...)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.vectors(path, "f32", r); got != want {
			t.Errorf("%s: other vectors", name)
		}
		for _, f := range files {
			if b, err := os.ReadFile(f); err != nil || string(b) != string(whole[f]) {
				t.Errorf("%s: %d bytes in the place of %d, %v", name, len(b), len(whole[f]), err)
			}
		}
	}
}

// TestCacheOfAnotherFile: a checkpoint that is exchanged is told by its time, and
// without waiting by its hash.
func TestCacheOfAnotherFile(t *testing.T) {
	all := references(t)
	a, b := all[0], all[1]
	c, path := newCached(t), copyModel(t, a.path)
	first := c.vectors(path, "f32", a)
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(path, os.DirFS(b.path)); err != nil {
		t.Fatal(err)
	}
	second := c.vectors(path, "f32", b)
	if want := newCached(t).vectors(b.path, "f32", b); second != want || second == first {
		t.Error("the cache has the weights of what was there before")
	}
}

// TestCacheBound: what is used least recently goes first, and what is too large is not
// kept.
func TestCacheBound(t *testing.T) {
	r := references(t)[0]
	c, path := newCached(t), copyModel(t, r.path)
	c.vectors(path, "f32", r)
	old := c.files()
	alone, bytes := newCached(t), int64(0) // room for the next files, whatever kernels pack them, and no more
	alone.vectors(path, "bf16", r)
	for _, f := range alone.files() {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	weights.CacheAt(c.dir).Limit(0, bytes)
	c.vectors(path, "bf16", r)
	for _, f := range old {
		if _, err := os.Stat(f); err == nil {
			t.Errorf("%s is still there", f)
		}
	}
	if n := len(c.files()); n != len(old) {
		t.Errorf("%d files, want %d", n, len(old))
	}
	other := newCached(t)
	weights.CacheAt(other.dir).Limit(0, 10_000)
	other.vectors(path, "f32", r)
	if n := len(other.files()); n > 0 {
		t.Errorf("%d files in a cache that has no room for them", n)
	}
}

// TestCacheReadOnly: a cache that cannot be written changes nothing.
func TestCacheReadOnly(t *testing.T) {
	r := references(t)[0]
	c := newCached(t)
	want := c.vectors(r.path, "f32", r)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	none := cached{t, filepath.Join(file, "cache")}
	weights.CacheAt(none.dir).Limit(0, 1<<30)
	if got := none.vectors(r.path, "f32", r); got != want {
		t.Error("other vectors")
	}
}
