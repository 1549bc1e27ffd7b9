package answer

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/emblem-search/emblem/vit"
)

// windower is a net that does not see all of a picture.
type windower interface {
	window(s *ImageState) vit.Window
}

// Window is the part of a picture, in fractions of it, that the model sees and Explain's
// grid covers.
func (m *Model) Window(s *ImageState) vit.Window {
	if w, ok := m.net.(windower); ok {
		return w.window(s)
	}
	return vit.Window{Right: 1, Bottom: 1}
}

// window implements windower: models that look at parts see all of the picture.
func (p *prefix) window(s *ImageState) vit.Window {
	if p.tower.Preprocess().Tiling() {
		return vit.Window{Right: 1, Bottom: 1}
	}
	return p.tower.Window(s.Width, s.Height)
}

// mostCells is how fine the grid of an explanation is, a side.
const mostCells = 6

// explain implements explainer by occlusion (Zeiler and Fergus, arXiv 1311.2901) of
// embeddings, for which the tower need not look again: those of a cell, in all tiles,
// become the picture's mean, and what the answer loses in probability is the cell's
// value, as a logarithm.
func (p *prefix) explain(ctx context.Context, states []*ImageState, question, answer string) (w, h int, heat []float32, err error) {
	a, err := p.ask(states, question)
	if err != nil {
		return 0, 0, nil, err
	}
	side := p.cells()
	heat, err = losses(ctx, side*side, func(ctx context.Context, cell int) (float64, error) {
		less := a
		if cell != none {
			less.inserts = slices.Clone(a.inserts)
			p.cover(states[0], cell, side, &less)
		}
		return p.score(ctx, less, answer)
	})
	return side, side, heat, err
}

// none is the cell of which nothing is taken away.
const none = -1

// losses are what an answer loses without each of n cells, as a logarithm, if it loses
// anything: score tells how likely it is without one. The first, without none, computes
// what all have in common.
func losses(ctx context.Context, n int, score func(ctx context.Context, cell int) (float64, error)) ([]float32, error) {
	whole, err := score(ctx, none)
	if err != nil {
		return nil, err
	}
	heat := make([]float32, n)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for cell := range heat {
		g.Go(func() error {
			s, err := score(ctx, cell)
			heat[cell] = float32(max(0, whole-s))
			return err
		})
	}
	return heat, g.Wait()
}

// side is the number of tokens of a tile's side.
func (p *prefix) side() int { return root(p.tokens) }

// root is the whole root of n.
func root(n int) int {
	r := 1
	for (r+1)*(r+1) <= n {
		r++
	}
	return r
}

// cells is the side of the grid: the most that a tile's tokens divide into.
func (p *prefix) cells() int {
	n := min(mostCells, p.side())
	for p.side()%n != 0 {
		n--
	}
	return n
}

// cover takes a cell of a picture, the first of a prompt, out of its tiles.
func (p *prefix) cover(s *ImageState, cell, side int, a *asked) {
	c, mean := p.decoder.Width(), s.mean(p.decoder.Width())
	for tile := range s.Tiles {
		in := &a.inserts[tile]
		rows := in.Rows
		for _, token := range p.covered(s, tile, cell, side) {
			if &rows[0] == &in.Rows[0] {
				rows = slices.Clone(rows)
			}
			copy(rows[token*c:(token+1)*c], mean)
		}
		if &rows[0] != &in.Rows[0] {
			in.Rows, in.Key = rows, s.Key.part(fmt.Sprint(tile, " without ", cell, " of ", side))
		}
	}
}

// covered are the tokens of a tile whose middle lies in a cell of the picture.
func (p *prefix) covered(s *ImageState, tile, cell, side int) (list []int) {
	rows, cols, row, col, n := 1, 1, 0, 0, p.side()
	if tile < s.Rows*s.Cols { // the last one is the whole
		rows, cols, row, col = s.Rows, s.Cols, tile/s.Cols, tile%s.Cols
	}
	lead := p.tokens - n*n // of a class token, that has no place
	for i := range n * n {
		y, x := row*n+i/n, col*n+i%n
		if (2*y+1)*side/(2*n*rows) == cell/side && (2*x+1)*side/(2*n*cols) == cell%side {
			list = append(list, lead+i)
		}
	}
	return list
}

// mean is the mean embedding (C) of a state.
func (s *ImageState) mean(c int) []float32 {
	sum := make([]float64, c)
	for i, v := range s.Features {
		sum[i%c] += float64(v)
	}
	out := make([]float32, c)
	for i, v := range sum {
		out[i] = float32(v / float64(len(s.Features)/c))
	}
	return out
}
