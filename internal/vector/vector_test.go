package vector

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/internal/simd"
)

// clustered returns n vectors of length 1 around centres in few of dim dimensions,
// away from the origin, as those of picture encoders are.
func clustered(r *rand.Rand, n, dim int, gap float64) Matrix {
	const latent, centres = 12, 40
	space := rand.New(rand.NewPCG(5, 5)) // the same for all sets
	draw := func(r *rand.Rand, n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		return x
	}
	w, c, far := draw(space, latent*dim), draw(space, centres*latent), draw(space, dim)
	m := Matrix{Data: make([]float32, n*dim), Dim: dim}
	for i := range n {
		at := r.IntN(centres) * latent
		row := m.Row(uint32(i))
		for j := range row {
			row[j] = float32(gap*far[j] + 0.4*r.NormFloat64())
		}
		for l := range latent {
			z := c[at+l] + 0.7*r.NormFloat64()
			for j := range row {
				row[j] += float32(z * w[l*dim+j] / 3)
			}
		}
		scale := float32(1 / norm(row))
		for j := range row {
			row[j] *= scale
		}
	}
	return m
}

// brute is the oracle: all rows compared exactly.
func brute(c *Codes, rows Rows, q []float32, limit int, skip func(uint32) bool) []Hit {
	s := scorer{kernels: c.kernels, metric: c.Metric}
	var all []Hit
	for id := range uint32(c.n) {
		if skip == nil || !skip(id) {
			all = append(all, Hit{id, s.scores(q, rows, []uint32{id}, nil)[0]})
		}
	}
	slices.SortFunc(all, func(a, b Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return all[:min(limit, len(all))]
}

func encoded(t testing.TB, m Matrix, metric Metric) *Codes {
	t.Helper()
	n := len(m.Data) / m.Dim
	c, err := NewCodes(Options{Dim: m.Dim, Metric: metric, Seed: 7}, Mean(m, n), n)
	if err == nil {
		err = c.Append(m, n, 2)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRotationKeepsProducts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, dim := range []int{1, 2, 3, 64, 100, 512, 768, 1152} {
		rot := newRotation(dim, 3)
		a, b := make([]float32, dim), make([]float32, dim)
		for i := range a {
			a[i], b[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
		}
		want := inner(a, b)
		rot.apply(a)
		rot.apply(b)
		if got := inner(a, b); math.Abs(got-want) > 1e-4*float64(dim) {
			t.Errorf("dim %d: %v, want %v", dim, got, want)
		}
	}
}

// TestBound demands that no estimate is further from the truth than its bound, for
// queries of every kind, and that the bound is not idle.
func TestBound(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, metric := range []Metric{Dot, L2} {
		for _, dim := range []int{5, 64, 130, 512} {
			m := clustered(r, 300, dim, 0.5)
			for i := range m.Data[:40*dim] { // not all of one length
				m.Data[i] *= 3
			}
			clear(m.Data[:dim])
			copy(m.Data[dim:2*dim], Mean(m, 300))
			c := encoded(t, m, metric)
			texts := clustered(r, 20, dim, -0.5)
			if err := c.Anchor(Mean(texts, 20), m, 2); err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for _, queries := range []Matrix{texts, clustered(r, 20, dim, 0.5), m} {
				for i := range uint32(20) {
					worst = max(worst, worstError(t, c, m, queries.Row(i)))
				}
			}
			if worst < 0.02 {
				t.Errorf("metric %d dim %d: no error above %v of its bound: the bound says nothing", metric, dim, worst)
			}
		}
	}
}

func worstError(t *testing.T, c *Codes, m Matrix, v []float32) float64 {
	t.Helper()
	q := c.newQuery()
	c.ready(q, v, c.kind(v))
	scale, offset := c.level(q)
	s := scorer{kernels: c.kernels, metric: c.Metric}
	worst := 0.0
	for id := range uint32(c.n) {
		var got [1]float32
		c.estimate(q, append(make([]uint32, 0, 1+simd.FetchAhead), id), got[:])
		want := scale*s.scores(v, m, []uint32{id}, nil)[0] + offset
		share := math.Abs(float64(got[0]-want)) / float64(c.bound(q, id))
		if share > 1 {
			t.Fatalf("row %d: estimate %v, truth %v, bound %v", id, got[0], want, c.bound(q, id))
		}
		worst = max(worst, share)
	}
	return worst
}

// TestExact compares exact searches with brute force, ids, order and scores, among
// rows that differ from others by one unit in the last place or not at all.
func TestExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, metric := range []Metric{Dot, L2} {
		for _, dim := range []int{3, 96, 512} {
			m := clustered(r, 1500, dim, 0.3)
			for i := range 900 { // near-ties and ties of the first rows
				from, to := m.Row(uint32(i%30)), m.Row(uint32(600+i))
				copy(to, from)
				if i%3 != 0 {
					j := r.IntN(dim)
					to[j] = math.Nextafter32(to[j], float32(r.IntN(3)-1))
				}
			}
			g := flatGraph(t, encoded(t, m, metric), m)
			queries := clustered(r, 20, dim, 0.3)
			for i := range uint32(10) {
				copy(queries.Row(i), m.Row(i))
			}
			for i := range uint32(20) {
				for _, limit := range []int{1, 10, 64, 2000} {
					sameAsBrute(t, g, m, queries.Row(i), limit)
				}
			}
		}
	}
}

func flatGraph(t *testing.T, c *Codes, m Matrix) *Graph {
	t.Helper()
	g, err := NewGraph(c, m, GraphOptions{})
	if err == nil {
		err = g.Encode(c.n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func sameAsBrute(t *testing.T, g *Graph, m Matrix, q []float32, limit int) {
	t.Helper()
	got, rep, err := g.Search(q, Params{Limit: limit, Exact: true})
	if err != nil || rep.Plan != PlanExact || rep.Expected != 1 {
		t.Fatal(rep, err)
	}
	if want := brute(g.codes, m, q, limit, nil); !slices.Equal(got, want) {
		t.Fatalf("limit %d: %v, want %v", limit, got, want)
	}
}

func built(t testing.TB, m Matrix, metric Metric, o GraphOptions) *Graph {
	t.Helper()
	n := len(m.Data) / m.Dim
	c, err := NewCodes(Options{Dim: m.Dim, Metric: metric, Seed: 7}, Mean(m, n), 0)
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGraph(c, m, o)
	if err == nil {
		err = g.Add(n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// recallOf is the mean recall of searches against brute force.
func recallOf(t *testing.T, g *Graph, m, queries Matrix, p Params, skip func(uint32) bool) float64 {
	t.Helper()
	found, all := 0, 0
	for i := range uint32(len(queries.Data) / queries.Dim) {
		got, _, err := g.Search(queries.Row(i), p)
		if err != nil {
			t.Fatal(err)
		}
		want := brute(g.codes, m, queries.Row(i), p.Limit, skip)
		found, all = found+overlap(got, want), all+len(want)
	}
	return float64(found) / float64(all)
}

func TestGraphRecall(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, metric := range []Metric{Dot, L2} {
		m := clustered(r, 4000, 64, 0.3)
		if metric == Dot {
			for i := range m.Data[:1000*64] {
				m.Data[i] *= 1.5
			}
		}
		g := built(t, m, metric, GraphOptions{})
		for name, gap := range map[string]float64{"among": 0.3, "elsewhere": -0.4} {
			if got := recallOf(t, g, m, clustered(r, 50, 64, gap), Params{Limit: 10, Effort: 60}, nil); got < 0.97 {
				t.Errorf("metric %d, %s: recall %v", metric, name, got)
			}
		}
	}
}

func TestBuildDoesNotDependOnWorkers(t *testing.T) {
	m := clustered(rand.New(rand.NewPCG(6, 6)), 1200, 48, 0.3)
	one := built(t, m, Dot, GraphOptions{Workers: 1})
	for _, workers := range []int{2, 5} {
		if many := built(t, m, Dot, GraphOptions{Workers: workers}); !slices.Equal(one.links[:one.n*one.stride()], many.links[:one.n*one.stride()]) {
			t.Errorf("%d workers built another graph than one", workers)
		}
	}
}

func TestLearn(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	m := clustered(r, 4000, 64, 0.3)
	g := built(t, m, Dot, GraphOptions{})
	for i, gap := range []float64{0.3, -0.4} {
		sample := clustered(r, 200, 64, gap)
		var list [][]float32
		for j := range uint32(200) {
			list = append(list, sample.Row(j))
		}
		if err := g.Learn(list); err != nil {
			t.Fatal(err)
		}
		queries := clustered(r, 100, 64, gap)
		if kind := g.codes.kind(queries.Row(0)); kind != i {
			t.Errorf("gap %v is kind %d", gap, kind)
		}
		for _, want := range []float64{0.9, 0.99} {
			got := recallOf(t, g, m, queries, Params{Limit: 10, MinRecall: want}, nil)
			if got < want-0.015 {
				t.Errorf("gap %v: recall %v, asked for %v", gap, got, want)
			}
		}
	}
}

func TestAllow(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	m := clustered(r, 3000, 64, 0.3)
	g := built(t, m, Dot, GraphOptions{})
	for _, share := range []float64{0.9, 0.3, 0.02, 0} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			allow := NewBitmap(3000)
			for id := range uint32(3000) {
				if r.Float64() < share {
					allow.Add(id)
				}
			}
			skip := func(id uint32) bool { return !allow.Has(id) }
			queries := clustered(r, 20, 64, 0.3)
			for i := range uint32(20) {
				got, _, err := g.Search(queries.Row(i), Params{Limit: 10, Exact: true, Allow: allow})
				if want := brute(g.codes, m, queries.Row(i), 10, skip); err != nil || !slices.Equal(got, want) {
					t.Fatalf("%v, want %v (%v)", got, want, err)
				}
			}
			if share > 0 {
				if got := recallOf(t, g, m, queries, Params{Limit: 10, Effort: 60, Allow: allow}, skip); got < 0.97 {
					t.Errorf("recall %v", got)
				}
			}
		})
	}
}

// TestLike compares a row as a query with the decoded row, coordinate by coordinate.
func TestLike(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	for _, dim := range []int{3, 128, 200, 512} {
		m := clustered(r, 40, dim, 0.3)
		c := encoded(t, m, Dot)
		q := c.newQuery()
		for id := range uint32(40) {
			c.like(q, id)
			sum := float32(0)
			for i, b := range q.bytes {
				code := c.codes[int(id)*c.stride()+i/128*64+i%64] >> (i % 128 / 64 * 4) & 15
				want := int8(2*code) - 15
				if i >= dim {
					want = 0
				}
				if b != want {
					t.Fatalf("dim %d row %d coordinate %d: %d, want %d", dim, id, i, b, want)
				}
				sum += float32(b)
			}
			if q.middle != 7.5*sum {
				t.Fatalf("dim %d row %d: middle %v, want %v", dim, id, q.middle, 7.5*sum)
			}
		}
	}
}
