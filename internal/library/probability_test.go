package library

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/calibrate"
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

// TestBackgroundWhileWriting: a small library is judged as it is; a large one is not
// sampled anew for every write, but soon.
func TestBackgroundWhileWriting(t *testing.T) {
	ctx := t.Context()
	b := gallery(t)
	lib := b.lib()
	judged := func() *background {
		_, err := b.hits("red", SearchOptions{})
		must(t, err)
		return lib.background.Load()
	}
	put := func(from, to int) {
		var docs []index.Document
		for i := from; i < to; i++ {
			docs = append(docs, index.Document{ID: fmt.Sprint(i), Vectors: map[string][][]float32{lib.Space(): {colourVector(float64(i%7), float64(i%5), 1)}}})
		}
		_, err := lib.Put(ctx, docs...)
		must(t, err)
	}
	small := judged()
	put(0, 1)
	if now := judged(); now == small || now.large {
		t.Error("a small library is judged as it was")
	}
	put(1, calibrate.SampleSize)
	large := judged()
	put(calibrate.SampleSize, calibrate.SampleSize+1)
	if judged() != large || !large.large {
		t.Error("a large library is sampled anew for a write")
	}
	large.until = time.Time{}
	for judged() == large { // until the test's time is over
		time.Sleep(time.Millisecond)
	}
	if now := judged(); !now.large || now.seq <= large.seq {
		t.Errorf("renewed as of %d after %d", now.seq, large.seq)
	}
}
