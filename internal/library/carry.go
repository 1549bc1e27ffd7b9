package library

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/emblem-search/emblem/index"
)

const (
	leastPairs = 64   // from which a map is fitted
	mostPairs  = 8192 // that a map is fitted on
	judged     = 200  // pictures whose neighbours are compared
	neighbours = 10
)

// Recall is how many of the new model's nearest neighbours are found by its
// queries among the vectors of the old one, of 1, on pictures that the map was not
// fitted on.
type Recall struct {
	Pictures float64  `json:"pictures"`        // queries that are pictures
	Words    *float64 `json:"words,omitempty"` // queries of words, with the old model at hand
	Pairs    int      `json:"pairs"`           // pictures that the map was fitted on
}

// fitMap fits the map of the new model's queries anew when there are twice as many
// pairs as the last time.
func (m *migration) fitMap(ctx context.Context) error {
	n := min(len(m.pairs), mostPairs)
	if n < leastPairs || n < 2*m.fitted {
		return nil
	}
	before, after, err := m.vectors(n)
	if err != nil || len(before) < leastPairs {
		return err
	}
	fit, check := len(before)*8/10, len(before)*9/10
	fitted, err := fitMap(after[:fit], before[:fit], after[fit:check], before[fit:check])
	if err != nil {
		m.Log.Warn("until the migration is complete the new model's queries are not answered", "why", err)
		return nil
	}
	m.recall = &Recall{Pairs: fit}
	if err := m.fitWords(ctx, fitted, before, after); err != nil {
		return err
	}
	queries := after[check:min(len(after), check+judged)]
	carried := make([][]float32, len(queries))
	for i, q := range queries {
		carried[i] = fitted.carry(q, false)
	}
	m.recall.Pictures = overlap(after, queries, before, carried, check)
	m.fitted = n
	m.Log.Info("queries of the new model are answered meanwhile", "recall", m.recall.Pictures)
	return m.lib.setMap(m.next.Space, fitted, m.recall)
}

// fitWords moves the map of words and measures it, on halves of everyday captions,
// if both models are at hand.
func (m *migration) fitWords(ctx context.Context, fitted *linearMap, before, after [][]float32) error {
	if m.old == nil || picturesOnly(m.old) || picturesOnly(m.new) {
		return nil
	}
	old, err := m.old.EmbedTexts(ctx, everyday)
	if err != nil {
		return err
	}
	new, err := m.new.EmbedTexts(ctx, everyday)
	if err != nil {
		return err
	}
	half := len(everyday) / 2
	fitted.moveWords(new[:half], old[:half])
	carried := make([][]float32, 0, half)
	for _, v := range new[half:] {
		carried = append(carried, fitted.carry(v, true))
	}
	share := overlap(after, new[half:], before, carried, -len(before))
	m.recall.Words = &share
	fitted.moveWords(new, old)
	return nil
}

// vectors reads the vectors of n pairs, those that both are still there.
func (m *migration) vectors(n int) (before, after [][]float32, err error) {
	from := m.lib.Manifest().space()
	ids := slices.Clone(m.pairs)
	rand.New(rand.NewPCG(2, uint64(n))).Shuffle(len(ids), func(i, k int) { ids[i], ids[k] = ids[k], ids[i] })
	for _, id := range ids[:n] {
		d, err := m.lib.ix.Get(id)
		if err != nil && !errors.Is(err, index.ErrNotFound) {
			return nil, nil, err
		}
		a, b := d.Vectors[from], d.Vectors[m.next.Space]
		if len(a) > 0 && len(b) > 0 {
			before, after = append(before, a[0]), append(after, b[0])
		}
	}
	return before, after, nil
}

// overlap is the share of the queries' neighbours in one space that their
// counterparts have in another. Row i of both spaces is the same picture; query i is
// row own+i, which does not count.
func overlap(space, queries, otherSpace, otherQueries [][]float32, own int) float64 {
	k := min(neighbours, max(1, len(space)/10))
	same := 0
	for i := range queries {
		truth := nearest(space, queries[i], k, own+i)
		for _, row := range nearest(otherSpace, otherQueries[i], k, own+i) {
			if slices.Contains(truth, row) {
				same++
			}
		}
	}
	return round(float64(same)/float64(max(1, k*len(queries))), 1e4)
}

// nearest are the k rows but own with the highest cosines to a query.
func nearest(rows [][]float32, query []float32, k, own int) []int {
	type scored struct {
		row   int
		score float64
	}
	all := make([]scored, 0, len(rows))
	for i, r := range rows {
		if i != own {
			all = append(all, scored{i, cosine(r, query)})
		}
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	out := make([]int, min(k, len(all)))
	for i := range out {
		out[i] = all[i].row
	}
	return out
}

func noteMap(space string) string { return "map/" + space }

// setMap stores the map of a model to come and what it is worth.
func (l *Library) setMap(space string, m *linearMap, r *Recall) error {
	if err := l.ix.SetNote(noteMap(space), m.encode()); err != nil {
		return err
	}
	l.mu.Lock()
	l.maps = map[string]*linearMap{space: m}
	l.mu.Unlock()
	return l.setManifest(func(x *Manifest) { x.Carried = r })
}

// mapOf is the map of a model to come.
func (l *Library) mapOf(space string) (*linearMap, error) {
	l.mu.Lock()
	have := l.maps[space]
	l.mu.Unlock()
	if have != nil {
		return have, nil
	}
	note, err := l.ix.Note(noteMap(space))
	if err != nil {
		return nil, err
	}
	m, err := decodeMap(note)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.maps = map[string]*linearMap{space: m}
	l.mu.Unlock()
	return m, nil
}

// answering finds the space whose vectors answer a model's queries, and the map
// that carries its queries there, nil if it is their own.
func (l *Library) answering(e Embedder) (space string, carry *linearMap, err error) {
	m, print := l.Manifest(), e.Fingerprint()
	switch {
	case m.Fingerprint == print:
		return m.space(), nil, nil
	case m.Previous != nil && m.Previous.Fingerprint == print:
		return m.Previous.space(), nil, nil
	case m.Next == nil || m.Next.Fingerprint != print:
		return "", nil, l.mismatch(m.Encoder, e)
	case m.Carried == nil:
		return "", nil, errorf(KindModel, "library %q is on its way to %s, which answers when %d pictures have its vectors; until then %s does", l.name, e.Name(), leastPairs, m.Model)
	}
	carry, err = l.mapOf(m.Next.Space)
	return m.space(), carry, err
}
