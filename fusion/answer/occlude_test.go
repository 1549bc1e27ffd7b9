package answer

import (
	"context"
	"slices"
	"testing"
)

// TestOcclude: the evidence of models whose states are patches is what answers lose
// without them; the cells of a picture have all of its patches, and each only once.
func TestOcclude(t *testing.T) {
	for name, answer := range map[string]string{"blip": "two cats", "blip-published": "yes", "vilt": "red", "vilt-published": "a dog"} {
		t.Run(name, func(t *testing.T) {
			m, ctx := open(t, "testdata/"+name, Options{DType: "f32"}), context.Background()
			s := m.encoded(t, []string{"wide.png"}, PictureOptions{})[0]
			w, h, heat, err := m.Explain(ctx, []*ImageState{s}, "What is it?", answer)
			if err != nil || w*h != len(heat) || slices.Max(heat) <= 0 {
				t.Fatal(w, h, heat, err)
			}
			pw, ph := w, h // the grids are small enough that a cell is a patch, but for those of over six
			if name == "vilt" || name == "vilt-published" {
				v := m.net.(*vilt)
				pw, ph = v.pixels.size(s.Width, s.Height)
				pw, ph = pw/v.net.config.patch, ph/v.net.config.patch
			}
			c, covered := len(s.Features)/s.Tokens, make([]int, s.Tokens)
			for cell := range heat {
				less := s.without(cell, w, h, pw, ph)
				for i := range covered {
					if !slices.Equal(less.Features[i*c:(i+1)*c], s.Features[i*c:(i+1)*c]) {
						covered[i]++
					}
				}
				if less.Key == s.Key {
					t.Error("a state without a cell has the key of the whole")
				}
			}
			if covered[0] != 0 || slices.Min(covered[1:]) != 1 || slices.Max(covered) != 1 {
				t.Errorf("patches are covered %v times", covered)
			}
		})
	}
}
