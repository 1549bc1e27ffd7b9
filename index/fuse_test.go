package index

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var methods = []FusionMethod{"", RRF, MinMax, DBSF, Linear}

func randomLeg(rng *rand.Rand, leg Leg, n int) ranked {
	l := ranked{leg: leg}
	for _, ord := range rng.Perm(2 * n)[:n] {
		l.hits = append(l.hits, legHit{uint32(ord), math.Exp(3 * rng.NormFloat64())})
	}
	slices.SortFunc(l.hits, func(a, b legHit) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.ord, b.ord)) })
	return l
}

func ordinalsOf(list []fused) []uint32 {
	var out []uint32
	for _, d := range list {
		out = append(out, d.ord)
	}
	return out
}

// TestFusionOfOneLegKeepsItsOrder: what makes scores comparable must not change an order
// (milvus#40836), and a leg without hits must not either.
func TestFusionOfOneLegKeepsItsOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		l := randomLeg(rng, LegVector, 1+rng.IntN(40))
		for _, m := range methods {
			f := Fusion{Method: m, Weights: map[Leg]float64{LegWords: 50}}
			all, reports := f.fuse([]ranked{l, {leg: LegWords}})
			for i, d := range all {
				if d.ord != l.hits[i].ord || d.legs[0] != (LegScore{LegVector, i + 1, l.hits[i].score}) {
					t.Fatalf("%s: %v at %d, want %v", m, d, i, l.hits[i])
				}
			}
			if len(all) != len(l.hits) || reports[1].Weight != 0 || reports[0].Weight != 1 {
				t.Fatalf("%s: %d of %d hits, %v", m, len(all), len(l.hits), reports)
			}
		}
	}
}

// TestFusionDropsNoLeg: every hit of every leg is there and counts (weaviate#3243), also
// the lowest of a leg and the only one.
func TestFusionDropsNoLeg(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for range 200 {
		legs := []ranked{randomLeg(rng, LegVector, 1+rng.IntN(20)), randomLeg(rng, LegWords, 1+rng.IntN(3))}
		for _, m := range methods {
			f := Fusion{Method: m}
			all, _ := f.fuse(legs)
			for _, l := range legs {
				for i, h := range l.hits {
					at := slices.IndexFunc(all, func(d fused) bool { return d.ord == h.ord })
					if at < 0 || !slices.Contains(all[at].legs, LegScore{l.leg, i + 1, h.score}) {
						t.Fatalf("%s lost %v of the leg %s", m, h, l.leg)
					}
					if m != DBSF && all[at].score <= 0 {
						t.Fatalf("%s: %v counts %v", m, h, all[at].score)
					}
				}
			}
		}
	}
}

// TestFusionOfAgreeingLegs: a document that is better in all legs is better in the end.
func TestFusionOfAgreeingLegs(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for range 100 {
		legs := []ranked{randomLeg(rng, LegVector, 20), randomLeg(rng, LegWords, 20)}
		for _, m := range methods {
			f := Fusion{Method: m}
			all, _ := f.fuse(legs)
			for i, a := range all {
				for _, b := range all[:i] {
					if beats(a, b) && !beats(b, a) {
						t.Fatalf("%s: %v stands after %v", m, a, b)
					}
				}
			}
		}
	}
}

func beats(a, b fused) bool {
	v, w := cmp.Compare(rankIn(a, LegVector), rankIn(b, LegVector)), cmp.Compare(rankIn(a, LegWords), rankIn(b, LegWords))
	return v < 0 && w < 0
}

// TestFusionNumbers are worked out by hand.
func TestFusionNumbers(t *testing.T) {
	legs := []ranked{
		{leg: LegVector, hits: []legHit{{1, 0.9}, {2, 0.5}, {3, 0.1}}},
		{leg: LegWords, hits: []legHit{{3, 8}, {4, 4}}},
	}
	for _, c := range []struct {
		f    Fusion
		want map[uint32]float64
	}{
		{Fusion{}, map[uint32]float64{1: 1. / 61, 2: 1. / 62, 3: 1./63 + 1./61, 4: 1. / 62}},
		{Fusion{K: 1, Weights: map[Leg]float64{LegWords: 2}}, map[uint32]float64{1: 1. / 2, 2: 1. / 3, 3: 1./4 + 1, 4: 2. / 3}},
		{Fusion{Method: MinMax}, map[uint32]float64{1: 1, 2: 0.625, 3: 0.25 + 1, 4: 1. / 3}},
		{Fusion{Method: DBSF, Weights: map[Leg]float64{LegVector: 0}}, map[uint32]float64{3: 0.5 + 1./6, 4: 0.5 - 1./6}},
		{Fusion{Method: Linear, Calibrate: map[Leg]func(float64) float64{LegWords: func(s float64) float64 { return s / 10 }}},
			map[uint32]float64{1: 0.9, 2: 0.5, 3: 0.1 + 0.8, 4: 0.4}},
	} {
		all, _ := c.f.fuse(legs)
		if len(all) != len(c.want) {
			t.Errorf("%+v: %v", c.f, all)
		}
		for _, d := range all {
			if math.Abs(d.score-c.want[d.ord]) > 1e-12 {
				t.Errorf("%s: document %d has %v, want %v", c.f.Method, d.ord, d.score, c.want[d.ord])
			}
		}
	}
	tied, _ := (&Fusion{}).fuse([]ranked{{leg: LegVector, hits: []legHit{{7, 1}}}, {leg: LegWords, hits: []legHit{{3, 1}}}})
	if got := ordinalsOf(tied); !slices.Equal(got, []uint32{7, 3}) {
		t.Errorf("a tie between legs: %v", got)
	}
}

func TestFusionIsChecked(t *testing.T) {
	for _, f := range []Fusion{{Method: "sum"}, {Weights: map[Leg]float64{LegWords: -1}}, {Weights: map[Leg]float64{LegWords: math.NaN()}},
		{Weights: map[Leg]float64{"text": 1}}, {K: -1}, {Window: -1}} {
		if f.check() == nil {
			t.Errorf("%+v is taken", f)
		}
	}
}
