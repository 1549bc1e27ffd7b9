package index

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var asofSpace = Space{Name: "v", Dim: 2, Encoder: "e", Fingerprint: "f"}

// asofState is what an index held after a write, by id.
type asofState map[string]Document

// asofHistory is a random life of an index and what it held after each write.
type asofHistory struct {
	t      *testing.T
	r      *rand.Rand
	fs     *vfs.MemFS
	ix     *Index
	states []asofState // by sequence
}

func newAsofHistory(t *testing.T, seed uint64) *asofHistory {
	h := &asofHistory{t: t, r: rand.New(rand.NewPCG(seed, 11)), fs: vfs.NewCrashableMem(), states: []asofState{{}}}
	h.ix = mustOpen(t, h.fs)
	check(t, h.ix.Define(asofSpace))
	return h
}

// write makes one write of a few changes, some of the same document.
func (h *asofHistory) write() {
	next := maps.Clone(h.states[len(h.states)-1])
	var changes []Change
	for range 1 + h.r.IntN(4) {
		d := Document{ID: fmt.Sprint(h.r.IntN(12)), Metadata: map[string]any{"n": int64(h.r.IntN(100))}, Hidden: h.r.IntN(5) == 0}
		old, exists := next[d.ID]
		switch h.r.IntN(3) {
		case 0:
			changes = append(changes, Change{Delete, d})
			delete(next, d.ID)
		case 1:
			if changes = append(changes, Change{Update, d}); exists {
				d.Vectors = old.Vectors
				next[d.ID] = d
			}
		default:
			d.Vectors = map[string][][]float32{}
			for range 1 + h.r.IntN(2) {
				angle := h.r.IntN(5)
				d.Vectors["v"] = append(d.Vectors["v"], [][]float32{{1, 0}, {0, 1}, {-1, 0}, {0, -1}, {0.6, 0.8}}[angle])
			}
			changes = append(changes, Change{Put, d})
			next[d.ID] = d
		}
	}
	receipt, err := h.ix.Apply(context.Background(), changes)
	check(h.t, err)
	if receipt.Seq == uint64(len(h.states)) {
		h.states = append(h.states, next)
	}
}

// restart closes the index, or cuts the power.
func (h *asofHistory) restart() {
	fs := h.fs
	if h.r.IntN(2) == 0 {
		fs = h.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: h.r.IntN(101), RNG: h.r})
	}
	check(h.t, h.ix.Close())
	h.fs, h.ix = fs, mustOpen(h.t, fs)
}

// compare reads every document as of every write from the oldest on.
func (h *asofHistory) compare(oldest int) {
	h.t.Helper()
	for seq, state := range h.states {
		if seq == 0 {
			continue // means now
		}
		for id := range 12 {
			got, err := h.ix.GetAsOf(fmt.Sprint(id), uint64(seq))
			want, exists := state[fmt.Sprint(id)]
			switch {
			case seq < oldest:
				if !errors.Is(err, ErrTrimmed) {
					h.t.Fatalf("%d as of %d: %v; want ErrTrimmed", id, seq, err)
				}
			case !exists:
				if !errors.Is(err, ErrNotFound) {
					h.t.Fatalf("%d as of %d: %+v, %v; it was not there", id, seq, got, err)
				}
			case err != nil:
				h.t.Fatalf("%d as of %d: %v", id, seq, err)
			case !alike(got, want):
				h.t.Fatalf("%d as of %d: %+v; want %+v", id, seq, got, want)
			}
		}
	}
}

func alike(a, b Document) bool {
	return a.ID == b.ID && a.Hidden == b.Hidden && maps.Equal(a.Metadata, b.Metadata) &&
		slices.EqualFunc(a.Vectors["v"], b.Vectors["v"], slices.Equal)
}

// Documents read as of any earlier write are what they were, after restarts and
// power cuts too.
func TestGetAsOf(t *testing.T) {
	for seed := range uint64(8) {
		h := newAsofHistory(t, seed)
		for range 60 {
			if h.write(); h.r.IntN(15) == 0 {
				h.restart()
			}
		}
		h.compare(0)
		check(t, h.ix.Close())
	}
}

// What is older than the retention is forgotten, what is younger stays whole, and
// in the end nothing of the past is left.
func TestTrim(t *testing.T) {
	h := newAsofHistory(t, 3)
	for range 30 {
		h.write()
	}
	time.Sleep(3 * time.Millisecond) // the log has whole milliseconds
	middle := time.Now()
	time.Sleep(3 * time.Millisecond)
	cut := len(h.states) - 1
	for range 30 {
		h.write()
	}
	check(t, h.ix.trim(middle.Add(h.ix.opts.LogRetention)))
	h.compare(cut)
	h.restart()
	h.compare(cut)
	check(t, h.ix.trim(time.Now().Add(h.ix.opts.LogRetention+time.Second)))
	h.compare(len(h.states) - 1)
	for _, prefix := range []string{prefixPast, prefixEnd, prefixWas, prefixTurn, prefixLog} {
		check(t, h.ix.each([]byte(prefix), func(key, _ []byte) error {
			t.Errorf("%q is left", key)
			return nil
		}))
	}
	vectors := 0
	for _, d := range h.states[len(h.states)-1] {
		vectors += len(d.Vectors["v"])
	}
	left := 0
	check(t, h.ix.each(spacePrefix("v"), func(_, _ []byte) error { left++; return nil }))
	if left != vectors {
		t.Errorf("%d vectors are left; want %d", left, vectors)
	}
	h.write()
	h.compare(len(h.states) - 2)
	check(t, h.ix.Close())
}

// A power cut while the past is forgotten leaves a state that can go on.
func TestTrimCrash(t *testing.T) {
	for seed := range uint64(10) {
		h := newAsofHistory(t, seed)
		for range 20 {
			h.write()
		}
		oldest := len(h.states) - 1
		check(t, h.ix.trim(time.Now().Add(h.ix.opts.LogRetention+time.Second)))
		h.write()
		h.restart()
		h.compare(oldest)
		check(t, h.ix.Close())
	}
}
