package indextest

import (
	"cmp"
	"context"
	"iter"
	"math"
	"slices"

	"github.com/emblem-search/emblem/index"
)

// Store is what the kit drives; *index.Index is one.
type Store interface {
	Define(index.Space) error
	Apply(context.Context, []index.Change) (index.Receipt, error)
	Get(id string) (index.Document, error)
	Documents() iter.Seq2[index.Document, error]
	Search(context.Context, index.Query) ([]index.Hit, error)
	Close() error
}

// Model is a store as a plain map, with one vector a document in one space.
type Model map[string]index.Document

// Apply does what a store does with a change that is right in itself.
func (m Model) Apply(c index.Change) {
	d := c.Document
	switch old, ok := m[d.ID]; {
	case c.Action == index.Delete:
		delete(m, d.ID)
	case c.Action == index.Put:
		m[d.ID] = d
	case ok:
		old.Metadata, old.Hidden = d.Metadata, d.Hidden
		m[d.ID] = old
	}
}

// Nearest returns the ids and scores of the visible documents by their score in
// float64.
func (m Model) Nearest(space string, q []float32, limit int) ([]string, []float64) {
	type scored struct {
		id    string
		score float64
	}
	var all []scored
	for id, d := range m {
		if vs := d.Vectors[space]; len(vs) > 0 && !d.Hidden {
			all = append(all, scored{id, cosine(vs[0], q)})
		}
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id)) })
	all = all[:min(limit, len(all))]
	ids, scores := make([]string, len(all)), make([]float64, len(all))
	for i, s := range all {
		ids[i], scores[i] = s.id, s.score
	}
	return ids, scores
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}
