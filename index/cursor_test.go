package index

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func mustFilter(t *testing.T, text string) *Filter {
	t.Helper()
	f, err := ParseFilter(text)
	check(t, err)
	return f
}

// rank is what a search of a state should find, without its ordinals.
func (s asofState) rank(vector []float32, f *Filter) []Hit {
	var out []Hit
	for _, d := range s {
		if d.Hidden || !f.Match(d.ID, d.Metadata) || len(d.Vectors["v"]) == 0 {
			continue
		}
		score, err := asofSpace.best(vector, d.Vectors["v"])
		if err != nil {
			panic(err) // no such metric
		}
		h := Hit{ID: d.ID, Score: score, Metadata: d.Metadata}
		out = append(out, h)
	}
	return out
}

// sameHits compares without regard to the order of equal scores.
func sameHits(got, want []Hit) error {
	if !slices.IsSortedFunc(got, func(a, b Hit) int {
		return better(scored{a.Score, a.Ordinal}, scored{b.Score, b.Ordinal})
	}) {
		return errors.New("the hits are not in order")
	}
	line := func(list []Hit) string {
		var lines []string
		for _, h := range list {
			lines = append(lines, fmt.Sprint(h.ID, " ", h.Score, " ", h.Metadata))
		}
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	if a, b := line(got), line(want); a != b {
		return fmt.Errorf("got\n%s\nwant\n%s", a, b)
	}
	return nil
}

// Searches and selections as of any write find what there was, with the metadata of
// then.
func TestAsOf(t *testing.T) {
	for seed := range uint64(4) {
		h := newAsofHistory(t, seed)
		for range 40 {
			if h.write(); h.r.IntN(15) == 0 {
				h.restart()
			}
		}
		for _, filter := range []*Filter{nil, mustFilter(t, "n>=30"), mustFilter(t, "not n<70")} {
			for seq := 1; seq < len(h.states); seq++ {
				q := Query{Space: "v", Vector: []float32{0.8, 0.6}, Limit: 20, Filter: filter, AsOf: uint64(seq)}
				found, err := h.ix.Search(context.Background(), q)
				check(t, err)
				if err := sameHits(found.Hits, h.states[seq].rank(q.Vector, filter)); err != nil {
					t.Fatalf("seed %d, %v as of %d: %v", seed, filter, seq, err)
				}
				listed, err := h.ix.Select(context.Background(), Selection{Filter: filter, Limit: 20, AsOf: uint64(seq)})
				check(t, err)
				if len(listed.Hits) != h.states[seq].count(filter) || found.Seq != uint64(seq) || listed.Seq != uint64(seq) {
					t.Fatalf("seed %d: %d selected as of %d; want %d", seed, len(listed.Hits), seq, h.states[seq].count(filter))
				}
			}
		}
		check(t, h.ix.Close())
	}
}

func (s asofState) count(f *Filter) (n int) {
	for _, d := range s {
		if !d.Hidden && f.Match(d.ID, d.Metadata) {
			n++
		}
	}
	return n
}

// Pages put together are one big answer, while others write.
func TestCursor(t *testing.T) {
	ix := mustOpen(t, vfs.NewMem())
	defer ix.Close()
	check(t, ix.Define(asofSpace))
	r := rand.New(rand.NewPCG(5, 5))
	random := func(r *rand.Rand) Document {
		return Document{ID: fmt.Sprint(r.IntN(300)), Metadata: map[string]any{"n": r.IntN(40)}, Hidden: r.IntN(6) == 0,
			Vectors: map[string][][]float32{"v": {{r.Float32() - 0.5, float32(r.IntN(4)) - 1.5}}}}
	}
	for range 300 {
		_, err := ix.Put(context.Background(), random(r))
		check(t, err)
	}
	stop := churn(t, ix, random)
	for i := range 60 {
		f := []*Filter{nil, mustFilter(t, "n>=7"), mustFilter(t, "n<3 or n=20")}[i%3]
		compareSearchPages(t, ix, Query{Space: "v", Vector: []float32{1, r.Float32()}, Limit: 1 + r.IntN(40), Filter: f})
		compareSelectPages(t, ix, Selection{Filter: f, Newest: []string{"n"}, Limit: 1 + r.IntN(40)})
	}
	stop()
}

// churn writes from two goroutines until stop.
func churn(t *testing.T, ix *Index, random func(*rand.Rand) Document) (stop func()) {
	done := make(chan struct{})
	var group sync.WaitGroup
	for w := range uint64(2) {
		group.Go(func() {
			r := rand.New(rand.NewPCG(w, 9))
			for {
				select {
				case <-done:
					return
				default:
				}
				c := Change{[]Action{Put, Put, Update, Update, Delete}[r.IntN(5)], random(r)}
				if _, err := ix.Apply(context.Background(), []Change{c}); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(100 * time.Microsecond)
			}
		})
	}
	return func() { close(done); group.Wait() }
}

func compareSearchPages(t *testing.T, ix *Index, q Query) {
	t.Helper()
	var pages []Hit
	var seq uint64
	for next := q; ; {
		found, err := ix.Search(context.Background(), next)
		check(t, err)
		if seq == 0 {
			seq = found.Seq
		}
		pages = append(pages, found.Hits...)
		if next.Cursor = found.Next; found.Next == "" {
			break
		}
		next.Limit = q.Limit + len(pages)%3 // may change between pages
	}
	q.Limit, q.AsOf = 1000, seq
	whole, err := ix.Search(context.Background(), q)
	check(t, err)
	comparePages(t, pages, whole.Hits)
}

func compareSelectPages(t *testing.T, ix *Index, s Selection) {
	t.Helper()
	var pages []Hit
	var seq uint64
	for next := s; ; {
		found, err := ix.Select(context.Background(), next)
		check(t, err)
		if seq == 0 {
			seq = found.Seq
		}
		pages = append(pages, found.Hits...)
		if next.Cursor = found.Next; found.Next == "" {
			break
		}
	}
	s.Limit, s.AsOf = 1000, seq
	whole, err := ix.Select(context.Background(), s)
	check(t, err)
	comparePages(t, pages, whole.Hits)
}

func comparePages(t *testing.T, pages, whole []Hit) {
	t.Helper()
	if len(pages) != len(whole) {
		t.Fatalf("the pages have %d hits, the whole has %d", len(pages), len(whole))
	}
	for i, h := range pages {
		if w := whole[i]; h.ID != w.ID || h.Ordinal != w.Ordinal || h.Score != w.Score || fmt.Sprint(h.Metadata) != fmt.Sprint(w.Metadata) {
			t.Fatalf("hit %d of the pages is %+v, of the whole %+v", i, h, w)
		}
	}
}

// A cursor of another query, a damaged one and one that is too old are errors that
// say so.
func TestCursorErrors(t *testing.T) {
	h := newAsofHistory(t, 1)
	for range 20 {
		h.write()
	}
	q := Query{Space: "v", Vector: []float32{1, 0}, Limit: 1}
	found, err := h.ix.Search(context.Background(), q)
	check(t, err)
	q.Cursor = found.Next
	other := q
	other.Vector = []float32{0, 1}
	damaged := q
	damaged.Cursor = q.Cursor[:20] + string(q.Cursor[20]^1) + q.Cursor[21:]
	elsewhere := q
	elsewhere.AsOf = 3
	for what, q := range map[string]Query{"another": other, "damaged": damaged, "elsewhere": elsewhere} {
		if _, err := h.ix.Search(context.Background(), q); !errors.Is(err, ErrCursor) {
			t.Errorf("%s: %v; want ErrCursor", what, err)
		}
	}
	for range 10 {
		h.write()
	}
	check(t, h.ix.trim(time.Now().Add(h.ix.opts.LogRetention+time.Second)))
	_, err = h.ix.Search(context.Background(), q)
	if !errors.Is(err, ErrTrimmed) || !strings.Contains(err.Error(), fmt.Sprint(len(h.states)-1)) {
		t.Errorf("expired: %v; want ErrTrimmed that names the oldest sequence", err)
	}
	q.Cursor, q.AsOf = "", uint64(len(h.states))
	if _, err = h.ix.Search(context.Background(), q); err == nil {
		t.Error("a search as of a write that is not there yet finds something")
	}
	check(t, h.ix.Close())
}

// AtLeast waits for the write, no longer than its context and the index.
func TestAtLeast(t *testing.T) {
	h := newAsofHistory(t, 1)
	h.write()
	seq := uint64(len(h.states))
	got := make(chan error, 2)
	ask := func(ctx context.Context, seq uint64) {
		found, err := h.ix.Search(ctx, Query{Space: "v", Vector: []float32{1, 0}, AtLeast: seq})
		if err == nil && found.Seq < seq {
			err = fmt.Errorf("it saw %d", found.Seq)
		}
		got <- err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go ask(context.Background(), seq)
	for len(h.states) == int(seq) {
		h.write()
	}
	check(t, <-got)
	go ask(ctx, seq+100)
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	go ask(context.Background(), seq+100)
	check(t, h.ix.Close())
	if err := <-got; !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// Cursors are read as they were written, and nothing else is one.
func FuzzCursor(f *testing.F) {
	f.Add(cursor{7, [8]byte{1, 2}, 0.25, 9, 10}.String())
	f.Add("")
	f.Add(strings.Repeat("A", 55))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(text)
		if err != nil {
			return
		}
		if c.String() != text {
			t.Errorf("%q is read as %q", text, c)
		}
	})
}
