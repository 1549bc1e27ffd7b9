package answer

import (
	"context"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

// TestExplain: the evidence is what answers lose when embeddings are taken away, tile by
// tile; the cells of a picture have all of its tokens, and each only once.
func TestExplain(t *testing.T) {
	cases(t, func(t *testing.T, m *Model, _ *golden.File, runs []run) {
		p, ctx := m.net.(*prefix), context.Background()
		states := m.encoded(t, runs[0].Pictures, PictureOptions{})
		side := p.cells()
		for tile := range states[0].Tiles {
			var all []int
			for cell := range side * side {
				all = append(all, p.covered(states[0], tile, cell, side)...)
			}
			slices.Sort(all)
			if n := p.side() * p.side(); len(all) != n || len(slices.Compact(all)) != n {
				t.Errorf("tile %d: the cells have %d tokens, want %d", tile, len(all), n)
			}
		}
		w, h, heat, err := m.Explain(ctx, states, runs[0].Question, "cats")
		if err != nil || w != side || h != side || len(heat) != side*side {
			t.Fatal(w, h, heat, err)
		}
		if slices.Max(heat) <= 0 {
			t.Errorf("nothing matters: %v", heat)
		}
		_, _, again, err := m.Explain(ctx, states, runs[0].Question, "cats")
		if err != nil || !slices.Equal(heat, again) {
			t.Errorf("%v the second time, %v the first: %v", again, heat, err)
		}
		a, err := p.ask(states, runs[0].Question)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := p.score(ctx, a, "cats")
		if err != nil {
			t.Fatal(err)
		}
		last := side*side - 1
		p.cover(states[0], last, side, &a) // by hand
		less, err := p.score(ctx, a, "cats")
		if err != nil || heat[last] != float32(max(0, whole-less)) {
			t.Errorf("the last cell is %v, want %v - %v: %v", heat[last], whole, less, err)
		}
	})
}

// TestRankings: candidates are weighed as their tokens are generated, whatever company
// they have.
func TestRankings(t *testing.T) {
	cases(t, func(t *testing.T, m *Model, _ *golden.File, runs []run) {
		p, ctx := m.net.(*prefix), context.Background()
		states := m.encoded(t, runs[0].Pictures, PictureOptions{})
		words := []string{"cats", "a dog and a fox", "12", "no"}
		all, err := m.Rank(ctx, states, runs[0].Question, words)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, r := range all {
			if i > 0 && r.LogProb > all[i-1].LogProb {
				t.Errorf("%v is not in order", all)
			}
			a, err := p.ask(states, runs[0].Question)
			if err != nil {
				t.Fatal(err)
			}
			alone, err := p.score(ctx, a, r.Answer)
			if err != nil || alone != r.LogProb {
				t.Errorf("%q alone has %v, want %v: %v", r.Answer, alone, r.LogProb, err)
			}
			sum += r.Probability
		}
		if sum < 0.999999 || sum > 1.000001 {
			t.Errorf("probabilities add up to %v", sum)
		}
	})
}
