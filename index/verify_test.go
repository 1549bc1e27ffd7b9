package index

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func verified(t *testing.T, ix *Index) VerifyReport {
	t.Helper()
	r, err := ix.Verify(context.Background())
	check(t, err)
	return r
}

// Nothing is found in what random histories with restarts, power cuts, forgetting and
// compaction leave.
func TestVerifySound(t *testing.T) {
	for seed := range uint64(6) {
		h := newAsofHistory(t, seed)
		for i := range 50 {
			h.write()
			switch h.r.IntN(15) {
			case 0:
				h.restart()
			case 1:
				check(t, h.ix.trim(time.Now().Add(h.ix.opts.LogRetention-time.Millisecond)))
			}
			if r := verified(t, h.ix); i%5 == 0 && (!r.Sound() || r.Seq != uint64(len(h.states)-1) || r.Documents != len(h.states[r.Seq])) {
				t.Fatalf("%+v", r)
			}
		}
		check(t, h.ix.Compact(context.Background()))
		if r := verified(t, h.ix); !r.Sound() {
			t.Fatalf("%+v", r)
		}
		check(t, h.ix.Close())
	}
}

// Whatever key is lost or changed is found.
func TestVerifyFinds(t *testing.T) {
	h := newAsofHistory(t, 2)
	for range 30 {
		h.write()
	}
	keys := map[string][][]byte{}
	for _, prefix := range []string{prefixDoc, prefixID, prefixVec, prefixPast, prefixEnd, prefixWas, prefixTurn, prefixLog} {
		check(t, h.ix.each([]byte(prefix), func(key, _ []byte) error {
			keys[prefix] = append(keys[prefix], append([]byte(nil), key...))
			return nil
		}))
		if len(keys[prefix]) == 0 {
			t.Fatalf("there is nothing under %s", prefix)
		}
	}
	for prefix, list := range keys {
		for _, key := range list {
			if prefix == prefixWas {
				continue // the end of its ordinal says the same
			}
			value, err := h.ix.get(key)
			check(t, err)
			expectFinding(t, h.ix, "without "+fmt.Sprintf("%q", key), func(b *pebble.Batch) { b.Delete(key, nil) })
			expectFinding(t, h.ix, fmt.Sprintf("%q cut", key), func(b *pebble.Batch) { b.Set(key, value[:len(value)/2], nil) })
			check(t, h.ix.db.Set(key, value, nil))
		}
	}
	for _, key := range []string{keySeq, keyNext, keyOldest, keyAsOf} {
		value, err := h.ix.get([]byte(key))
		if err != nil {
			value = horizon{}.encode()[:8]
		}
		other := append([]byte(nil), value...)
		binary.BigEndian.PutUint64(other, binary.BigEndian.Uint64(value)+5)
		expectFinding(t, h.ix, key+" is 5 more", func(b *pebble.Batch) { b.Set([]byte(key), other, nil) })
		if err != nil {
			check(t, h.ix.db.Delete([]byte(key), nil))
		} else {
			check(t, h.ix.db.Set([]byte(key), value, nil))
		}
	}
	zero := encodeVector([]float32{0, 0})
	expectFinding(t, h.ix, "a vector of zeros", func(b *pebble.Batch) { b.Set(keys[prefixVec][0], zero, nil) })
	expectFinding(t, h.ix, "a vector nowhere", func(b *pebble.Batch) { b.Set(vecKey("nowhere", 1, 0), zero, nil) })
	expectFinding(t, h.ix, "hidden without a document", func(b *pebble.Batch) { b.Set(hidKey(1<<20), nil, nil) })
	check(t, h.ix.Close())
}

func expectFinding(t *testing.T, ix *Index, what string, change func(*pebble.Batch)) {
	t.Helper()
	b := ix.db.NewBatch()
	defer b.Close()
	change(b)
	check(t, b.Commit(pebble.NoSync))
	c := &checker{ctx: context.Background(), r: ix.db, schema: ix.view.Load().schema, ended: map[uint32]uint64{}, spaces: map[string][]uint32{}}
	check(t, c.check())
	if len(c.report.Findings) == 0 {
		t.Errorf("%s: nothing is found", what)
	}
}

// few makes files of few vectors and does not look after them.
var few = pace{codesFrom: 50, graphFrom: 200, exactTo: 1000, move: 20, quiet: time.Millisecond, flush: 50, check: time.Hour}

// Damaged derived files are found, Rebuild makes all of them anew, and searches are
// right before, meanwhile and after.
func TestRebuild(t *testing.T) {
	dir := t.TempDir()
	ix, err := Open(dir, Options{pace: few})
	check(t, err)
	check(t, ix.Define(asofSpace))
	for n := range 300 {
		d := Document{ID: fmt.Sprint(n), Metadata: map[string]any{"n": n, "title": fmt.Sprintf("word%d common", n)},
			Vectors: map[string][][]float32{"v": {{1, float32(n)}}}}
		apply(t, ix, Change{Put, d})
	}
	right := func(when string) {
		t.Helper()
		for _, q := range []Query{{Space: "v", Vector: []float32{0, 1}, Limit: 2}, {Words: "common", Limit: 2, Filter: mustFilter(t, "n>297")}} {
			if got := fmt.Sprint(nearestTo(t, ix, q)); got != "[299 298]" && got != "[298 299]" {
				t.Fatalf("%s: found %s", when, got)
			}
		}
	}
	right("at first")
	check(t, ix.Rebuild(context.Background()))
	right("made anew")
	if r := verified(t, ix); !r.Sound() {
		t.Fatalf("%+v", r)
	}
	check(t, ix.Close())
	ix, err = Open(dir, Options{pace: few})
	check(t, err)
	right("opened again")
	spoiled := 0
	for _, name := range []string{"*.rows", "*.graph"} {
		files, err := filepath.Glob(filepath.Join(dir, "derived", "vectors", name))
		check(t, err)
		for _, f := range files {
			b, err := os.ReadFile(f)
			check(t, err)
			b[len(b)/2] ^= 1
			check(t, os.WriteFile(f, b, 0o644))
			spoiled++
		}
	}
	r := verified(t, ix)
	if spoiled == 0 || len(r.Derived) == 0 || !strings.HasPrefix(r.Derived[0], "vectors: ") {
		t.Errorf("%d files are damaged, found is %v", spoiled, r.Derived)
	}
	right("damaged")
	check(t, ix.Rebuild(context.Background()))
	right("made anew again")
	check(t, ix.Close())
}

// Verify and Compact end with their context.
func TestVerifyCancelled(t *testing.T) {
	ix := mustOpen(t, vfs.NewMem())
	defer ix.Close()
	for n := range 2000 {
		apply(t, ix, Change{Put, Document{ID: fmt.Sprint(n)}})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ix.Verify(ctx); err == nil {
		t.Error("a cancelled Verify has no error")
	}
}
