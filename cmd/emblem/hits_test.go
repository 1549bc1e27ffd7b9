package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// Names are found beside what pictures show, and each alone.
func TestSearchBy(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 30)
	d.paint("p", "b", blue, 30)
	d.paint("p", "picnic at the red house ", blue, 1)
	d.must("index", d.path("p"))
	picnic := d.path("p/picnic at the red house 000.png")
	first := func(args ...string) string {
		t.Helper()
		path, _, _ := strings.Cut(d.must(append([]string{"search", "--paths", "-n", "1"}, args...)...).stdout, "\n")
		return path
	}
	if got := first("picnic"); got != picnic {
		t.Errorf("by both: %s", got)
	}
	if got := first("picnic", "--by", "words"); got != picnic {
		t.Errorf("by words: %s", got)
	}
	if got := first("red", "--by", "meaning"); !strings.HasPrefix(got, d.path("p/r")) {
		t.Errorf("by meaning: %s", got)
	}
	if got := first("red"); !strings.HasPrefix(got, d.path("p/r")) {
		t.Errorf("of equals the meaning comes first: %s", got)
	}
	r := d.must("search", "red picnic", "--json", "-n", "40")
	hit := func(path string) (h struct {
		Score, Probability float64
		Legs               []struct {
			Leg  string
			Rank int
		}
	}) {
		t.Helper()
		for line := range strings.Lines(r.stdout) {
			if strings.Contains(line, path) {
				if err := json.Unmarshal([]byte(line), &h); err != nil {
					t.Fatal(err)
				}
				return h
			}
		}
		t.Fatalf("no %s in\n%s", path, r.stdout)
		return h
	}
	if h := hit(picnic); len(h.Legs) == 0 || h.Legs[len(h.Legs)-1].Leg != "words" || h.Legs[len(h.Legs)-1].Rank != 1 || h.Score > 0.5 || h.Probability > 0.5 {
		t.Errorf("found by its name: %+v", h)
	}
	if h := hit(d.path("p/r0")); len(h.Legs) != 1 || h.Legs[0].Leg != "vector" || h.Score < 0.9 {
		t.Errorf("found by what it shows: %+v", h)
	}
	if r = d.run("search", "picnik", "--by", "words"); r.code != 3 || r.stderr != "nothing matched \"picnik\"\n" {
		t.Errorf("no such word: %+v", r)
	}
	if r = d.run("search", "picnic", "--by", "magic"); r.code != 2 || !strings.Contains(r.stderr, "none of meaning, words and both") {
		t.Errorf("%+v", r)
	}
	if r = d.run("search", "--image", picnic, "--by", "words"); r.code != 2 || !strings.Contains(r.stderr, "no words") {
		t.Errorf("%+v", r)
	}
}

func TestSearchExplainAndFold(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 3)
	d.paint("p", "b", blue, 1)
	d.must("index", d.path("p"))
	r := d.must("search", "b000", "--explain", "--min-probability", "0")
	for _, want := range []string{"vectors compared", "words: 1 hits", "as of write"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("no %q in %q", want, r.stderr)
		}
	}
	if !strings.Contains(r.stdout, "words: rank 1, score") {
		t.Errorf("%q", r.stdout)
	}
	if r = d.must("search", "red", "--fold", "--min-probability", "0"); !strings.Contains(r.stdout, "  and 2 alike\n") || strings.Count(r.stdout, "\n") != 2 {
		t.Errorf("folded: %q", r.stdout)
	}
}
