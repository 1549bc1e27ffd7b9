package calibrate

import (
	"math"
	"testing"
)

func TestDoubt(t *testing.T) {
	for _, d := range []doubt{wordsDoubt, pictureDoubt} {
		last := -1.0
		for x := -12.0; x < 12; x += 0.01 {
			p := d.judge(x)
			if p <= last || p > sigmoid(x)+1e-12 {
				t.Fatalf("judge(%v) is %v after %v, fitted %v", x, p, last, sigmoid(x))
			}
			if (p >= Cut) != (x >= logOdds(d.until)-1e-9) {
				t.Fatalf("judge(%v) is %v: the cut lies elsewhere than at %v", x, p, d.until)
			}
			last = p
		}
		if p := d.judge(logOdds(0.95)); math.Abs(p-0.95) > 1e-9 {
			t.Errorf("what is clear is changed: %v", p)
		}
	}
}

func TestSum(t *testing.T) {
	word := func(p float64) Term { return Term{Probability: p, Words: true} }
	like := func(p float64) Term { return Term{Probability: p} }
	away := func(t Term) Term { t.Away = true; return t }
	for _, c := range []struct {
		terms []Term
		want  float64
	}{
		{[]Term{word(0.3)}, 0.3},
		{[]Term{like(0.3)}, 0.3},
		{[]Term{word(0.9), word(0.04)}, 0.04},               // both must be there
		{[]Term{like(0.1), like(0.8)}, 0.8},                 // examples
		{[]Term{word(0.9), like(0.1)}, 0.9},                 // words decide
		{[]Term{word(0.9), away(word(0.8))}, 0.18},          // what is taken away is there
		{[]Term{word(0.04), away(word(0.01))}, 0.04 * 0.99}, // taking away never helps
	} {
		if got := Sum(c.terms); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v: %v, want %v", c.terms, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	last := -1.0
	for share := 0.0; share <= 1; share += 0.01 {
		p := Text(7*share, 7)
		if p < last || p >= 0.96 || share < 0.45 && p >= Cut {
			t.Errorf("%v of the ideal score: %v after %v", share, p, last)
		}
		last = p
	}
	for _, c := range [][2]float64{{0, 5}, {-1, 5}, {3, 0}, {math.NaN(), 5}, {math.Inf(1), math.Inf(1)}} {
		if p := Text(c[0], c[1]); p != 0 {
			t.Errorf("Text(%v, %v) is %v", c[0], c[1], p)
		}
	}
	if p := Text(9, 5); p != Text(5, 5) {
		t.Errorf("over the ideal: %v", p)
	}
	if p := Either(0.2, 0.7); p != 0.7 {
		t.Errorf("either: %v", p)
	}
}
