package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// concepts: which of all concepts a picture of one thing shows, by the mean of the
// templates' vectors.
func (m *measure) concepts(ctx context.Context, style string) error {
	names, err := m.classes(ctx)
	if err != nil {
		return err
	}
	var tiles, own []int
	for _, s := range m.set.Singles {
		if s.Style == style {
			tiles, own = append(tiles, s.Tile), append(own, s.Concept)
		}
	}
	pictures, err := m.seen(ctx, tiles)
	if err != nil {
		return err
	}
	for _, k := range []int{1, 5} {
		var right []float64
		for i, p := range pictures {
			right = append(right, truth(above(p, names, own[i]) < k))
		}
		m.row(fmt.Sprintf("concept, top %d", k), style, right, float64(k)/float64(len(names)))
	}
	return nil
}

// classes are the vectors of all concepts: the templates' mean, of unit length.
func (m *measure) classes(ctx context.Context) ([][]float32, error) {
	mean := make([][]float32, len(m.set.Concepts))
	for _, prompt := range m.set.Prompts {
		texts := make([]string, len(mean))
		for i, c := range m.set.Concepts {
			texts[i] = strings.Replace(prompt, "{}", c, 1)
		}
		vectors, err := m.read(ctx, texts)
		if err != nil {
			return nil, err
		}
		for i, v := range vectors {
			if mean[i] == nil {
				mean[i] = make([]float32, len(v))
			}
			for j := range v {
				mean[i][j] += v[j]
			}
		}
	}
	for _, v := range mean {
		norm := float32(math.Sqrt(float64(dot(v, v))))
		for j := range v {
			v[j] /= norm
		}
	}
	return mean, nil
}

// synonyms: whether other names of a concept, and its names in other languages,
// find its picture among all singles.
func (m *measure) synonyms(ctx context.Context, style string) error {
	synonyms := make([]Name, len(m.set.Synonyms))
	for i, s := range m.set.Synonyms {
		synonyms[i] = Name{Concept: s.Concept, Text: "a picture of " + s.Text}
	}
	if err := m.finds(ctx, "synonym", style, synonyms); err != nil {
		return err
	}
	languages := map[string][]Name{}
	for _, n := range m.set.Names {
		languages[n.Language] = append(languages[n.Language], n)
	}
	for _, l := range slices.Sorted(maps.Keys(languages)) {
		if err := m.finds(ctx, "name in "+l, style, languages[l]); err != nil {
			return err
		}
	}
	return nil
}

func (m *measure) finds(ctx context.Context, what, style string, names []Name) error {
	var tiles, own []int
	var texts []string
	at := map[int]int{}
	for _, s := range m.set.Singles {
		if s.Style == style {
			at[s.Concept] = len(tiles)
			tiles = append(tiles, s.Tile)
		}
	}
	for _, n := range names {
		if i, ok := at[n.Concept]; ok {
			texts, own = append(texts, n.Text), append(own, i)
		}
	}
	pictures, words, err := m.both(ctx, tiles, texts)
	if err != nil {
		return err
	}
	var right []float64
	for i, w := range words {
		right = append(right, truth(above(w, pictures, own[i]) == 0))
	}
	m.row(what+" finds its picture", style, right, 1/float64(len(tiles)))
	return nil
}

func (m *measure) scenes(ctx context.Context, style string) error {
	return m.recall(ctx, "scene", m.set.Scenes, style)
}

func (m *measure) white(ctx context.Context, style string) error {
	return m.recall(ctx, "on white", m.set.White, style)
}

// recall: whether captions find their pictures, and pictures their captions.
func (m *measure) recall(ctx context.Context, name string, scenes []Scene, style string) error {
	var tiles []int
	var captions []string
	for _, s := range scenes {
		if s.Style == style {
			tiles, captions = append(tiles, s.Tile), append(captions, s.Caption)
		}
	}
	pictures, words, err := m.both(ctx, tiles, captions)
	if err != nil {
		return err
	}
	var first, ten, back []float64
	for i := range tiles {
		rank := above(words[i], pictures, i)
		first, ten = append(first, truth(rank < 1)), append(ten, truth(rank < 10))
		back = append(back, truth(above(pictures[i], words, i) < 1))
	}
	n := float64(len(tiles))
	m.row(name+": caption to picture, recall 1", style, first, 1/n)
	m.row(name+": caption to picture, recall 10", style, ten, 10/n)
	m.row(name+": picture to caption, recall 1", style, back, 1/n)
	return nil
}

// queries: how many of a word's first pictures it is true of, among all scenes of
// the style. Chance is how many of them all it is true of.
func (m *measure) queries(ctx context.Context, style string) error {
	var pool []int
	for _, s := range m.set.Scenes {
		if s.Style == style {
			pool = append(pool, s.Tile)
		}
	}
	pictures, err := m.seen(ctx, pool)
	if err != nil {
		return err
	}
	for _, q := range []struct {
		kind string
		k    int
	}{{"word", 1}, {"class", 10}} {
		var precise []float64
		var chance float64
		for _, asked := range m.set.Queries {
			if asked.Kind != q.kind || asked.Style != style {
				continue
			}
			words, err := m.read(ctx, []string{asked.Text})
			if err != nil {
				return err
			}
			var hits float64
			for _, i := range best(words[0], pictures)[:min(q.k, len(pool))] {
				hits += truth(slices.Contains(asked.Tiles, pool[i]))
			}
			precise = append(precise, hits/float64(q.k))
			chance += float64(len(asked.Tiles)) / float64(len(pool))
		}
		m.row(fmt.Sprintf("one %s, precision %d", q.kind, q.k), style, precise, chance/float64(max(1, len(precise))))
	}
	return nil
}

// best are the numbers of rows by how well they fit, equal ones in order.
func best(q []float32, rows [][]float32) []int {
	order, score := make([]int, len(rows)), make([]float32, len(rows))
	for i, r := range rows {
		order[i], score[i] = i, dot(q, r)
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(score[j], score[i]) })
	return order
}
