package decoder

import (
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

// TestWindow: a window that holds all changes nothing, a smaller one does, and sinks as
// many as the tokens undo it; in whatever parts the prompt is computed.
func TestWindow(t *testing.T) {
	const path = "testdata/llama-gqa"
	ids := make([]int32, 60)
	for i := range ids {
		ids[i] = int32(i*37%200 + 3)
	}
	logits := func(o Options, part int) [][]float32 {
		o.DType = "f32"
		return open(t, path, o).logits(t, nil, ids, part)
	}
	whole := logits(Options{}, 60)
	for _, c := range []struct {
		o    Options
		same int // tokens whose logits are those without a window
	}{{Options{Window: 60}, 60}, {Options{Window: 9}, 9}, {Options{Window: 9, Sinks: 60}, 60}, {Options{Window: 9, Sinks: 4}, 13}} {
		got := logits(c.o, 60)
		if diff := golden.MaxDiff(got[:c.same], whole[:c.same]); diff != 0 {
			t.Errorf("%+v: the first %d differ by %g", c.o, c.same, diff)
		}
		if c.same < 60 && golden.MaxDiff(got[c.same:c.same+1], whole[c.same:c.same+1]) == 0 {
			t.Errorf("%+v: token %d is the same", c.o, c.same)
		}
		for _, part := range []int{1, 16} {
			if diff := golden.MaxDiff(got, logits(c.o, part)); diff != 0 {
				t.Errorf("%+v in parts of %d differs by %g", c.o, part, diff)
			}
		}
	}
	for _, o := range []Options{{Sinks: 4}, {Window: -1}, {Window: 4, Sinks: -1}} {
		if _, err := Load(t.Context(), path, o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	if _, err := Load(t.Context(), "testdata/bart", Options{Window: 4}); err == nil {
		t.Error("an encoder-decoder got a window")
	}
}
