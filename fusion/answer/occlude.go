package answer

import (
	"context"
	"fmt"
	"slices"
)

// explain implements explainer.
func (b *blip) explain(ctx context.Context, states []*ImageState, question, answer string) (w, h int, heat []float32, err error) {
	side := root(states[0].Tokens - 1)
	return occlude(ctx, b, states[0], question, answer, side, side)
}

// explain implements explainer. The answer has to be one that the model knows.
func (v *vilt) explain(ctx context.Context, states []*ImageState, question, answer string) (w, h int, heat []float32, err error) {
	w, h = v.pixels.size(states[0].Width, states[0].Height)
	return occlude(ctx, v, states[0], question, answer, w/v.net.config.patch, h/v.net.config.patch)
}

// occlude explains by occlusion (Zeiler and Fergus, arXiv 1311.2901) of a state that is a
// class token and w×h patches: those of a cell become the picture's mean, and what the
// answer loses in probability is the cell's value, as a logarithm.
func occlude(ctx context.Context, r ranker, s *ImageState, question, answer string, w, h int) (cols, rows int, heat []float32, err error) {
	cols, rows = min(mostCells, w), min(mostCells, h)
	heat, err = losses(ctx, cols*rows, func(ctx context.Context, cell int) (float64, error) {
		less := s
		if cell != none {
			less = s.without(cell, cols, rows, w, h)
		}
		logs, err := r.rank(ctx, []*ImageState{less}, question, []string{answer})
		if err != nil {
			return 0, err
		}
		return logs[0], nil
	})
	return cols, rows, heat, err
}

// without is a state whose patches of a cell are the picture's mean.
func (s *ImageState) without(cell, cols, rows, w, h int) *ImageState {
	c := len(s.Features) / s.Tokens
	out, mean := *s, s.mean(c)
	out.Features = slices.Clone(s.Features)
	for i := range w * h {
		if i/w*rows/h == cell/cols && i%w*cols/w == cell%cols {
			copy(out.Features[(1+i)*c:], mean)
		}
	}
	out.Key = s.Key.part(fmt.Sprint("without ", cell, " of ", cols, "x", rows))
	return &out
}
