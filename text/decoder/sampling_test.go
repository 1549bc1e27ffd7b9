package decoder

import (
	"math"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

// TestDistribution holds what is left of logits to transformers' processors.
func TestDistribution(t *testing.T) {
	var meta struct {
		Seen      [][]int32
		Samplings []struct {
			Temperature float64
			TopK        int     `json:"top_k"`
			TopP        float64 `json:"top_p"`
			MinP        float64 `json:"min_p"`
			Penalty     float64 `json:"repetition_penalty"`
		}
	}
	g := golden.Open(t, "testdata/sampling", &meta)
	for i, m := range meta.Samplings {
		s := Sampling{Temperature: m.Temperature, TopK: m.TopK, TopP: m.TopP, MinP: m.MinP, Penalty: m.Penalty}
		want := g.Rows("probs." + string(rune('0'+i)))
		for row, logits := range g.Rows("logits") {
			s.penalise(logits, meta.Seen[row])
			got := s.distribution(logits)
			for id, p := range want[row] {
				if math.Abs(got[id]-float64(p)) > 1e-6 || (got[id] == 0) != (p == 0) {
					t.Errorf("%+v: token %d of row %d has %g, want %g", s, id, row, got[id], p)
					break
				}
			}
		}
	}
}

// TestDraws: draws follow the distribution, repeat with their seed and differ without.
func TestDraws(t *testing.T) {
	logits := []float32{1, 2, 0.5, -1, 3}
	s := Sampling{Temperature: 1.5, TopK: 4}
	want := s.distribution(slices.Clone(logits))
	const n = 20000
	counts := make([]float64, len(logits))
	for seed := range uint64(n) {
		s.Seed = seed
		id := s.choose(slices.Clone(logits), []int32{1, 2})
		if again := s.choose(slices.Clone(logits), []int32{1, 2}); again != id {
			t.Fatalf("seed %d draws %d and %d", seed, id, again)
		}
		counts[id] += 1.0 / n
	}
	for id, p := range want {
		if math.Abs(counts[id]-p) > 0.015 {
			t.Errorf("token %d was drawn with share %.3f, want %.3f", id, counts[id], p)
		}
	}
	positions := map[int32]bool{}
	for n := range 40 {
		positions[s.choose(slices.Clone(logits), make([]int32, n))] = true
	}
	if len(positions) < 3 {
		t.Errorf("one seed draws only %v at 40 positions", positions)
	}
}
