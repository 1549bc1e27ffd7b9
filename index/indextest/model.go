package indextest

import (
	"cmp"
	"maps"
	"math"
	"reflect"
	"slices"

	"github.com/emblem-search/emblem/index"
)

// Model is a store as a plain map, for comparison.
type Model struct {
	Spaces    map[string]index.Space
	Documents map[string]index.Document // vectors as they were put
}

// NewModel returns a model without spaces and documents.
func NewModel() *Model {
	return &Model{map[string]index.Space{}, map[string]index.Document{}}
}

// Clone returns a model of its own of the same state.
func (m *Model) Clone() *Model {
	return &Model{maps.Clone(m.Spaces), maps.Clone(m.Documents)}
}

// Apply does what a store does with a change and returns what it says of it.
func (m *Model) Apply(c index.Change) index.Status {
	d := c.Document
	old, exists := m.Documents[d.ID]
	switch {
	case d.ID == "":
		return index.Failed
	case c.Action == index.Delete:
		delete(m.Documents, d.ID)
		return either(exists, index.Deleted, index.Unchanged)
	case c.Action == index.Put && m.takes(d):
		return m.put(d, old, exists)
	case c.Action == index.Update && exists:
		d.Vectors, d.Ordinal = old.Vectors, old.Ordinal
		m.Documents[d.ID] = d
		return either(same(d, old), index.Unchanged, index.Updated)
	}
	return index.Failed
}

// unknown is the ordinal of a document until the store is asked for it.
const unknown = ^uint32(0)

func (m *Model) put(d, old index.Document, exists bool) index.Status {
	d.Ordinal = unknown
	if exists && sameVectors(d.Vectors, old.Vectors) {
		d.Ordinal = old.Ordinal
	}
	m.Documents[d.ID] = d
	switch {
	case !exists:
		return index.Created
	case same(d, old):
		return index.Unchanged
	}
	return index.Updated
}

// takes says whether all vectors fit their spaces.
func (m *Model) takes(d index.Document) bool {
	for name, list := range d.Vectors {
		s, ok := m.Spaces[name]
		if !ok || slices.ContainsFunc(list, func(v []float32) bool { return !fits(s, v) }) {
			return false
		}
	}
	return true
}

func fits(s index.Space, v []float32) bool {
	n := inner(v, v)
	return len(v) == s.Dim && !math.IsNaN(n) && !math.IsInf(n, 0) && (n > 0 || s.Metric == index.Dot)
}

// drop takes a space and its vectors away.
func (m *Model) drop(space string) {
	delete(m.Spaces, space)
	for id, d := range m.Documents {
		d.Vectors = maps.Clone(d.Vectors)
		delete(d.Vectors, space)
		m.Documents[id] = d
	}
}

func same(a, b index.Document) bool {
	return a.Hidden == b.Hidden && sameMetadata(a.Metadata, b.Metadata) && sameVectors(a.Vectors, b.Vectors)
}

func sameMetadata(a, b map[string]any) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

func sameVectors(a, b map[string][][]float32) bool {
	full := func(m map[string][][]float32) map[string][][]float32 {
		m = maps.Clone(m)
		maps.DeleteFunc(m, func(_ string, list [][]float32) bool { return len(list) == 0 })
		return m
	}
	a, b = full(a), full(b)
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

// Candidate is a document that a search may find.
type Candidate struct {
	ID      string
	Ordinal uint32
	Score   float64
}

// Rank returns the visible documents with a vector in the space that pass, best
// first, equal scores by ordinal.
func (m *Model) Rank(space string, q []float32, passes func(index.Document) bool) []Candidate {
	var all []Candidate
	s := m.Spaces[space]
	for id, d := range m.Documents {
		if len(d.Vectors[space]) == 0 || d.Hidden || !passes(d) {
			continue
		}
		best := math.Inf(-1)
		for _, v := range d.Vectors[space] {
			best = max(best, Score(s, v, q))
		}
		all = append(all, Candidate{id, d.Ordinal, best})
	}
	slices.SortFunc(all, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Ordinal, b.Ordinal))
	})
	return all
}

// Score compares two vectors as the space says, in float64.
func Score(s index.Space, a, b []float32) float64 {
	if s.Metric == index.Dot {
		return inner(a, b)
	}
	return inner(a, b) / math.Sqrt(inner(a, a)*inner(b, b))
}

func inner(a, b []float32) float64 {
	var sum float64
	for i := range min(len(a), len(b)) {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func either(first bool, a, b index.Status) index.Status {
	if first {
		return a
	}
	return b
}
