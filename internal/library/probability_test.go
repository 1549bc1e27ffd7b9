package library

import (
	"fmt"
	"slices"
	"testing"
)

func TestProbability(t *testing.T) {
	b := gallery(t)
	small, err := b.hits("red", SearchOptions{})
	must(t, err)
	if p := small[0].Probability; p < 0.3 || small[11].Probability > 0.1 {
		t.Errorf("in a small library the best is %v, the worst %v", p, small[11].Probability)
	}
	for i := range 90 {
		write(t, b.path(fmt.Sprintf("more/%d.png", i)), pngOf(t, shade([]struct{ R, G, B, A uint8 }{green, blue}[i%2], 100+i), 30, 30))
	}
	b.index(nil)
	large, err := b.hits("red", SearchOptions{})
	must(t, err)
	if p := large[0].Probability; p < 0.5 || large[19].Probability > 0.1 {
		t.Errorf("in a larger library the best is %v, the 20th %v", p, large[19].Probability)
	}
	cut, err := b.hits("red", SearchOptions{MinProbability: 0.5})
	must(t, err)
	if len(cut) != 4 {
		t.Errorf("at least 0.5: %v", cut)
	}
	if !slices.IsSortedFunc(large, func(a, b Hit) int { return a.Rank - b.Rank }) {
		t.Error("ranks are out of order")
	}
}
