package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/emblem-search/emblem/internal/vector"
)

// prefixLearn begins the keys of what Learn was given: a sample a space.
const prefixLearn = "meta/learn/"

const mostLearned = 2000 // queries that are kept of a sample

// Learn gives a space queries like those to come, as far as they are of another kind
// than its vectors: texts, for a space of pictures. In the background it is found out
// what effort gives what recall for them; until then, and without, queries that lie far
// from all vectors are answered exactly. The sample is kept, in place of
// an earlier one. A few hundred are right, fewer than 20 are an error.
func (ix *Index) Learn(ctx context.Context, space string, queries [][]float32) error {
	leave, err := ix.enter()
	if err != nil {
		return err
	}
	defer leave()
	s, ok := ix.view.Load().space(space)
	if !ok {
		return fmt.Errorf("index: no space %q", space)
	}
	if len(queries) < vector.LeastSample {
		return fmt.Errorf("index: a sample of %d queries; give %d or more", len(queries), vector.LeastSample)
	}
	var value []byte
	for _, q := range queries[:min(len(queries), mostLearned)] {
		if q, err = s.prepare(q); err != nil {
			return err
		}
		value = append(value, encodeVector(q)...)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := ix.db.Set([]byte(prefixLearn+space), value, syncWrites); err != nil {
		return fmt.Errorf("index: write: %w", err)
	}
	ix.tendRows()
	ix.tender.learn.Store(true)
	ix.tender.awake()
	return nil
}

// learned returns what Learn was given, nil if nothing.
func (ix *Index) learned(s Space) ([][]float32, error) {
	value, err := ix.get([]byte(prefixLearn + s.Name))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	var out [][]float32
	for size := 4 * s.Dim; err == nil && len(value) >= size; value = value[size:] {
		v := make([]float32, s.Dim)
		decodeVector(v, value[:size])
		out = append(out, v)
	}
	return out, err
}

// teach fits the graph to the space's own vectors and to the sample.
func (ix *Index) teach(s *shelf) error {
	g := s.graph.Load()
	given, err := ix.learned(s.space)
	if err != nil {
		return err
	}
	failures := s.rows.failures.Load()
	r, reach := rand.New(rand.NewPCG(uint64(s.n), 1)), 0.0
	own := make([]uint32, min(ix.opts.pace.own, g.Len()))
	for i := range own {
		own[i] = uint32(r.IntN(g.Len()))
	}
	var errs [2]error
	err = ix.aside(s, func() {
		if len(own) >= vector.LeastSample {
			reach, errs[0] = g.LearnOwn(own)
		}
		if len(given) >= vector.LeastSample {
			errs[1] = g.Learn(given)
		}
	})
	if err := errors.Join(err, errs[0], errs[1], s.rows.sinceThen(failures)); err != nil {
		return err
	}
	if len(given) >= vector.LeastSample {
		reach = math.Inf(1)
	}
	s.reach.Store(math.Float64bits(reach))
	s.taught.Store(int64(g.Len()))
	s.unsaved.Add(1)
	return nil
}

// strange says whether a query is of a kind that the graph knows nothing about: its
// nearest vector is farther than any of the space's own is from its nearest, and no
// sample of such queries was given.
func (s *stock) strange(q []float32, nearest uint32) bool {
	return distance(q, s.rows.Row(nearest)) > farther*math.Float64frombits(s.reach.Load())
}

const farther = 1.2

func distance(a, b []float32) float64 {
	sum := 0.0
	for i, x := range a {
		d := float64(x) - float64(b[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}
