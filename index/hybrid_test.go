package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// gallery is an index of documents with vectors of 4 dimensions and captions.
func gallery(t testing.TB, opts Options, docs ...Document) *Index {
	t.Helper()
	ix, err := Open(t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := ix.Define(Space{Name: "v", Dim: 4}); err != nil {
		t.Fatal(err)
	}
	if len(docs) > 0 {
		r, err := ix.Put(context.Background(), docs...)
		if err = errors.Join(err, r.Err()); err != nil {
			t.Fatal(err)
		}
	}
	return ix
}

func doc(id, caption string, v ...float32) Document {
	d := Document{ID: id, Metadata: map[string]any{"caption": caption}}
	if v != nil {
		d.Vectors = map[string][][]float32{"v": {v}}
	}
	return d
}

func search(t testing.TB, ix *Index, q Query) Found {
	t.Helper()
	found, err := ix.Search(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func ids(hits []Hit) string {
	var list []string
	for _, h := range hits {
		list = append(list, h.ID)
	}
	return strings.Join(list, " ")
}

func pets(t testing.TB) *Index {
	return gallery(t, Options{Private: []string{"secret"}},
		doc("a.jpg", "A red kite over the sea", 1, 0, 0, 0),
		doc("b.jpg", "Two dogs on a beach", 0.9, 0.4, 0, 0),
		doc("c.jpg", "A dog", 0, 1, 0, 0),
		doc("d.jpg", "", 0, 0, 1, 0),
		Document{ID: "e.jpg", Metadata: map[string]any{"caption": "the sea at night", "tags": []string{"night", "dog days"}, "secret": "kite"}},
	)
}

func TestSearchByWordsVectorsAndBoth(t *testing.T) {
	ix := pets(t)
	v := []float32{1, 0, 0, 0}
	for _, c := range []struct {
		name string
		q    Query
		want string
	}{
		{"words", Query{Words: "dog"}, "c.jpg e.jpg b.jpg"},
		{"inflected", Query{Words: "beaches"}, "b.jpg"},
		{"a file's name", Query{Words: "d"}, "d.jpg"},
		{"nothing", Query{Words: "unicorn"}, ""},
		{"no word", Query{Words: "?!"}, ""},
		{"private", Query{Words: "kite"}, "a.jpg"},
		{"typing", Query{Words: "red kit", Typing: true}, "a.jpg"},
		{"not typing", Query{Words: "red beac"}, ""},
		{"both", Query{Words: "sea", Space: "v", Vector: v}, "a.jpg e.jpg b.jpg c.jpg d.jpg"},
		{"only words weigh", Query{Words: "dogs", Space: "v", Vector: v, Fusion: Fusion{Weights: map[Leg]float64{LegVector: 0}}}, "b.jpg c.jpg e.jpg"},
		{"only vectors weigh", Query{Words: "dogs", Space: "v", Vector: v, Fusion: Fusion{Weights: map[Leg]float64{LegWords: 0}}}, "a.jpg b.jpg c.jpg d.jpg"},
		{"no word is real", Query{Words: "unicorn", Space: "v", Vector: v, Fusion: Fusion{Weights: map[Leg]float64{LegWords: 9}}}, "a.jpg b.jpg c.jpg d.jpg"},
		{"no vector is real", Query{Words: "dog", Space: "v", Vector: v, Floor: 1.5}, "c.jpg e.jpg b.jpg"},
		{"a floor", Query{Space: "v", Vector: v, Floor: 0.5}, "a.jpg b.jpg"},
		{"nothing is real", Query{Words: "unicorn", Space: "v", Vector: v, Floor: 1.5}, ""},
		{"a limit", Query{Words: "dog", Limit: 1}, "c.jpg"},
		{"keep", Query{Words: "dog", Keep: func(ord uint32) bool { return ord != 2 }}, "e.jpg b.jpg"},
	} {
		if got := ids(search(t, ix, c.q).Hits); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestEveryHitSaysWhatTheLegsSaid(t *testing.T) {
	ix := pets(t)
	alone := search(t, ix, Query{Words: "sea"})
	found := search(t, ix, Query{Words: "sea", Space: "v", Vector: []float32{1, 0, 0, 0}})
	if len(found.Legs) != 2 || found.Legs[0] != (LegReport{LegVector, 4, 4, 1}) || found.Legs[1] != (LegReport{LegWords, 2, 2, 1}) {
		t.Errorf("legs: %+v", found.Legs)
	}
	a := found.Hits[0]
	if len(a.Legs) != 2 || a.Legs[0] != (LegScore{LegVector, 1, 1}) || a.Legs[1].Leg != LegWords {
		t.Errorf("%+v", a)
	}
	for _, h := range alone.Hits {
		for _, f := range found.Hits {
			if f.ID == h.ID && !slices.Contains(f.Legs, h.Legs[0]) {
				t.Errorf("%s: alone %+v, fused %+v", h.ID, h.Legs, f.Legs)
			}
		}
	}
	if found.Seq != alone.Seq || found.Seq == 0 {
		t.Errorf("sequences %d and %d", found.Seq, alone.Seq)
	}
}

// TestAWeakLegDoesNotDrownAStrongOne: words that nothing matches in full leave the order
// of the vectors alone (typesense#1964, basic-memory#577).
func TestAWeakLegDoesNotDrownAStrongOne(t *testing.T) {
	ix := pets(t)
	v := []float32{0.9, 0.4, 0, 0}
	plain := search(t, ix, Query{Space: "v", Vector: v})
	for _, m := range methods {
		fused := search(t, ix, Query{Space: "v", Vector: v, Words: "the kite of a dog at night", Fusion: Fusion{Method: m, Weights: map[Leg]float64{LegWords: 100}}})
		if ids(fused.Hits) != ids(plain.Hits) {
			t.Errorf("%s: %s, want %s", m, ids(fused.Hits), ids(plain.Hits))
		}
	}
}

func TestWordsPassFilters(t *testing.T) {
	ix := pets(t)
	f, err := ParseFilter("night")
	if err != nil {
		t.Fatal(err)
	}
	found := search(t, ix, Query{Words: "dog", Filter: f, Facets: []string{"tag", "name"}})
	if ids(found.Hits) != "e.jpg" || found.Legs[0].Total != 1 {
		t.Errorf("%s %+v", ids(found.Hits), found.Legs)
	}
	if len(found.Facets) != 2 || found.Facets[0].Documents != 1 || len(found.Facets[0].Values) != 2 {
		t.Errorf("facets: %+v", found.Facets)
	}
	all := search(t, ix, Query{Words: "dog", Limit: 1, Facets: []string{"name"}})
	if all.Facets[0].Documents != 3 {
		t.Errorf("facets of all hits: %+v", all.Facets)
	}
}

func TestFragmentsAreBytesOfTheText(t *testing.T) {
	ix := pets(t)
	for _, h := range search(t, ix, Query{Words: "dog", Highlight: 100}).Hits {
		if len(h.Fragments) == 0 {
			t.Errorf("%s has no fragment", h.ID)
		}
		for _, f := range h.Fragments {
			whole := fmt.Sprint(h.Metadata["caption"])
			if f.Field == "tags" {
				whole = h.Metadata["tags"].([]string)[f.Value]
			}
			if whole[f.Start:f.Start+len(f.Text)] != f.Text {
				t.Errorf("%+v of %q", f, whole)
			}
			for _, m := range f.Marks {
				if word := strings.ToLower(f.Text[m.Start:m.End]); word != "dog" && word != "dogs" {
					t.Errorf("%q is marked", word)
				}
			}
		}
	}
}

func TestQueriesThatMakeNoSense(t *testing.T) {
	ix := pets(t)
	v := []float32{1, 0, 0, 0}
	for _, q := range []Query{
		{Facets: []string{"tag"}}, {Words: "dog", Diversity: 2}, {Words: "dog", Diversity: math.NaN()}, {Words: "dog", Collapse: -1},
		{Words: strings.Repeat("dog ", 2000)}, {Words: "dog", Fusion: Fusion{Method: "sum"}}, {Unlike: []string{"a.jpg"}, Space: "v"},
		{Like: []string{"none"}, Space: "v"}, {Like: []string{"e.jpg"}, Space: "v"}, {Words: "dog", Vector: v, Space: "w"},
		{Words: "dog", Vector: v[:2], Space: "v"}, {Words: "dog", Collapse: 0.9, Space: "w"},
	} {
		if found, err := ix.Search(context.Background(), q); err == nil {
			t.Errorf("%+v finds %s", q, ids(found.Hits))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ix.Search(ctx, Query{Words: "dog"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a search that is over: %v", err)
	}
}

// TestHybridUnderWrites: what a search finds was there at one moment, with the words
// that it was found by; what was deleted before the search began is never found.
func TestHybridUnderWrites(t *testing.T) {
	ix := gallery(t, Options{})
	ctx := context.Background()
	var writer sync.WaitGroup
	var mu sync.Mutex
	gone := map[string]bool{}
	writer.Go(func() {
		rng := rand.New(rand.NewPCG(1, 9))
		for i := range 300 {
			id := fmt.Sprintf("%d.jpg", i)
			if _, err := ix.Put(ctx, doc(id, "a dog on the beach", rng.Float32(), 1, 0, 0)); err != nil {
				t.Error(err)
			}
			if i >= 5 {
				old := fmt.Sprintf("%d.jpg", i-5)
				if _, err := ix.Delete(ctx, old); err != nil {
					t.Error(err)
				}
				mu.Lock()
				gone[old] = true
				mu.Unlock()
			}
		}
	})
	done := make(chan struct{})
	go func() { writer.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		mu.Lock()
		before := len(gone)
		mu.Unlock()
		found := search(t, ix, Query{Words: "dog", Space: "v", Vector: []float32{1, 1, 0, 0}, Limit: 50})
		if len(found.Hits) > 6 {
			t.Fatalf("%d documents: %s", len(found.Hits), ids(found.Hits))
		}
		for _, h := range found.Hits {
			var n int
			fmt.Sscanf(h.ID, "%d", &n)
			if n < before {
				t.Fatalf("%s was deleted before the search", h.ID)
			}
			if len(h.Legs) != 2 {
				t.Fatalf("%s was found by %v only", h.ID, h.Legs)
			}
		}
	}
}
