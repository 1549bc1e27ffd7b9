package vector

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
)

// TestTwins adds 20,000 rows of which 10,000 are one row and some others come in
// pairs, deletes some of them, and demands what brute force finds.
func TestTwins(t *testing.T) {
	r := rand.New(rand.NewPCG(40, 40))
	const n, dim = 20000, 32
	m := clustered(r, n, dim, 0.3)
	for id := uint32(1); id < n; id += 2 {
		copy(m.Row(id), m.Row(1))
	}
	for id := uint32(10000); id < 10400; id += 2 {
		copy(m.Row(id), m.Row(id-9000))
	}
	g := built(t, m, Dot, GraphOptions{Degree: 16, Breadth: 48})
	queries := clustered(r, 60, dim, 0.3)
	for i := range uint32(10) {
		copy(queries.Row(i), m.Row(1))
		copy(queries.Row(10+i), m.Row(1000+2*i))
	}
	dead := map[uint32]bool{}
	for _, gone := range [][]uint32{nil, {1, 3, 1000, 1002, 10004}, {5, 7, 10000}} {
		g.Delete(gone...)
		for _, id := range gone {
			dead[id] = true
		}
		if len(gone) == 3 {
			g.Compact()
		}
		skip := func(id uint32) bool { return dead[id] }
		if got := recallOf(t, g, m, queries, Params{Limit: 10, Effort: 40}, skip); got < 0.97 {
			t.Errorf("%d deleted: recall %v", len(dead), got)
		}
		back, err := Open(stored(t, g), m, 2)
		if err != nil || !bytes.Equal(stored(t, back), stored(t, g)) {
			t.Fatal("not what was written", err)
		}
		for i := range uint32(20) {
			p := Params{Limit: 25, Effort: 40}
			got, rep, _ := g.Search(queries.Row(i), p)
			if again, _, _ := back.Search(queries.Row(i), p); !slices.Equal(got, again) {
				t.Fatalf("%v after reading, %v before", again, got)
			}
			if want := brute(g.codes, m, queries.Row(i), 25, skip); i < 10 && !slices.Equal(got, want) {
				t.Fatalf("%v, want %v", got, want)
			}
			if rep.Visited > 3000 {
				t.Fatalf("%d codes compared", rep.Visited)
			}
		}
	}
	if g.Loose() != 0 {
		t.Errorf("%d loose", g.Loose())
	}
}

// TestTwinsComeAndGo deletes all rows of a ring, unlinks them, and adds the row
// again, also one that was deleted before it was there.
func TestTwinsComeAndGo(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 41))
	const dim = 32
	m := clustered(r, 600, dim, 0.3)
	for _, id := range []uint32{11, 12, 400, 401, 500} {
		copy(m.Row(id), m.Row(10))
	}
	g := built(t, Matrix{Data: m.Data[:300*dim], Dim: dim}, Dot, GraphOptions{})
	g.rows = m
	find := func(want ...uint32) {
		t.Helper()
		hits, _, err := g.Search(m.Row(10), Params{Limit: len(want) + 1, Effort: 30})
		var got []uint32
		for _, h := range hits[:len(want)] {
			got = append(got, h.ID)
		}
		if err != nil || !slices.Equal(got, want) || hits[len(want)].Score == hits[0].Score {
			t.Fatalf("%v, want %v and another (%v)", hits, want, err)
		}
	}
	find(10, 11, 12)
	g.Delete(10, 12)
	find(11)
	g.Compact()
	find(11)
	g.Delete(11, 12)
	if g.Loose() != 1 {
		t.Fatalf("%d loose, want the ring", g.Loose())
	}
	g.Compact()
	if err := g.Add(450); err != nil {
		t.Fatal(err)
	}
	find(400, 401)
	g.Delete(400, 401)
	if err := g.Add(600); err != nil {
		t.Fatal(err)
	}
	find(500)
	if g.Loose() != 1 {
		t.Fatalf("%d loose, want the ring before", g.Loose())
	}
}

// pausing is Rows that call back when a row is asked for.
type pausing struct {
	Matrix
	at   uint32
	hook func()
	done atomic.Bool
}

func (p *pausing) Row(id uint32) []float32 {
	if id == p.at && !p.done.Swap(true) {
		p.hook()
	}
	return p.Matrix.Row(id)
}

// TestDeletedWhileAdded deletes rows from inside Add, when they are not visible yet,
// and searches from there: no search waits for Add.
func TestDeletedWhileAdded(t *testing.T) {
	m := clustered(rand.New(rand.NewPCG(42, 42)), 500, 32, 0.3)
	rows := &pausing{Matrix: m, at: 300}
	c, err := NewCodes(Options{Dim: 32, Seed: 7}, Mean(m, 500), 0)
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGraph(c, rows, GraphOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	rows.hook = func() {
		g.Delete(20, 300, 499, 500)
		hits, rep, err := g.Search(m.Row(300), Params{Exact: true, Limit: 500})
		if err != nil || rep.Rows != g.Len() || len(hits) != rep.Rows-1 || rep.Rows < 200 {
			t.Errorf("%d hits, %+v, %v", len(hits), rep, err)
		}
	}
	if err := g.Add(500); err != nil {
		t.Fatal(err)
	}
	hits, _, _ := g.Search(m.Row(300), Params{Exact: true, Limit: 500})
	for _, h := range hits {
		if h.ID == 20 || h.ID == 300 || h.ID == 499 {
			t.Errorf("row %d was deleted", h.ID)
		}
	}
	if !rows.done.Load() || len(hits) != 497 || g.Loose() != 3 {
		t.Errorf("%d hits, %d loose", len(hits), g.Loose())
	}
}

// TestDead finds deleted rows when asked to, unlinked ones too.
func TestDead(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 43))
	m := clustered(r, 3000, 32, 0.3)
	g := built(t, m, Dot, GraphOptions{})
	allow := NewBitmap(3000)
	for id := range uint32(3000) {
		if id%5 != 1 {
			allow.Add(id)
		}
		if id%7 == 2 {
			g.Delete(id)
		}
	}
	queries := clustered(r, 30, 32, 0.3)
	for _, compact := range []bool{false, true} {
		if compact {
			g.Compact()
		}
		for _, p := range []Params{{Limit: 10, Dead: true, Exact: true, Allow: allow}, {Limit: 10, Dead: true, Effort: 40, Allow: allow}, {Limit: 10, Dead: true, Effort: 20}} {
			skip := func(id uint32) bool { return p.Allow != nil && !p.Allow.Has(id) }
			want := 0.98
			if p.Exact {
				want = 1
			}
			if got := recallOf(t, g, m, queries, p, skip); got < want {
				t.Errorf("%+v: recall %v", p.Effort, got)
			}
		}
	}
}
