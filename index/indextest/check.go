package indextest

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/emblem-search/emblem/index"
)

// Check says how hits differ from what a search of a space should find: ranked is
// the model's ranking of all that may be found.
func (m *Model) Check(space string, hits []index.Hit, ranked []Candidate, limit int) error {
	if want := min(limit, len(ranked)); len(hits) != want {
		return fmt.Errorf("%d hits; want %d", len(hits), want)
	}
	slack := tolerance(m.Spaces[space])
	left := make(map[string]Candidate, len(ranked))
	for _, c := range ranked {
		left[c.ID] = c
	}
	for i, h := range hits {
		if err := m.checkHit(h, left, slack); err != nil {
			return fmt.Errorf("hit %d of %d: %w", i+1, len(hits), err)
		}
		delete(left, h.ID)
		if i > 0 && better(h, hits[i-1]) {
			return fmt.Errorf("hit %d (%s, ordinal %d, score %v) stands after %d (%s, ordinal %d, score %v)",
				i+1, h.ID, h.Ordinal, h.Score, i, hits[i-1].ID, hits[i-1].Ordinal, hits[i-1].Score)
		}
	}
	return missed(hits, left, slack)
}

func (m *Model) checkHit(h index.Hit, left map[string]Candidate, slack float64) error {
	c, ok := left[h.ID]
	switch {
	case !ok:
		return fmt.Errorf("%q cannot be found, or was already", h.ID)
	case math.Abs(float64(h.Score)-c.Score) > slack:
		return fmt.Errorf("%q scores %v; want %v", h.ID, h.Score, c.Score)
	case h.Ordinal != c.Ordinal && c.Ordinal != unknown:
		return fmt.Errorf("%q has ordinal %d; want %d", h.ID, h.Ordinal, c.Ordinal)
	case !sameMetadata(h.Metadata, m.Documents[h.ID].Metadata):
		return fmt.Errorf("%q has metadata %v; want %v", h.ID, h.Metadata, m.Documents[h.ID].Metadata)
	}
	return nil
}

func better(a, b index.Hit) bool {
	return a.Score > b.Score || a.Score == b.Score && a.Ordinal < b.Ordinal
}

// missed looks for what should have been found in place of the last hit.
func missed(hits []index.Hit, left map[string]Candidate, slack float64) error {
	if len(hits) == 0 {
		return nil
	}
	last := hits[len(hits)-1]
	for _, c := range left {
		score := float64(last.Score)
		if c.Score > score+slack || slack == 0 && c.Score == score && c.Ordinal < last.Ordinal {
			return fmt.Errorf("%q (ordinal %d, score %v) was not found; the last hit is %q (ordinal %d, score %v)",
				c.ID, c.Ordinal, c.Score, last.ID, last.Ordinal, last.Score)
		}
	}
	return nil
}

// Compare says how the documents of a store differ from the model's.
func (m *Model) Compare(s Store) error {
	n := 0
	for d, err := range s.Documents() {
		if err != nil {
			return err
		}
		want, ok := m.Documents[d.ID]
		if !ok {
			return fmt.Errorf("%q is there and should not be", d.ID)
		}
		whole, err := s.Get(d.ID)
		if err != nil {
			return err
		}
		if d.Hidden != want.Hidden || !sameMetadata(d.Metadata, want.Metadata) || d.Ordinal != whole.Ordinal {
			return fmt.Errorf("listed is %+v; want %+v", d, want)
		}
		if err := m.alike(whole, want); err != nil {
			return err
		}
		n++
	}
	if n != len(m.Documents) {
		return fmt.Errorf("%d documents; want %d", n, len(m.Documents))
	}
	return nil
}

// answer says how what a store answers for an id differs from the model.
func (m *Model) answer(id string, got index.Document, err error) error {
	want, ok := m.Documents[id]
	switch {
	case !ok && errors.Is(err, index.ErrNotFound):
		return nil
	case !ok:
		return fmt.Errorf("%q is %+v, %v; want ErrNotFound", id, got, err)
	case err != nil:
		return fmt.Errorf("%q: %w", id, err)
	case want.Ordinal != unknown && got.Ordinal != want.Ordinal:
		return fmt.Errorf("%q has ordinal %d; want %d", id, got.Ordinal, want.Ordinal)
	}
	return m.alike(got, want)
}

// alike says how a document from a store differs from the model's.
func (m *Model) alike(got, want index.Document) error {
	if got.ID != want.ID || got.Hidden != want.Hidden || !sameMetadata(got.Metadata, want.Metadata) {
		return fmt.Errorf("%q is %+v; want %+v", want.ID, got, want)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Spaces)) {
		a, b := got.Vectors[name], want.Vectors[name]
		if len(a) != len(b) {
			return fmt.Errorf("%q has %d vectors in %s; want %d", want.ID, len(a), name, len(b))
		}
		for i := range a {
			if !parallel(m.Spaces[name], a[i], b[i]) {
				return fmt.Errorf("%q: vector %d in %s is %v; want %v", want.ID, i, name, a[i], b[i])
			}
		}
	}
	return nil
}

// parallel says whether stored is put as the space stores it: as it is, or at
// unit length.
func parallel(s index.Space, stored, put []float32) bool {
	if s.Metric == index.Dot {
		return slices.Equal(stored, put)
	}
	length := math.Sqrt(inner(put, put))
	return len(stored) == len(put) && math.Abs(inner(stored, put)-length) < 1e-5*length && math.Abs(inner(stored, stored)-1) < 1e-5
}
