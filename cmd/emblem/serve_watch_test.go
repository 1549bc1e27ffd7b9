package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emblem-search/emblem/internal/library"
)

// TestServeWatch starts a server on a folder; pictures that come and go show up in
// search. Then another server goes on with it, without a word.
func TestServeWatch(t *testing.T) {
	d := newDesk(t)
	d.paint("p/sub", "r", red, 2)
	hits := func(base string) (names []string) {
		var a struct{ Hits []struct{ ID string } }
		post(t, base+"/v1/libraries/default/search", `{"query":"red"}`, &a)
		for _, h := range a.Hits {
			names = append(names, filepath.Base(h.ID))
		}
		slices.Sort(names)
		return names
	}
	await := func(base, what string, want ...string) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !slices.Equal(hits(base), want); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %v, want %v", what, hits(base), want)
			}
		}
	}
	base, _, stop, _ := startServe(t, d, "--root", d.path("p"), "--watch")
	await(base, "at the start", "r000.png", "r001.png")
	d.paint("p/new", "x", blue, 1)
	await(base, "a new one", "r000.png", "r001.png", "x000.png")
	if err := os.RemoveAll(d.path("p/sub")); err != nil {
		t.Fatal(err)
	}
	await(base, "deleted ones", "x000.png")
	stop()
	d.paint("q", "q", green, 1)
	base, _, stop, _ = startServe(t, d)
	await(base, "no watch", "x000.png")
	ctx, cancel := context.WithCancel(t.Context())
	reported := &transcript{}
	a := newApp(strings.NewReader(""), reported, reported)
	a.env = func(name string) (string, bool) { v, ok := d.env[name]; return v, ok }
	ended := make(chan int)
	go func() { ended <- a.execute(ctx, []string{"index", "--watch", d.path("q")}) }()
	await(base, "index --watch beside the server", "q000.png", "x000.png")
	for end := time.Now().Add(30 * time.Second); !strings.Contains(reported.String(), "1 added"); {
		if time.Now().After(end) {
			t.Fatalf("no report: %s", reported)
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	<-ended
	d.paint("q", "later", green, 1)
	await(base, "the server goes on with it", "later000.png", "q000.png", "x000.png")
	stop()
	base, _, _, errs := startServe(t, d)
	d.paint("q", "last", green, 1)
	await(base, "the next server too: "+errs.String(), "last000.png", "later000.png", "q000.png", "x000.png")
}

func TestWatchedRoots(t *testing.T) {
	m := library.Manifest{Roots: []string{"/a/b", "/c"}}
	for root, want := range map[string][]string{"/a": {"/a/b"}, "/a/b/x": {"/a/b/x"}, "/c": {"/c"}, "/d": nil} {
		if got := common(root, m); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", root, got, want)
		}
	}
}
