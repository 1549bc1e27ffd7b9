package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// After a power cut at any point, the state is that after some whole number of
// writes, and no acknowledged write is missing.
func TestCrash(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 7))
		fs := vfs.NewCrashableMem()
		ix := mustOpen(t, fs)
		check(t, ix.Define(Space{Name: "v", Dim: 2, Encoder: "e", Fingerprint: "f"}))
		acked := 0
		for range 1 + r.IntN(60) {
			crashWrite(t, ix, acked)
			acked++
		}
		// One more write is in flight when the power goes.
		w, err := ix.stage(crashChanges(acked))
		check(t, err)
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: r})
		check(t, w.batch.SyncWait())
		check(t, ix.Close())
		verifyPrefix(t, mustOpen(t, crashed), acked)
	}
}

// crashChanges is write n: it keeps 10 documents, each with n in its metadata
// and its vector, and deletes the one before.
func crashChanges(n int) []Change {
	d := func(i int) string { return fmt.Sprint(i) }
	return []Change{
		{Put, Document{ID: d(n), Metadata: map[string]any{"n": n}, Vectors: map[string][][]float32{"v": {{1, float32(n)}}}}},
		{Put, Document{ID: "last", Metadata: map[string]any{"n": n}, Vectors: map[string][][]float32{"v": {{float32(n), 1}}}}},
		{Delete, Document{ID: d(n - 10)}},
	}
}

func crashWrite(t *testing.T, ix *Index, n int) {
	t.Helper()
	receipt, err := ix.Apply(context.Background(), crashChanges(n))
	check(t, err)
	check(t, receipt.Err())
}

func verifyPrefix(t *testing.T, ix *Index, acked int) {
	t.Helper()
	defer ix.Close()
	last, err := ix.Get("last")
	check(t, err)
	n := int(last.Metadata["n"].(int64))
	if n != acked-1 && n != acked {
		t.Fatalf("the last write is %d, acknowledged were %d", n, acked)
	}
	want := map[string]bool{"last": true}
	for i := max(0, n-9); i <= n; i++ {
		want[fmt.Sprint(i)] = true
	}
	for d, err := range ix.Documents() {
		check(t, err)
		if !want[d.ID] {
			t.Errorf("document %s should not be there after write %d", d.ID, n)
		}
		delete(want, d.ID)
	}
	if len(want) > 0 {
		t.Errorf("missing after write %d: %v", n, want)
	}
	found, err := ix.Search(context.Background(), Query{Space: "v", Vector: []float32{1, 1}, Limit: 100})
	check(t, err)
	s, err := ix.Stats()
	check(t, err)
	if len(found.Hits) != s.Documents || s.Vectors["v"] != s.Documents || s.Seq != uint64(n+1) {
		t.Errorf("%d hits, stats %+v after write %d", len(found.Hits), s, n)
	}
}

func mustOpen(t *testing.T, fs vfs.FS) *Index {
	t.Helper()
	ix, err := Open("crash", Options{fs: fs})
	check(t, err)
	return ix
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
