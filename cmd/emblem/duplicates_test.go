package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/server"
)

func TestDuplicatesCommand(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 1)
	d.must("index", d.path("p")) // the earliest, which comes first; of files that are indexed at once any may be
	d.paint("p", "r", red, 3)
	d.paint("p", "b", blue, 2)
	d.must("index", d.path("p"))
	r := d.must("library", "duplicates", "--json")
	var found library.Duplicates
	if err := json.Unmarshal([]byte(r.stdout), &found); err != nil || found.Total != 2 || found.Documents != 5 || len(found.Groups[0].IDs) != 3 || found.Threshold != 0.97 {
		t.Errorf("%+v: %v", found, err)
	}
	r = d.must("library", "duplicates", "default", "-n", "1")
	if lines := strings.Split(strings.TrimSpace(r.stdout), "\n"); len(lines) != 3 || lines[0] != d.path("p/r000.png") || !strings.Contains(r.stderr, "2 groups of 5 documents") {
		t.Errorf("%+v", r)
	}
	if r = d.run("library", "duplicates", "--threshold", "1"); r.code != exitOK && r.code != exitNothing {
		t.Errorf("%+v", r)
	}
	if r = d.run("library", "duplicates", "--threshold", "0"); r.code != exitUsage || !strings.Contains(r.stderr, "between 0.5 and 1") {
		t.Errorf("%+v", r)
	}
	if err := os.Remove(d.path("p/b001.png")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"r001.png", "r002.png"} {
		if err := os.Remove(d.path("p/" + name)); err != nil {
			t.Fatal(err)
		}
	}
	d.must("index", "--prune", d.path("p"))
	if r = d.run("library", "duplicates"); r.code != exitNothing || r.stdout != "" || !strings.Contains(r.stderr, "nearly the same") {
		t.Errorf("%+v", r)
	}
}

// TestStatsTellOfThePast: how far back a library can be asked.
func TestStatsTellOfThePast(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 3)
	d.must("index", d.path("p"))
	if r := d.must("library", "stats"); !strings.Contains(r.stdout, "kept for 24 hours, back to the first write") {
		t.Errorf("%s", r.stdout)
	}
	if r := d.must("library", "stats", "--json"); !strings.Contains(r.stdout, `"oldest_seq":0,"retention_seconds":86400`) {
		t.Errorf("%s", r.stdout)
	}
}

// TestServedDocumentsFollowMigrations: after a migration new documents have the new
// model's vectors.
func TestServedDocumentsFollowMigrations(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 3)
	d.must("index", d.path("p"))
	d.must("library", "migrate", "--model", "other")
	store, err := library.OpenStore(d.data)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	lib, err := store.Open("default")
	if err != nil {
		t.Fatal(err)
	}
	s := shelf{shelves{host: &host{store: store, wiring: colourWiring(nil), models: map[modelChoice]embedder{}}}, lib}
	if s.Space() != "image-2" {
		t.Fatalf("the space is %q", s.Space())
	}
	out, err := s.Put(context.Background(), []server.Document{{ID: "mine", Vectors: map[string][][]float32{s.Space(): {{0, 1, 0}}}}})
	if err != nil || out[0].Status != "created" {
		t.Fatalf("%+v, %v", out, err)
	}
	found, err := s.Search(context.Background(), server.Find{Terms: []server.Term{{Vector: []float32{0, 1, 0}, Weight: 1}}, Limit: 1, By: "meaning"})
	if err != nil || len(found.Hits) != 1 || found.Hits[0].ID != "mine" {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestServedFolders lists what lies below a --root, without links and hidden ones.
func TestServedFolders(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	for _, dir := range []string{"a", "b/c", ".hidden"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(root, "out")); err != nil {
		t.Skip(err)
	}
	real, err := realFolders([]string{root})
	if err != nil {
		t.Fatal(err)
	}
	s := shelves{roots: real}
	names := func(path string) string {
		list, err := s.Folders(context.Background(), path)
		if err != nil {
			return err.Error()
		}
		var out []string
		for _, f := range list {
			out = append(out, f.Name)
		}
		return strings.Join(out, " ")
	}
	if got := names(""); got != real[0] {
		t.Errorf("roots: %s", got)
	}
	if got := names(root); got != "a b" {
		t.Errorf("in the root: %s", got)
	}
	for _, path := range []string{outside, filepath.Join(root, "out"), filepath.Join(root, ".."), "b"} {
		if got := names(path); !strings.Contains(got, "no such folder") {
			t.Errorf("%s: %s", path, got)
		}
	}
}
