package index

import "fmt"

// What a query, the mean of the examples and the mean of the counter-examples weigh
// (Rocchio 1971; Manning, Raghavan, Schütze 2008, §9.1.1).
const (
	weightLike   = 0.75
	weightUnlike = 0.15
)

// follow makes one vector of the query's vector and the examples':
//
//	vector + 0.75·mean(like) − 0.15·mean(unlike)
//
// each at the length that the space stores, a document with several vectors by their
// mean. Without a vector the mean of the examples counts alone. The examples
// themselves are not found.
func (c *composer) follow() ([]float32, error) {
	if len(c.q.Like)+len(c.q.Unlike) == 0 {
		return c.s.prepare(c.q.Vector)
	}
	sum := make([]float32, c.s.Dim)
	if c.q.Vector != nil {
		v, err := c.s.prepare(c.q.Vector)
		if err != nil {
			return nil, err
		}
		copy(sum, v)
	}
	snap := c.ix.db.NewSnapshot()
	defer snap.Close()
	m, err := momentOf(snap, c.pin.seq)
	if err != nil {
		return nil, err
	}
	c.like = nil
	for _, side := range []struct {
		ids    []string
		weight float32
	}{{c.q.Like, weightLike}, {c.q.Unlike, -weightUnlike}} {
		for _, id := range side.ids {
			v, ord, err := m.example(c.s, id)
			if err != nil {
				return nil, err
			}
			c.like = append(c.like, ord)
			for i, x := range v {
				sum[i] += side.weight / float32(len(side.ids)) * x
			}
		}
	}
	return c.s.prepare(sum)
}

// example is the mean of a document's vectors in a space.
func (m *moment) example(s Space, id string) ([]float32, uint32, error) {
	ord, err := m.ordinal(id)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %q, an example", err, id)
	}
	list, err := m.vectors(s, ord)
	if err != nil {
		return nil, 0, err
	}
	if len(list) == 0 {
		return nil, 0, fmt.Errorf("index: document %q, an example, has no vector in the space %q", id, s.Name)
	}
	mean := make([]float32, s.Dim)
	for _, v := range list {
		for i, x := range v {
			mean[i] += x / float32(len(list))
		}
	}
	return mean, ord, nil
}

// vectors are those that an ordinal's document had in a space.
func (m *moment) vectors(s Space, ord uint32) ([][]float32, error) {
	rec, _, err := m.record(ord)
	if err != nil {
		return nil, err
	}
	return vectorsIn(m.store, s, ord, rec)
}
