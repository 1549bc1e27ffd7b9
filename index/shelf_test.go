package index

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// early makes everything that is derived of some hundred rows.
var early = pace{codesFrom: 200, graphFrom: 800, exactTo: 300, move: 50, quiet: 5 * time.Millisecond, flush: 100, check: 20 * time.Millisecond, own: 60}

// shelfBench is an index under changes and a plain list of what it should hold.
type shelfBench struct {
	*testing.T
	r     *rand.Rand
	dir   string
	space Space
	ix    *Index
	docs  map[string]Document
	cache int64
	base  [][]float32 // vectors that others are copies of, or nearly
}

func newShelfBench(t *testing.T, s Space) *shelfBench {
	s.Metric = cmp.Or(s.Metric, Cosine)
	b := &shelfBench{T: t, r: rand.New(rand.NewPCG(3, 5)), dir: t.TempDir(), space: s, docs: map[string]Document{}}
	for range 10 {
		b.base = append(b.base, b.vector())
	}
	b.open()
	check(t, b.ix.Define(s))
	t.Cleanup(func() { b.ix.Close() })
	return b
}

func (b *shelfBench) open() {
	b.Helper()
	var err error
	b.ix, err = Open(b.dir, Options{pace: early, RowCacheBytes: b.cache, Logf: b.Logf})
	check(b.T, err)
}

func (b *shelfBench) vector() []float32 {
	v := make([]float32, b.space.Dim)
	for i := range v {
		v[i] = float32(b.r.NormFloat64())
	}
	return v
}

// near is a copy of a base vector, the same bit for bit or with one number a unit in
// the last place away.
func (b *shelfBench) near() []float32 {
	v := slices.Clone(b.base[b.r.IntN(len(b.base))])
	if b.r.IntN(2) == 0 {
		i := b.r.IntN(len(v))
		v[i] = math.Nextafter32(v[i], float32(b.r.IntN(2)*200-100))
	}
	return v
}

// put writes n documents, some of them in place of others, some with several vectors.
func (b *shelfBench) put(n int) {
	b.Helper()
	var changes []Change
	for range n {
		d := Document{ID: fmt.Sprint(b.r.IntN(3 * early.graphFrom)), Hidden: b.r.IntN(20) == 0}
		if b.r.IntN(10) == 0 {
			changes = append(changes, Change{Delete, d})
			delete(b.docs, d.ID)
			continue
		}
		var list [][]float32
		for range 1 + b.r.IntN(3)/2*b.r.IntN(4) {
			list = append(list, [][]float32{b.vector(), b.near()}[b.r.IntN(2)])
		}
		d.Vectors = map[string][][]float32{b.space.Name: list}
		d.Metadata = map[string]any{"n": b.r.IntN(10)}
		changes = append(changes, Change{Put, d})
		b.docs[d.ID] = d
	}
	receipt, err := b.ix.Apply(context.Background(), changes)
	check(b.T, err)
	check(b.T, receipt.Err())
}

// truth ranks what is found of a query.
func (b *shelfBench) truth(q []float32, keep func(Document) bool) []scored {
	b.Helper()
	q, err := b.space.prepare(q)
	check(b.T, err)
	var out []scored
	for id, d := range b.docs {
		if d.Hidden || !keep(d) {
			continue
		}
		var list [][]float32
		for _, v := range d.Vectors[b.space.Name] {
			v, err := b.space.prepare(v)
			check(b.T, err)
			list = append(list, v)
		}
		score, err := b.space.best(q, list)
		check(b.T, err)
		ord, err := ordinalOf(b.ix.db, id)
		check(b.T, err)
		out = append(out, scored{score, ord})
	}
	slices.SortFunc(out, better)
	return out
}

// compare searches and compares ids, order and scores, bit for bit.
func (b *shelfBench) compare(what string) Found {
	b.Helper()
	q := Query{Space: b.space.Name, Vector: b.vector(), Limit: 1 + b.r.IntN(60), Exact: true}
	if b.r.IntN(2) == 0 {
		q.Vector = b.near()
	}
	keep := func(Document) bool { return true }
	if b.r.IntN(3) == 0 {
		n := b.r.IntN(10)
		f, err := ParseFilter(fmt.Sprintf("n<%d", n))
		check(b.T, err)
		q.Filter, keep = f, func(d Document) bool { return d.Metadata["n"].(int) < n }
	}
	found, err := b.ix.Search(context.Background(), q)
	check(b.T, err)
	want := b.truth(q.Vector, keep)
	want = want[:min(q.Limit, len(want))]
	got := make([]scored, len(found.Hits))
	for i, h := range found.Hits {
		got[i] = scored{h.Score, h.Ordinal}
	}
	if !slices.Equal(got, want) {
		b.Fatalf("%s, plan %s, limit %d, filter %v:\n%v, want\n%v", what, found.Plan, q.Limit, q.Filter, got, want)
	}
	return found
}

// settleDown waits until nothing is left to do.
func (b *shelfBench) settleDown() *shelf {
	b.Helper()
	for {
		s := b.ix.view.Load().shelves[b.space.Name]
		if s != nil && s.graph.Load() != nil && s.linked() == s.n && s.walked.Load() {
			return s
		}
		time.Sleep(time.Millisecond)
	}
}

// With all metrics, near ties and several vectors a document, an exact search gives
// what comparing everything in float32 gives: while rows move into codes and graph, and
// after a restart.
func TestExactWhileRowsMove(t *testing.T) {
	for _, m := range []Metric{Cosine, Dot, L2} {
		t.Run(string(m), func(t *testing.T) {
			b := newShelfBench(t, Space{Name: "v", Dim: 24, Metric: m})
			for range 30 {
				b.put(1 + b.r.IntN(120))
				b.compare("while rows move")
			}
			b.settleDown()
			for range 20 {
				b.compare("with a graph")
			}
			check(t, b.ix.Close())
			b.open()
			for range 20 {
				b.compare("after a restart")
				b.put(b.r.IntN(10))
			}
			if b.ix.damages.Load() > 0 {
				t.Errorf("%d files were found damaged", b.ix.damages.Load())
			}
			s := b.settleDown()
			check(t, b.ix.Close()) // the manifest is the background's until it ends
			if s.manifest.Graph == "" {
				t.Error("the graph was not read from its file")
			}
		})
	}
}

// brokenBytes changes a file where it is, as a bad disk would: bits of it, all of it or
// its end.
func brokenBytes(r *rand.Rand, path string, kind int) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	switch kind {
	case 1:
		return os.Remove(path)
	case 2:
		return f.Truncate(r.Int64N(info.Size()))
	}
	for range 20 {
		var one [1]byte
		at := r.Int64N(info.Size())
		if _, err := f.ReadAt(one[:], at); err != nil {
			return err
		}
		one[0] ^= 1 << r.IntN(8)
		if _, err := f.WriteAt(one[:], at); err != nil {
			return err
		}
	}
	return nil
}

// Files of vectors are deleted, cut and changed while searches and writes go on:
// every answer stays exact, damage is reported, and in the end all files are whole
// again.
func TestDamagedVectors(t *testing.T) {
	b := newShelfBench(t, Space{Name: "v", Dim: 24})
	for range 10 {
		b.put(100)
	}
	b.settleDown()
	check(t, b.ix.Close())
	b.cache = 4 << 10 // so that blocks are read from the files
	b.open()
	for round := range 6 {
		files, err := filepath.Glob(filepath.Join(b.dir, "derived", "vectors", "*"))
		check(t, err)
		for _, path := range files {
			if round == 0 || b.r.IntN(2) == 0 {
				if err := brokenBytes(b.r, path, round%3); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
		}
		for range 10 {
			b.compare("with damaged files")
			b.put(1 + b.r.IntN(5))
		}
		if round%3 != 1 {
			check(t, b.ix.Close())
			b.open()
			b.compare("after a restart")
		}
	}
	quarantined, err := filepath.Glob(filepath.Join(b.dir, "derived", "quarantine", legVectors+"-*"))
	check(t, err)
	if n := len(quarantined); n == 0 || n > mostQuarantined {
		t.Errorf("%d files in quarantine, want 1 to %d", n, mostQuarantined)
	}
	b.whole()
}

// TestSavedIsWhole saves a graph: no write before that need be read again at the next opening.
func TestSavedIsWhole(t *testing.T) {
	b := newShelfBench(t, Space{Name: "v", Dim: 24})
	var all []Change
	for i := range 1000 {
		all = append(all, Change{Put, Document{ID: fmt.Sprint(i), Vectors: map[string][][]float32{"v": {b.vector()}}}})
	}
	for part := range slices.Chunk(all, 100) {
		_, err := b.ix.Apply(context.Background(), part)
		check(t, err)
	}
	b.settleDown()
	for b.ix.waiting() {
		time.Sleep(time.Millisecond)
	}
	seq := b.ix.view.Load().seq
	check(t, b.ix.Close())
	b.open()
	_, err := b.ix.Search(context.Background(), Query{Space: "v", Vector: b.vector()})
	check(t, err)
	b.settleDown()
	m, err := b.ix.savedShelf("v")
	check(t, err)
	if m.Graph == "" || m.Buried < seq || m.Seq < seq {
		t.Errorf("rows up to %d, deletions up to %d of %d are saved", m.Seq, m.Buried, seq)
	}
}

// whole waits until all files that count are there and can be read.
func (b *shelfBench) whole() {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		s := b.settleDown()
		good := len(s.rows.state.Load().files) > 0
		for _, f := range s.rows.state.Load().files {
			_, err := f.verify()
			good = good && err == nil && b.ix.intact(f.name, f.size())
		}
		graphs, err := filepath.Glob(filepath.Join(b.dir, "derived", "vectors", "*"+suffixGraph))
		check(b.T, err)
		if good && len(graphs) == 1 {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("the files are not written again: %d graphs", len(graphs))
		}
	}
}

// A search that holds an earlier view finds what was deleted since and nothing that
// came since, also when the graph has changed.
func TestNearestOfAnEarlierView(t *testing.T) {
	b := newShelfBench(t, Space{Name: "v", Dim: 24})
	for range 10 {
		b.put(100)
	}
	b.settleDown()
	v, err := b.ix.load()
	check(t, err)
	q := Query{Space: "v", Vector: b.vector(), Limit: 30, Exact: true}
	before, _, err := b.ix.nearest(context.Background(), v, q)
	check(t, err)
	for _, h := range before {
		rec, _, err := recordOf(b.ix.db, h.ord)
		check(t, err)
		_, err = b.ix.Delete(context.Background(), rec.ID)
		check(t, err)
		delete(b.docs, rec.ID)
	}
	for range 10 {
		b.put(30)
		b.compare("at present")
	}
	b.settleDown()
	for len(before) > 0 && b.ix.view.Load().shelves["v"].buried.Load() == v.seq {
		time.Sleep(time.Millisecond)
	}
	after, _, err := b.ix.nearest(context.Background(), v, q)
	check(t, err)
	if !slices.Equal(after, before) {
		t.Errorf("of the earlier view\n%v, want\n%v", after, before)
	}
}

// Ten thousand equal vectors among others neither take the place of others nor make
// searches fail.
func TestEqualVectors(t *testing.T) {
	b := newShelfBench(t, Space{Name: "v", Dim: 16})
	same := b.vector()
	for at := 0; at < 12_000; at += 1000 {
		var changes []Change
		for i := at; i < at+1000; i++ {
			v := same
			if i%6 == 0 {
				v = b.vector()
			}
			changes = append(changes, Change{Put, Document{ID: fmt.Sprint(i), Vectors: map[string][][]float32{"v": {v}}}})
		}
		_, err := b.ix.Apply(context.Background(), changes)
		check(t, err)
	}
	b.settleDown()
	found, err := b.ix.Search(context.Background(), Query{Space: "v", Vector: same, Limit: 20})
	check(t, err)
	for i, h := range found.Hits {
		if want := fmt.Sprint(i/5*6 + i%5 + 1); h.ID != want {
			t.Fatalf("hit %d is %s, want %s: equal scores by ordinal", i, h.ID, want)
		}
	}
	hit := 0
	for range 50 {
		q := Query{Space: "v", Vector: b.vector(), Limit: 10, MinRecall: 0.99}
		got, err := b.ix.Search(context.Background(), q)
		check(t, err)
		q.Exact = true
		want, err := b.ix.Search(context.Background(), q)
		check(t, err)
		for _, h := range got.Hits {
			if slices.ContainsFunc(want.Hits, func(w Hit) bool { return w.ID == h.ID }) {
				hit++
			}
		}
	}
	if hit < 480 {
		t.Errorf("recall %v among equal vectors", float64(hit)/500)
	}
}

// Queries that lie far from all vectors are answered exactly until the space learned
// from a sample of them; then a walk answers, with the recall that was asked for.
func TestQueriesFromElsewhere(t *testing.T) {
	b := newShelfBench(t, Space{Name: "v", Dim: 24, Metric: Dot})
	far := func() []float32 {
		v := b.vector()
		for i := range v {
			v[i] = v[i]/2 + 3
		}
		return v
	}
	for range 50 {
		b.put(100)
	}
	s := b.settleDown()
	for s.untaught(s.n) {
		time.Sleep(time.Millisecond)
	}
	plans := func() map[Plan]int {
		out := map[Plan]int{}
		for range 20 {
			found, err := b.ix.Search(context.Background(), Query{Space: "v", Vector: far(), MinRecall: 0.8})
			check(t, err)
			out[found.Plan]++
		}
		return out
	}
	if p := plans(); p[PlanExact] != 20 {
		t.Errorf("without a sample: %v", p)
	}
	var sample [][]float32
	for range 100 {
		sample = append(sample, far())
	}
	check(t, b.ix.Learn(context.Background(), "v", sample))
	for !math.IsInf(math.Float64frombits(s.reach.Load()), 1) {
		time.Sleep(time.Millisecond)
	}
	if p := plans(); p[PlanExact] == 20 {
		t.Errorf("with a sample: %v", p)
	}
	if err := b.ix.Learn(context.Background(), "v", sample[:5]); err == nil {
		t.Error("five queries were taken for a sample")
	}
}
