package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFacets compares counts with counting every document, in segments, among recent
// documents, hidden, replaced and deleted ones.
func TestFacets(t *testing.T) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(8, 8))
	ix, err := Open(t.TempDir(), Options{seal: 16})
	check(t, err)
	defer func() { check(t, ix.Close()) }()
	for range 12 {
		var changes []Change
		for range 1 + r.IntN(40) {
			d := Document{ID: fmt.Sprintf("/f%d/%d.jpg", r.IntN(3), r.IntN(60)), Metadata: variedMetadata(r), Hidden: r.IntN(8) == 0}
			changes = append(changes, Change{[]Action{Put, Put, Delete}[r.IntN(3)], d})
		}
		_, err := ix.Apply(ctx, changes)
		check(t, err)
		f, err := ParseFilter(variedFilter(r, 1))
		check(t, err)
		q := FacetQuery{Filter: f, Top: 1000}
		counts, documents := map[string]map[string]int{}, map[string]int{}
		if r.IntN(2) == 0 {
			q.Ordinals = []uint32{}
		}
		for d, err := range ix.Documents() {
			check(t, err)
			if q.Ordinals != nil && r.IntN(2) == 0 {
				continue
			}
			q.Ordinals = addUnlessNil(q.Ordinals, d.Ordinal)
			x := ix.factOf(d.Ordinal, d.ID, d.Metadata)
			if d.Hidden || !x.holds(f.root) {
				continue
			}
			for _, name := range x.fields() {
				values := x.values(name)
				slices.SortFunc(values, compareValues)
				for _, v := range slices.Compact(values) {
					if counts[name] == nil {
						counts[name] = map[string]int{}
					}
					counts[name][fmt.Sprint(v.kind, v)]++
				}
				documents[name] += btoi(len(values) > 0)
			}
		}
		facets, err := ix.Facets(ctx, q)
		check(t, err)
		checkFacets(t, f.String(), facets, counts, documents)
	}
}

func addUnlessNil(list []uint32, x uint32) []uint32 {
	if list == nil {
		return nil
	}
	return append(list, x)
}

func checkFacets(t *testing.T, text string, facets []Facet, counts map[string]map[string]int, documents map[string]int) {
	t.Helper()
	if len(facets) != len(counts) {
		t.Fatalf("%s: %d fields, want %d", text, len(facets), len(counts))
	}
	for _, f := range facets {
		var got, want []int
		for i, v := range f.Values {
			if got = append(got, v.Documents); i > 0 && v.Documents > got[i-1] {
				t.Fatalf("%s: %s: not the most frequent first: %v", text, f.Field, got)
			}
		}
		for _, n := range counts[f.Field] {
			want = append(want, n)
		}
		slices.Sort(want)
		slices.Reverse(want)
		if f.Documents != documents[f.Field] || !slices.Equal(got, want) {
			t.Fatalf("%s: %s: %d documents with %v, want %d with %v", text, f.Field, f.Documents, got, documents[f.Field], want)
		}
	}
}

func TestFacetsOfSomeFields(t *testing.T) {
	ix, err := Open(t.TempDir(), Options{})
	check(t, err)
	defer ix.Close()
	for i := range 10 {
		_, err := ix.Put(context.Background(), Document{ID: fmt.Sprintf("/a/%d.jpg", i), Metadata: map[string]any{"n": i % 3, "big": int64(1)<<60 + int64(i)}})
		check(t, err)
	}
	facets, err := ix.Facets(context.Background(), FacetQuery{Fields: []string{"n", "none", "big"}, Top: 2})
	check(t, err)
	want := "[{n 10 [{0 4} {1 3}]} {none 0 []} {big 10 [{1152921504606846976 1} {1152921504606846977 1}]}]"
	if got := fmt.Sprint(facets); got != want {
		t.Errorf("facets %s, want %s", got, want)
	}
}
