package vector

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// grow is Rows that grow.
type grow struct{ Matrix }

// TestChurn replaces a tenth of the rows ten times: what is deleted is never
// returned, and recall stays what a fresh graph's is.
func TestChurn(t *testing.T) {
	r := rand.New(rand.NewPCG(20, 20))
	const n, tenth, dim = 3000, 300, 48
	all := clustered(r, n+10*tenth, dim, 0.3)
	queries := clustered(r, 60, dim, 0.3)
	rows := &grow{Matrix{Data: all.Data[:n*dim], Dim: dim}}
	c, err := NewCodes(Options{Dim: dim, Seed: 1}, Mean(rows, n), 0)
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGraph(c, rows, GraphOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dead := map[uint32]bool{}
	for round := range 11 {
		total := n + round*tenth
		rows.Data = all.Data[:total*dim]
		if err := g.Add(total); err != nil {
			t.Fatal(err)
		}
		for len(dead) < round*tenth {
			id := r.Uint32N(uint32(total))
			dead[id] = true
			g.Delete(id, id, uint32(total))
		}
		if g.deadN != len(dead) {
			t.Fatalf("%d deleted, want %d", g.deadN, len(dead))
		}
		if g.Loose() > total/5 {
			g.Compact()
			if g.Loose() != 0 {
				t.Fatal("loose rows after Compact")
			}
		}
		skip := func(id uint32) bool { return dead[id] }
		for _, p := range []Params{{Limit: 10, Effort: 40}, {Limit: 10, Exact: true}} {
			want := map[bool]float64{true: 1, false: 0.97}[p.Exact]
			if got := recallOf(t, g, rows.Matrix, queries, p, skip); got < want {
				t.Errorf("round %d, %+v: recall %v", round, p, got)
			}
		}
		for i := range uint32(60) {
			hits, _, _ := g.Search(queries.Row(i), Params{Limit: 50, Effort: 60})
			if slices.ContainsFunc(hits, func(h Hit) bool { return dead[h.ID] }) {
				t.Fatal("a deleted row was returned")
			}
		}
	}
}

// TestDeleteAll empties a graph and fills it again.
func TestDeleteAll(t *testing.T) {
	m := clustered(rand.New(rand.NewPCG(21, 21)), 400, 32, 0.3)
	rows := &grow{Matrix{Data: m.Data[:200*32], Dim: 32}}
	g := built(t, rows.Matrix, Dot, GraphOptions{})
	g.rows = rows
	for id := range uint32(200) {
		g.Delete(id)
	}
	for _, compact := range []bool{false, true} {
		if compact {
			g.Compact()
		}
		if hits, _, err := g.Search(m.Row(0), Params{Effort: 20}); err != nil || len(hits) != 0 {
			t.Fatal(hits, err)
		}
	}
	rows.Data = m.Data
	if err := g.Add(400); err != nil {
		t.Fatal(err)
	}
	if got := recallOf(t, g, m, m, Params{Limit: 5, Effort: 12}, func(id uint32) bool { return id < 200 }); got < 0.97 {
		t.Errorf("recall %v", got)
	}
}

// TestFilteredWalk walks under filters that are random, that hold what is nearest
// and that hold what is farthest, and demands that most of it was done by walking.
func TestFilteredWalk(t *testing.T) {
	r := rand.New(rand.NewPCG(22, 22))
	const n, dim = 15000, 32
	m := clustered(r, n, dim, 0.3)
	g := built(t, m, Dot, GraphOptions{Degree: 16, Breadth: 48})
	queries := clustered(r, 12, dim, 0.3)
	walked := 0
	var orders [12][]Hit
	for i := range orders {
		orders[i] = brute(g.codes, m, queries.Row(uint32(i)), n, nil)
	}
	for _, share := range []int{2, 3, 10} {
		for kind := range 3 {
			found := 0
			for i := range uint32(12) {
				q := queries.Row(i)
				allow := NewBitmap(n)
				order := slices.Clone(orders[i])
				if kind == 1 {
					slices.Reverse(order)
				} else if kind == 2 {
					r.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
				}
				for _, h := range order[:n/share] {
					allow.Add(h.ID)
				}
				got, rep, err := g.Search(q, Params{Limit: 10, Effort: 20, Allow: allow})
				if err != nil {
					t.Fatal(err)
				}
				if rep.Plan == PlanFilter {
					walked++
				}
				want := slices.DeleteFunc(slices.Clone(orders[i]), func(h Hit) bool { return !allow.Has(h.ID) })[:10]
				found += overlap(got, want)
			}
			if found < 114 {
				t.Errorf("kind %d share 1/%d: %d of 120", kind, share, found)
			}
		}
	}
	if walked < 40 {
		t.Errorf("only %d of 108 searches walked", walked)
	}
}

// TestSideBySide searches while rows come and go.
func TestSideBySide(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 23))
	m := clustered(r, 1500, 32, 0.3)
	g := built(t, Matrix{Data: m.Data[:500*32], Dim: 32}, Dot, GraphOptions{})
	g.rows = m
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			for i := uint32(0); ; i = (i + 1) % 500 {
				select {
				case <-done:
					return
				default:
				}
				if _, _, err := g.Search(m.Row(i), Params{Effort: 20, Exact: i%50 == 0}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := 600; n <= 1500; n += 100 {
		if err := g.Add(n); err != nil {
			t.Fatal(err)
		}
		g.Delete(uint32(n - 600))
		if n%400 == 0 {
			g.Compact()
		}
	}
	close(done)
	wg.Wait()
}
