package index_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/index/indextest"
)

func open(t *testing.T, dir string) *index.Index {
	t.Helper()
	ix, err := index.Open(dir, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

func TestKit(t *testing.T) {
	indextest.Run(t, func(t *testing.T, dir string) indextest.Store { return open(t, dir) })
}

func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	ix := open(t, dir)
	if _, err := index.Open(dir, index.Options{}); !errors.Is(err, index.ErrLocked) {
		t.Errorf("second Open: %v; want ErrLocked", err)
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ix.Put(context.Background(), index.Document{ID: "x"}); !errors.Is(err, index.ErrClosed) {
		t.Errorf("Put after Close: %v; want ErrClosed", err)
	}
	open(t, dir).Close()
}

// A document whose vector is replaced all the time is found by every search.
func TestSearchSeesOneMoment(t *testing.T) {
	ctx := context.Background()
	ix := open(t, t.TempDir())
	defer ix.Close()
	if err := ix.Define(indextest.Space); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	v := [2][]float32{indextest.Vector(r), indextest.Vector(r)}
	if _, err := ix.Put(ctx, indextest.Doc("x", v[0])); err != nil {
		t.Fatal(err)
	}
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := range 400 {
			if _, err := ix.Put(ctx, indextest.Doc("x", v[i%2]), indextest.Doc(fmt.Sprint("y", i), v[0])); err != nil {
				t.Error(err)
			}
			if i > 2 {
				if _, err := ix.Delete(ctx, fmt.Sprint("y", i-2)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	done := make(chan struct{})
	go func() { writer.Wait(); close(done) }()
	keepX := func(ord uint32) bool { return true }
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		found, err := ix.Search(ctx, index.Query{Space: "image", Vector: v[0], Limit: 100, Keep: keepX})
		hits := found.Hits
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, h := range hits {
			if h.ID == "x" {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("x was found %d times", n)
		}
	}
}

func TestManyWriters(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	ix := open(t, dir)
	if err := ix.Define(indextest.Space); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 0))
			for i := range 25 {
				id := fmt.Sprintf("%02d-%02d", w, i)
				v := indextest.Vector(r)
				if _, err := ix.Put(ctx, indextest.Doc(id, v)); err != nil {
					t.Error(err)
				}
				found, err := ix.Search(ctx, index.Query{Space: "image", Vector: v, Limit: 1})
				hits := found.Hits
				if err != nil || len(hits) != 1 || hits[0].ID != id {
					t.Errorf("%s was not found by its writer: %v %v", id, hits, err)
				}
			}
		})
	}
	wg.Wait()
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	ix = open(t, dir)
	defer ix.Close()
	s, err := ix.Stats()
	if err != nil || s.Documents != 400 || s.Vectors["image"] != 400 || s.Seq != 400 {
		t.Errorf("stats %+v, %v; want 400 documents, vectors and writes", s, err)
	}
	var got []string
	for id := range ix.IDs("07-") {
		got = append(got, id)
	}
	if len(got) != 25 || !slices.IsSorted(got) {
		t.Errorf("ids with prefix: %v", got)
	}
}

func TestChanges(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	ix := open(t, dir)
	for _, id := range []string{"a", "b"} {
		if _, err := ix.Put(ctx, index.Document{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ix.Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for c, err := range ix.Changes(1) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(c.Seq, c.Items[0].Action, c.Items[0].ID))
	}
	if want := []string{"2putb", "3deletea"}; !slices.Equal(got, want) {
		t.Errorf("changes %v; want %v", got, want)
	}
	ix.Close()
	time.Sleep(2 * time.Millisecond)
	ix, err := index.Open(dir, index.Options{LogRetention: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	for _, err := range ix.Changes(1) {
		if !errors.Is(err, index.ErrTrimmed) {
			t.Errorf("changes that are trimmed: %v; want ErrTrimmed", err)
		}
	}
	for c, err := range ix.Changes(3) {
		t.Errorf("nothing follows 3, got %v %v", c, err)
	}
}

func TestNotesAndSample(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	ix := open(t, dir)
	if _, err := ix.Note("k"); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("no note: %v", err)
	}
	if err := errors.Join(ix.SetNote("k", []byte("v")), ix.Define(indextest.Space)); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(9, 9))
	for i := range 10 {
		d := indextest.Doc(fmt.Sprint(i), indextest.Vector(r))
		d.Hidden = i == 3
		if _, err := ix.Put(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	ix.Close()
	ix = open(t, dir)
	defer ix.Close()
	if v, err := ix.Note("k"); err != nil || string(v) != "v" {
		t.Errorf("note after restart: %q %v", v, err)
	}
	for n, want := range map[int]int{4: 4, 100: 9} {
		if s, err := ix.Sample("image", n); err != nil || len(s) != want {
			t.Errorf("sample of %d: %d vectors, %v; want %d", n, len(s), err, want)
		}
	}
}

func ExampleIndex() {
	dir, ctx := tempDir(), context.Background()
	ix, err := index.Open(dir, index.Options{})
	if err != nil {
		panic(err)
	}
	defer ix.Close()
	ix.Define(index.Space{Name: "image", Dim: 2, Encoder: "example", Fingerprint: "1"})
	ix.Put(ctx,
		index.Document{ID: "east", Vectors: map[string][][]float32{"image": {{1, 0}}}},
		index.Document{ID: "north", Vectors: map[string][][]float32{"image": {{0, 1}}}})
	found, err := ix.Search(ctx, index.Query{Space: "image", Vector: []float32{0.6, 0.8}})
	hits := found.Hits
	for _, h := range hits {
		fmt.Printf("%s %.1f\n", h.ID, h.Score)
	}
	fmt.Println(err)
	// Output:
	// north 0.8
	// east 0.6
	// <nil>
}

// TestCount: hidden and deleted documents do not count, and a count is not of an
// earlier write.
func TestCount(t *testing.T) {
	ctx := context.Background()
	ix := open(t, t.TempDir())
	defer ix.Close()
	want := func(n int) {
		t.Helper()
		for range 2 {
			if got, err := ix.Count(); err != nil || got != n {
				t.Errorf("%d documents, %v; want %d", got, err, n)
			}
		}
	}
	put := func(docs ...index.Document) {
		if _, err := ix.Put(ctx, docs...); err != nil {
			t.Fatal(err)
		}
	}
	want(0)
	put(index.Document{ID: "a"}, index.Document{ID: "b"}, index.Document{ID: "c", Hidden: true})
	want(2)
	put(index.Document{ID: "b", Hidden: true})
	want(1)
	put(index.Document{ID: "b"}, index.Document{ID: "a", Metadata: map[string]any{"tag": "new"}})
	want(2)
	if _, err := ix.Delete(ctx, "a", "c"); err != nil {
		t.Fatal(err)
	}
	want(1)
}
