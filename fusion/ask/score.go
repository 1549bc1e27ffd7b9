package ask

import (
	"context"
	"math"
	"sync"

	"github.com/emblem-search/emblem/internal/calibrate"
)

// texts are the vectors of captions, each computed once a model, up to mostTexts.
type texts struct {
	encoder Encoder

	mu      sync.Mutex
	vectors map[string][]float32
}

const (
	mostTexts = 16384 // 16 MB of a model with vectors of 256
	textTurn  = 64    // captions at once, so that others have their turns
)

// of returns the vectors of captions.
func (t *texts) of(ctx context.Context, captions []string) ([][]float32, error) {
	out := make([][]float32, len(captions))
	var missing []string
	var at []int
	t.mu.Lock()
	for i, c := range captions {
		if out[i] = t.vectors[c]; out[i] == nil {
			missing, at = append(missing, c), append(at, i)
		}
	}
	t.mu.Unlock()
	for from := 0; from < len(missing); from += textTurn {
		to := min(from+textTurn, len(missing))
		v, err := t.encoder.EmbedTexts(ctx, missing[from:to])
		if err != nil {
			return nil, err
		}
		t.mu.Lock()
		if t.vectors == nil || len(t.vectors) > mostTexts {
			t.vectors = map[string][]float32{}
		}
		for k, one := range v {
			out[at[from+k]], t.vectors[missing[from+k]] = one, one
		}
		t.mu.Unlock()
	}
	return out, nil
}

// mean is the vector of a statement: the mean of its captions' at unit length.
func (t *texts) mean(ctx context.Context, list []statement) ([][]float32, error) {
	var captions []string
	for _, s := range list {
		captions = append(captions, s.captions...)
	}
	v, err := t.of(ctx, captions)
	if err != nil {
		return nil, err
	}
	out := make([][]float32, len(list))
	for i, s := range list {
		out[i], v = meanOf(v[:len(s.captions)]), v[len(s.captions):]
	}
	return out, nil
}

func meanOf(vectors [][]float32) []float32 {
	sum := make([]float32, len(vectors[0]))
	for _, v := range vectors {
		for k, x := range v {
			sum[k] += x
		}
	}
	norm := float32(math.Sqrt(dot(sum, sum)))
	for k := range sum {
		sum[k] /= max(norm, 1e-9)
	}
	return sum
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// yardstick is how high captions of everyday things score on a vector: in units of their
// spread, scores of one model and picture can be compared with those of others.
type yardstick struct{ mean, spread float64 }

func (a *Answerer) yardstick(ctx context.Context, picture []float32) (yardstick, error) {
	captions, err := a.texts.of(ctx, calibrate.Captions())
	if err != nil {
		return yardstick{}, err
	}
	var sum, squares float64
	for _, c := range captions {
		s := dot(picture, c)
		sum, squares = sum+s, squares+s*s
	}
	n := float64(len(captions))
	return yardstick{sum / n, math.Sqrt(max(squares/n-sum*sum/n/n, 1e-8))}, nil
}

func (y yardstick) measure(score float64) float64 { return (score - y.mean) / y.spread }

// heights are statements' scores on a vector by the yardstick.
func (a *Answerer) heights(ctx context.Context, picture []float32, statements [][]float32) ([]float64, error) {
	y, err := a.yardstick(ctx, picture)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(statements))
	for i, s := range statements {
		out[i] = y.measure(dot(picture, s))
	}
	return out, nil
}

// evidence is what speaks for a single statement: its height on the whole, and the
// greatest on a tile.
type evidence struct {
	whole, tile float64
	tiled       bool
}

func (a *Answerer) evidenceOf(ctx context.Context, s *State, statement []float32) (evidence, error) {
	h, err := a.heights(ctx, s.Whole, [][]float32{statement})
	if err != nil {
		return evidence{}, err
	}
	e := evidence{whole: h[0], tile: math.Inf(-1), tiled: len(s.Tiles) > 0}
	for _, t := range s.Tiles {
		if h, err = a.heights(ctx, t, [][]float32{statement}); err != nil {
			return e, err
		}
		e.tile = max(e.tile, h[0])
	}
	return e, nil
}
