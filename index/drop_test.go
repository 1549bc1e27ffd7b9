package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var secondSpace = Space{Name: "w", Dim: 3, Encoder: "e2", Fingerprint: "f2"}

func nearestTo(t *testing.T, ix *Index, q Query) []string {
	t.Helper()
	found, err := ix.Search(context.Background(), q)
	check(t, err)
	var ids []string
	for _, h := range found.Hits {
		ids = append(ids, h.ID)
	}
	return ids
}

func apply(t *testing.T, ix *Index, changes ...Change) Receipt {
	t.Helper()
	receipt, err := ix.Apply(context.Background(), changes)
	check(t, err)
	return receipt
}

// Vectors of a second space come to documents that keep their ordinals, in any
// order, are found at once and after a restart, with and without a filter, and are
// not there as of earlier.
func TestAttach(t *testing.T) {
	fs := vfs.NewMem()
	ix := mustOpen(t, fs)
	check(t, ix.Define(asofSpace))
	check(t, ix.Define(secondSpace))
	for i := range 20 {
		apply(t, ix, Change{Put, Document{ID: fmt.Sprint(i), Metadata: map[string]any{"n": i}, Vectors: map[string][][]float32{"v": {{1, float32(i)}}}}})
	}
	before := ix.view.Load().seq
	q := Query{Space: "w", Vector: []float32{0, 0, 1}, Limit: 3}
	if got := nearestTo(t, ix, q); len(got) != 0 {
		t.Fatalf("%v are found in an empty space", got)
	}
	for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(20) {
		d := Document{ID: fmt.Sprint(i), Vectors: map[string][][]float32{"w": {{0, 1, float32(i)}, {1, 0, 0}}}}
		r := apply(t, ix, Change{Attach, d}, Change{Attach, d})
		if r.Results[0].Status != Updated || r.Results[1].Status != Unchanged {
			t.Fatalf("%+v", r)
		}
		d.Vectors["w"][0][0] = 3
		if r := apply(t, ix, Change{Attach, d}); r.Results[0].Err == nil {
			t.Fatal("attaching other vectors is no error")
		}
	}
	if r := apply(t, ix, Change{Attach, Document{ID: "none"}}); r.Results[0].Err == nil {
		t.Fatal("attaching to nothing is no error")
	}
	filtered, past := q, q
	filtered.Filter, past.AsOf = mustFilter(t, "n<5"), before
	for range 2 {
		if a, b := nearestTo(t, ix, q), nearestTo(t, ix, filtered); fmt.Sprint(a, b) != "[19 18 17] [4 3 2]" {
			t.Fatalf("found %v and %v", a, b)
		}
		if got := nearestTo(t, ix, past); len(got) != 0 {
			t.Fatalf("as of before, %v are found", got)
		}
		d, err := ix.Get("7")
		check(t, err)
		if d.Ordinal != 7 || len(d.Vectors["v"]) != 1 || len(d.Vectors["w"]) != 2 {
			t.Fatalf("%+v", d)
		}
		check(t, ix.Close())
		ix = mustOpen(t, fs)
	}
	check(t, ix.Close())
}

// A dropped space is gone with its vectors, and a new one of its name begins empty,
// whatever it is like and wherever the power goes.
func TestDrop(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 1))
		fs := vfs.NewCrashableMem()
		ix := mustOpen(t, fs)
		check(t, ix.Define(asofSpace))
		check(t, ix.Define(secondSpace))
		both := map[string][][]float32{"v": {{1, 0}}, "w": {{1, 0, 0}}}
		for i := range 10 {
			apply(t, ix, Change{Put, Document{ID: fmt.Sprint(i), Vectors: both}})
		}
		apply(t, ix, Change{Delete, Document{ID: "3"}})
		check(t, ix.Drop("w"))
		if err := ix.Drop("w"); err == nil {
			t.Error("dropped twice")
		}
		if _, err := ix.Search(context.Background(), Query{Space: "w", Vector: []float32{1, 0, 0}}); err == nil {
			t.Error("a dropped space is searched")
		}
		d, err := ix.GetAsOf("3", 10)
		check(t, err)
		if len(d.Vectors) != 1 {
			t.Errorf("%+v", d)
		}
		r1 := apply(t, ix, Change{Put, Document{ID: "1", Vectors: map[string][][]float32{"v": {{1, 0}}}}})
		if r1.Results[0].Status != Unchanged {
			t.Errorf("the same without the dropped space is %v", r1.Results[0].Status)
		}
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: r})
		check(t, ix.Close())
		ix = mustOpen(t, crashed)
		again := secondSpace
		again.Dim, again.Fingerprint = 2, "other"
		check(t, ix.Define(again))
		for i := range 10 {
			d, err := ix.Get(fmt.Sprint(i))
			if i != 3 {
				check(t, err)
			}
			if len(d.Vectors["w"]) != 0 {
				t.Errorf("%+v", d)
			}
		}
		apply(t, ix, Change{Attach, Document{ID: "5", Vectors: map[string][][]float32{"w": {{0, 1}}}}})
		if got := nearestTo(t, ix, Query{Space: "w", Vector: []float32{0, 1}}); fmt.Sprint(got) != "[5]" {
			t.Errorf("found %v", got)
		}
		check(t, ix.Close())
	}
}
