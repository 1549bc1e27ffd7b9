package index

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// lateIndex has documents of several vectors each, and their truth.
func lateIndex(t *testing.T, docs, each, dim int, seed uint64) (*Index, map[string][][]float32) {
	t.Helper()
	ix, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ix.Close() })
	if err := ix.Define(Space{Name: "patches", Dim: dim}); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, 9))
	all := map[string][][]float32{}
	var changes []Change
	for i := range docs {
		topic := unitOf(r, dim, nil, 0)
		id := fmt.Sprintf("d%05d", i)
		for range 1 + r.IntN(each) {
			all[id] = append(all[id], unitOf(r, dim, topic, 1.2))
		}
		changes = append(changes, Change{Action: Put, Document: Document{ID: id, Metadata: map[string]any{"odd": i%2 == 1}, Vectors: map[string][][]float32{"patches": all[id]}}})
	}
	for part := range slices.Chunk(changes, 500) {
		if receipt, err := ix.Apply(context.Background(), part); err != nil || receipt.Err() != nil {
			t.Fatal(err, receipt.Err())
		}
	}
	return ix, all
}

func unitOf(r *rand.Rand, dim int, centre []float32, pull float64) []float32 {
	v, sum := make([]float32, dim), 0.0
	for i := range v {
		x := r.NormFloat64() / math.Sqrt(float64(dim))
		if centre != nil {
			x += pull * float64(centre[i])
		}
		v[i] = float32(x)
		sum += x * x
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
	return v
}

// maxSimOf is the definition.
func maxSimOf(query, doc [][]float32) (sum float64) {
	for _, q := range query {
		best := math.Inf(-1)
		for _, d := range doc {
			s := 0.0
			for i := range q {
				s += float64(q[i]) * float64(d[i])
			}
			best = max(best, s)
		}
		sum += best
	}
	return sum
}

// TestLate holds hits and scores to the definition, with and without a filter.
func TestLate(t *testing.T) {
	ix, all := lateIndex(t, 300, 6, 24, 1)
	ctx, r := context.Background(), rand.New(rand.NewPCG(5, 5))
	odd, err := ParseFilter("odd:true")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 8 {
		var query [][]float32
		for range 1 + n {
			query = append(query, unitOf(r, 24, nil, 0))
		}
		for _, f := range []*Filter{nil, odd} {
			found, err := ix.Search(ctx, Query{Space: "patches", Vectors: query, Limit: 20, Filter: f})
			if err != nil || len(found.Hits) != 20 || found.Plan != PlanExact {
				t.Fatal(len(found.Hits), found.Plan, err)
			}
			var ids []string
			for id := range all {
				if f == nil || id[5]%2 == 1 {
					ids = append(ids, id)
				}
			}
			slices.SortFunc(ids, func(a, b string) int {
				if maxSimOf(query, all[a]) > maxSimOf(query, all[b]) {
					return -1
				}
				return 1
			})
			for i, h := range found.Hits {
				if h.ID != ids[i] || math.Abs(float64(h.Score)-maxSimOf(query, all[h.ID])) > 1e-5 {
					t.Fatalf("%d vectors: hit %d is %s at %v, want %s at %v", len(query), i, h.ID, h.Score, ids[i], maxSimOf(query, all[ids[i]]))
				}
			}
		}
	}
	one := Query{Space: "patches", Limit: 5, Vectors: [][]float32{unitOf(r, 24, nil, 0)}}
	late, err1 := ix.Search(ctx, one)
	one.Vector, one.Vectors = one.Vectors[0], nil
	plain, err2 := ix.Search(ctx, one)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for i, h := range late.Hits {
		if h.ID != plain.Hits[i].ID || h.Score != plain.Hits[i].Score {
			t.Errorf("with one vector hit %d is %s at %v, want %s at %v", i, h.ID, h.Score, plain.Hits[i].ID, plain.Hits[i].Score)
		}
	}
}

// TestLateCandidates: of many documents only those that single vectors are near to are
// compared; nearly all of the true best are among them, with exact scores.
func TestLateCandidates(t *testing.T) {
	ix, all := lateIndex(t, lateAll+1500, 4, 24, 2)
	ctx, r := context.Background(), rand.New(rand.NewPCG(6, 6))
	hits, wanted := 0, 0
	for range 20 {
		about := all[fmt.Sprintf("d%05d", r.IntN(len(all)))][0]
		var query [][]float32
		for range 6 {
			query = append(query, unitOf(r, 24, about, 1))
		}
		q := Query{Space: "patches", Vectors: query, Limit: 10}
		found, err := ix.Search(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		q.Exact = true
		exact, err := ix.Search(ctx, q)
		if err != nil || exact.Rescored != len(all) || found.Rescored >= len(all) {
			t.Fatal(exact.Rescored, found.Rescored, err)
		}
		for _, h := range exact.Hits {
			wanted++
			if i := slices.IndexFunc(found.Hits, func(f Hit) bool { return f.ID == h.ID }); i >= 0 {
				hits++
				if found.Hits[i].Score != h.Score {
					t.Errorf("%s at %v, exactly %v", h.ID, found.Hits[i].Score, h.Score)
				}
			}
		}
	}
	t.Logf("%d of %d of the true best", hits, wanted)
	if hits < wanted*98/100 {
		t.Errorf("only %d of %d of the true best", hits, wanted)
	}
}

// TestLateWrites: deleted and hidden documents are not found, new ones are.
func TestLateWrites(t *testing.T) {
	ix, all := lateIndex(t, 40, 3, 16, 3)
	ctx := context.Background()
	query := Query{Space: "patches", Vectors: all["d00007"], Limit: 3}
	best := func() string {
		found, err := ix.Search(ctx, query)
		if err != nil {
			t.Fatal(err)
		}
		return found.Hits[0].ID
	}
	if got := best(); got != "d00007" {
		t.Fatalf("its own vectors find %s", got)
	}
	if _, err := ix.Apply(ctx, []Change{{Action: Delete, Document: Document{ID: "d00007"}}}); err != nil {
		t.Fatal(err)
	}
	if got := best(); got == "d00007" {
		t.Error("a deleted document was found")
	}
	if _, err := ix.Put(ctx, Document{ID: "again", Vectors: map[string][][]float32{"patches": all["d00007"]}}); err != nil {
		t.Fatal(err)
	}
	if got := best(); got != "again" {
		t.Errorf("a new document was not found, but %s", got)
	}
	for name, q := range map[string]Query{
		"another dimension": {Space: "patches", Vectors: [][]float32{{1, 0}}},
		"no such space":     {Space: "x", Vectors: query.Vectors},
		"two ways":          {Space: "patches", Vectors: query.Vectors, Vector: query.Vectors[0]},
		"words":             {Space: "patches", Vectors: query.Vectors, Words: "cat"},
	} {
		if _, err := ix.Search(ctx, q); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
