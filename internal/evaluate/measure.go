package evaluate

import (
	"context"
	"fmt"
	"image"

	"github.com/emblem-search/emblem/fusion/ask"
)

// Row is one measure: how often a model was right about pictures of a style.
// Known styles are those of sets of artwork that the first model was trained on,
// unseen that of a set that none is.
type Row struct {
	Name   string  `json:"name"`
	Style  string  `json:"style"`
	Value  float64 `json:"value"`  // a share from 0 to 1; of calibration errors less is better
	Chance float64 `json:"chance"` // what guessing would reach; of questions what the most frequent answer would
	N      int     `json:"n"`
}

var styles = []string{"known", "unseen"}

// batch is how many pictures or texts are encoded at a time.
const batch = 64

// measure is a model at work on a set: the vectors that it has made so far, and
// the rows.
type measure struct {
	set      *Set
	encoder  ask.Encoder
	pictures map[int][]float32
	texts    map[string][]float32
	rows     []Row
}

func newMeasure(s *Set, e ask.Encoder) *measure {
	return &measure{set: s, encoder: e, pictures: map[int][]float32{}, texts: map[string][]float32{}}
}

// Run measures the model's vectors on all of the set. The encoder's vectors have
// unit length.
func (s *Set) Run(ctx context.Context, e ask.Encoder) ([]Row, error) {
	m := newMeasure(s, e)
	for _, style := range styles {
		for _, part := range []func(context.Context, string) error{
			m.concepts, m.synonyms, m.scenes, m.white, m.queries, m.twins, m.choices,
		} {
			if err := part(ctx, style); err != nil {
				return nil, err
			}
		}
	}
	return m.rows, nil
}

// row adds the mean of what was scored from 0 to 1, case by case.
func (m *measure) row(name, style string, scored []float64, chance float64) {
	var sum float64
	for _, v := range scored {
		sum += v
	}
	if n := len(scored); n > 0 {
		m.rows = append(m.rows, Row{name, style, sum / float64(n), chance, n})
	}
}

// seen are the vectors of tiles, each encoded once.
func (m *measure) seen(ctx context.Context, tiles []int) ([][]float32, error) {
	var fresh []int
	for _, t := range tiles {
		if _, ok := m.pictures[t]; !ok {
			m.pictures[t] = nil
			fresh = append(fresh, t)
		}
	}
	for len(fresh) > 0 {
		now := fresh[:min(batch, len(fresh))]
		fresh = fresh[len(now):]
		var pictures []image.Image
		for _, t := range now {
			pictures = append(pictures, m.set.Picture(t))
		}
		vectors, err := m.encoder.EmbedImages(ctx, pictures)
		if err != nil {
			return nil, fmt.Errorf("encode pictures: %w", err)
		}
		for i, t := range now {
			m.pictures[t] = vectors[i]
		}
	}
	out := make([][]float32, len(tiles))
	for i, t := range tiles {
		out[i] = m.pictures[t]
	}
	return out, nil
}

// read are the vectors of texts, each encoded once.
func (m *measure) read(ctx context.Context, texts []string) ([][]float32, error) {
	var fresh []string
	for _, t := range texts {
		if _, ok := m.texts[t]; !ok {
			m.texts[t] = nil
			fresh = append(fresh, t)
		}
	}
	for len(fresh) > 0 {
		now := fresh[:min(batch, len(fresh))]
		fresh = fresh[len(now):]
		vectors, err := m.encoder.EmbedTexts(ctx, now)
		if err != nil {
			return nil, fmt.Errorf("encode texts: %w", err)
		}
		for i, t := range now {
			m.texts[t] = vectors[i]
		}
	}
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = m.texts[t]
	}
	return out, nil
}

// both are the vectors of tiles and of texts.
func (m *measure) both(ctx context.Context, tiles []int, texts []string) (pictures, words [][]float32, err error) {
	if pictures, err = m.seen(ctx, tiles); err != nil {
		return nil, nil, err
	}
	words, err = m.read(ctx, texts)
	return pictures, words, err
}

func dot(a, b []float32) (sum float32) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// above counts the rows that fit q better than the own one does.
func above(q []float32, rows [][]float32, own int) (n int) {
	mine := dot(q, rows[own])
	for _, r := range rows {
		if dot(q, r) > mine {
			n++
		}
	}
	return n
}

// truth is 1 for what is so.
func truth(so bool) float64 {
	if so {
		return 1
	}
	return 0
}
