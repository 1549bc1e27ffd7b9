package library

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/index"
)

func (b *bench) filtered(query, filter string) []string {
	b.t.Helper()
	var q Query
	var err error
	if query != "" {
		q, err = ParseQuery(query)
		must(b.t, err)
	}
	q.Filter, err = index.ParseFilter(filter)
	must(b.t, err)
	hits, err := b.lib().Search(context.Background(), b.model, q, SearchOptions{Limit: 100})
	must(b.t, err)
	var out []string
	for i, h := range hits {
		if h.Rank != i+1 {
			b.t.Errorf("rank %d at %d", h.Rank, i)
		}
		rel, err := filepath.Rel(b.dir, h.Path)
		must(b.t, err)
		out = append(out, filepath.ToSlash(rel))
	}
	return out
}

func (b *bench) wantFiltered(query, filter string, want ...string) {
	b.t.Helper()
	if got := b.filtered(query, filter); !slices.Equal(got, want) {
		b.t.Errorf("%q with %s finds %v; want %v", query, filter, got, want)
	}
}

// cameraPicture is taken by a Canon EOS R6 in Sydney, on 2021-03-04.
func cameraPicture(t *testing.T) []byte {
	data, err := os.ReadFile("../picture/testdata/golden/camera.jpg")
	must(t, err)
	return data
}

func TestFilter(t *testing.T) {
	b := gallery(t)
	write(t, b.path("cam/a.jpg"), cameraPicture(t))
	b.index(nil)
	b.wantFiltered("", `camera:"eos r6" and year:2021 and taken:2021-03-04 and kind:jpeg and width:24`, "cam/a.jpg")
	b.wantFiltered("red", "near(-33.5,151.2,10km)", "cam/a.jpg")
	b.wantFiltered("", "near(33.5,151.2,10km)")
	b.wantFiltered("red", "folder:g and name:1.png", "g/1.png")
	if got := b.filtered("blue", "kind:png and not folder:b"); len(got) != 8 || slices.ContainsFunc(got, func(p string) bool { return strings.HasPrefix(p, "b/") }) {
		t.Errorf("not in b: %v", got)
	}
	if got := b.filtered("", "width>0"); len(got) != 13 || got[12] != "cam/a.jpg" {
		t.Errorf("newest first: %v; want the picture of 2021 last", got)
	}
	must(t, os.Remove(b.path("g/1.png")))
	b.index(nil)
	b.wantFiltered("", "folder:g and name:1.png")
	fields, err := b.lib().Fields(1)
	must(t, err)
	for _, f := range fields {
		if slices.Contains(private, f.Name) {
			t.Errorf("%s is a field", f.Name)
		}
		if f.Name == "kind" && (f.Documents != 12 || f.Examples[0] != "png") {
			t.Errorf("%+v", f)
		}
	}
}

// TestVerifyReadsMetadata makes a library as an earlier version left it.
func TestVerifyReadsMetadata(t *testing.T) {
	b := newBench(t)
	write(t, b.path("a.jpg"), cameraPicture(t))
	b.index(nil)
	d, err := b.lib().ix.Get(b.path("a.jpg"))
	must(t, err)
	want := d.Metadata
	bare := d
	bare.Metadata = map[string]any{}
	for _, key := range []string{keySize, keyMtime, keyInode, keyHash, keyKind, keyAdded} {
		bare.Metadata[key] = want[key]
	}
	_, err = b.lib().ix.Put(context.Background(), bare)
	must(t, err)
	b.index(nil)
	b.wantFiltered("", "camera:canon")
	embedded := b.model.images.Load()
	r := b.index(func(o *Options) { o.Verify = true })
	b.wantFiltered("", "camera:canon", "a.jpg")
	b.wantFiltered("", "source:file and taken:2021-03-04", "a.jpg")
	if r.Unchanged != 1 || b.model.images.Load() != embedded {
		t.Errorf("verified with %+v; want it unchanged and nothing embedded", r)
	}
	d, err = b.lib().ix.Get(b.path("a.jpg"))
	must(t, err)
	for key, v := range want {
		if d.Metadata[key] != v {
			t.Errorf("%s is %v after verifying; want %v", key, d.Metadata[key], v)
		}
	}
}
