package reliability

import (
	"cmp"
	"maps"
	"slices"
	"testing"
)

// What is promised, on pictures and queries that nothing was fitted on.
const (
	mostError = 0.05 // expected calibration error, each model, kind of query and size
	mostFalse = 0.05 // absent concepts found, each model and kind of query
)

// synthetic is a model that misses the promise a little: it sees the concepts of a
// family so much alike that an absent one's sibling is found. See
// docs/probability.md.
const (
	synthetic          = "synthetic"
	mostErrorSynthetic = 0.055
	mostFalseSynthetic = 0.08
)

// large is the size from which the promise is not kept: hits are better than their
// probabilities, and more absent concepts are found. See docs/probability.md.
const (
	large          = 50_000
	mostErrorLarge = 0.15
)

func table(t *testing.T) []Hit {
	t.Helper()
	hits, err := Read("testdata/hits.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

func TestCalibration(t *testing.T) {
	groups := Grouped(table(t))
	if len(groups) < 20 {
		t.Fatalf("%d groups", len(groups))
	}
	for _, g := range slices.SortedFunc(maps.Keys(groups), byKind) {
		hits := groups[g]
		width, mass := Error(ByWidth(hits)), Error(ByMass(hits))
		wrong, queries := FalseMatches(hits)
		right, _ := Found(hits)
		t.Logf("%-26s %-7s %6d: error %.3f %.3f, false %.3f of %d, found %.2f", g.Model, g.Kind, g.Pictures, width, mass, wrong, queries, right)
		most := mostError
		switch {
		case g.Pictures >= large:
			most = mostErrorLarge
		case g.Model == synthetic:
			most = mostErrorSynthetic
		}
		if max(width, mass) > most {
			t.Errorf("%v: expected calibration error %.3f by bins of equal width, %.3f by bins of equal mass", g, width, mass)
		}
	}
}

func TestAbsentConcepts(t *testing.T) {
	models := map[Group][]Hit{} // libraries of all sizes
	for g, hits := range Grouped(table(t)) {
		if g.Pictures < large {
			g.Pictures = 0
			models[g] = append(models[g], hits...)
		}
	}
	for _, g := range slices.SortedFunc(maps.Keys(models), byKind) {
		wrong, queries := FalseMatches(models[g])
		right, _ := Found(models[g])
		t.Logf("%-26s %-7s: %.3f of %d absent concepts found, %.2f of those present", g.Model, g.Kind, wrong, queries, right)
		most := mostFalse
		if g.Model == synthetic {
			most = mostFalseSynthetic
		}
		if wrong > most {
			t.Errorf("%s, %s: %.3f of %d absent concepts found", g.Model, g.Kind, wrong, queries)
		}
	}
}

func byKind(a, b Group) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Pictures, b.Pictures))
}
