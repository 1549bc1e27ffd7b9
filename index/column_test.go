package index

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

func TestDot(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 70 {
		a, b, want := make([]float32, n), make([]float32, n), 0.0
		for i := range a {
			a[i], b[i] = r.Float32()-0.5, r.Float32()-0.5
			want += float64(a[i]) * float64(b[i])
		}
		if got := float64(dot(a, b)); math.Abs(got-want) > 1e-5 {
			t.Errorf("dot of %d: %v, want %v", n, got, want)
		}
	}
}

// Many rows, so that slabs fill, several workers scan and dead rows are dropped.
func TestChurn(t *testing.T) {
	ctx := context.Background()
	ix, err := Open(t.TempDir(), Options{})
	check(t, err)
	defer ix.Close()
	const dim, n = 256, 20_000
	check(t, ix.Define(Space{Name: "v", Dim: dim, Metric: Dot}))
	_, err = ix.Search(ctx, Query{Space: "v", Vector: make([]float32, dim)}) // vectors are in memory from here
	check(t, err)
	put := func(from, to, round int) {
		changes := make([]Change, 0, to-from)
		for i := from; i < to; i++ {
			v := make([]float32, dim)
			v[0], v[dim-1] = float32(i), float32(round)
			changes = append(changes, Change{Put, Document{ID: fmt.Sprint(i), Vectors: map[string][][]float32{"v": {v}}}})
		}
		_, err := ix.Apply(ctx, changes)
		check(t, err)
	}
	for from := 0; from < n; from += 1000 {
		put(from, from+1000, 0)
	}
	put(0, n/2, 1)
	put(0, n/4, 2)
	q := make([]float32, dim)
	q[0] = 1
	found, err := ix.Search(ctx, Query{Space: "v", Vector: q, Limit: n + 5, Keep: func(ord uint32) bool { return ord != n-1 }})
	check(t, err)
	hits := found.Hits
	if len(hits) != n-1 {
		t.Fatalf("%d hits, want %d", len(hits), n-1)
	}
	for i, h := range hits {
		if want := fmt.Sprint(n - 2 - i); h.ID != want || h.Score != float32(n-2-i) {
			t.Fatalf("hit %d is %s with %v, want %s", i, h.ID, h.Score, want)
		}
	}
	put(0, n/2, 3) // from here half of the rows are dead
	if c := ix.view.Load().columns["v"]; c.n != n || c.dead != 0 {
		t.Errorf("after churn the column has %d rows and counts %d dead ones, want %d and 0", c.n, c.dead, n)
	}
}

func TestMergeOneEntryADocument(t *testing.T) {
	got := merge([]top{{items: []scored{{0.5, 1}, {0.9, 2}}}, {items: []scored{{0.7, 1}, {0.5, 0}}}}, 3)
	if want := []scored{{0.9, 2}, {0.7, 1}, {0.5, 0}}; !slices.Equal(got, want) {
		t.Errorf("merged %v, want %v", got, want)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte("\x01\x01a{\"m\":{\"n\":1,\"t\":[\"x\"]},\"v\":{\"image\":2}}"))
	f.Add([]byte("\x01\x00{}"))
	f.Add([]byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01{}"))
	f.Add([]byte("\x02{}"))
	f.Fuzz(func(t *testing.T, value []byte) {
		rec, err := decodeRecord(value)
		if err != nil {
			return
		}
		for _, v := range rec.Metadata {
			if _, isNumber := v.(json.Number); isNumber {
				t.Errorf("a json.Number came out of %q", value)
			}
		}
	})
}

func TestOpenRefusesNewerFormat(t *testing.T) {
	dir := t.TempDir()
	ix, err := Open(dir, Options{})
	check(t, err)
	check(t, ix.db.Set([]byte(keyFormat), []byte("99"), syncWrites))
	check(t, ix.Close())
	if _, err := Open(dir, Options{}); err == nil {
		t.Error("a newer format was opened")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}
