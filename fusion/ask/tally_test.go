package ask

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTallyCoverage simulates collections whose truth is known: rare things and common
// ones, told apart well and badly, walked to the end and sampled. The intervals are made
// for 95 in 100, and have to hold the truth in 90.
func TestTallyCoverage(t *testing.T) {
	for _, way := range []struct {
		name   string
		budget int
	}{{"all", 1 << 20}, {"sampled", 150}} {
		held, n, width := 0, 0, 0.0
		for seed := range uint64(100) {
			r := rand.New(rand.NewPCG(seed, 7))
			size := 200 + r.IntN(1500)
			share := []float64{0.002, 0.01, 0.05, 0.3}[seed%4]
			apart := 2.5 + 3*r.Float64() // how far the logits of yes and no lie apart, in their spread
			truth, all := 0, make([]float64, size)
			for i := range all {
				z := r.NormFloat64() - apart/2
				if r.Float64() < share {
					truth++
					z += apart
				}
				all[i] = sigmoid(z * apart) // the likelihood ratio of two normals at even chances
			}
			c := Tally(Strata(all, way.budget, rand.New(rand.NewPCG(seed, 8))), seed)
			if c.Of != size || c.Inspected > max(way.budget, 1) {
				t.Fatalf("%+v of %d pictures", c, size)
			}
			n++
			count(&held, c.Low <= truth && truth <= c.High)
			width += float64(c.High-c.Low) / float64(size)
		}
		t.Logf("%s: %d of %d intervals hold the truth; their mean width is %.3f of the collection", way.name, held, n, width/float64(n))
		if held*100 < n*90 {
			t.Errorf("%s: less than 90 of 100 intervals hold the truth", way.name)
		}
		if width/float64(n) > 0.15 {
			t.Errorf("%s: the intervals say nothing", way.name)
		}
	}
}

func count(n *int, yes bool) {
	if yes {
		*n++
	}
}

// TestTallyScenes counts in collections of the drawn scenes, with the probabilities of
// the built-in model.
func TestTallyScenes(t *testing.T) {
	m, a := open(t)
	s, ctx := openScenes(t, "testdata"), context.Background()
	var names []string
	states := make([]*State, len(s.Scenes))
	for i := range s.Scenes {
		var err error
		if states[i], err = Encode(ctx, ctx, m, s.tile(i), Options{Detail: "low"}); err != nil {
			t.Fatal(err)
		}
		for _, o := range s.Objects[i] {
			if !slices.Contains(names, o) {
				names = append(names, o)
			}
		}
	}
	slices.Sort(names)
	held, n, several, heldSeveral := 0, 0, 0, 0
	for k, name := range names {
		if k%2 > 0 {
			continue
		}
		var all []float64
		truth := 0
		for i, state := range states {
			p, err := a.seen(ctx, name, state)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
			count(&truth, slices.Contains(s.Objects[i], name))
		}
		c := Tally(Strata(all, 1<<20, nil), 1)
		n++
		count(&held, c.Low <= truth && truth <= c.High)
		if truth > 1 {
			several++
			count(&heldSeveral, c.Low <= truth && truth <= c.High)
		}
	}
	t.Logf("of things in several pictures %d of %d", heldSeveral, several)
	t.Logf("%d of %d intervals hold the truth", held, n)
	if n < 50 || held*100 < n*90 {
		t.Error("less than 90 of 100")
	}
}

// TestTallyEdges: nothing, certainty, and one answer a seed.
func TestTallyEdges(t *testing.T) {
	if c := Tally(nil, 1); c != (Counted{}) {
		t.Errorf("%+v of nothing", c)
	}
	if c := Tally([]Stratum{{nil, 9}}, 1); c.Low != 0 || c.High != 9 {
		t.Errorf("%+v of nothing inspected", c)
	}
	c := Tally([]Stratum{{[]float64{1, 1, 0, 0, 0}, 5}}, 1)
	if c.Low != 2 || c.High != 2 || math.Abs(c.Estimate-2) > 1e-9 {
		t.Errorf("%+v of what is certain", c)
	}
	all := []Stratum{{[]float64{0.9, 0.3, 0.2}, 3}, {[]float64{0.01, 0.02}, 100}}
	if a, b := Tally(all, 3), Tally(all, 3); a != b {
		t.Errorf("%+v and %+v of one seed", a, b)
	}
}
