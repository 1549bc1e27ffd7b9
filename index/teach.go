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

const (
	leastLearned = 20   // queries of a sample; fewer say nothing
	mostLearned  = 2000 // queries that are kept of one
)

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
	if len(queries) < leastLearned {
		return fmt.Errorf("index: a sample of %d queries; give %d or more", len(queries), leastLearned)
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
	own, reach, err := s.likeOwn(rand.New(rand.NewPCG(uint64(s.n), 1)))
	if err != nil {
		return err
	}
	var errs [2]error
	err = ix.aside(s, func() {
		for i, sample := range [][][]float32{own, given} {
			if len(sample) >= leastLearned {
				errs[i] = g.Learn(sample)
			}
		}
	})
	if err := errors.Join(err, errs[0], errs[1], s.rows.sinceThen(failures)); err != nil {
		return err
	}
	if len(given) >= leastLearned {
		reach = math.Inf(1)
	}
	s.reach.Store(math.Float64bits(reach))
	s.taught.Store(int64(g.Len()))
	s.unsaved++
	return nil
}

// likeOwn makes queries like new vectors of the space: each is as far from a vector
// of it as that one's nearest is, in the direction of the difference of two others.
// reach is the farthest of those distances.
func (s *shelf) likeOwn(r *rand.Rand) (out [][]float32, reach float64, err error) {
	g := s.graph.Load()
	pick := func() []float32 { return append([]float32(nil), s.rows.Row(uint32(r.IntN(g.Len())))...) }
	for range s.rows.ix.opts.pace.own {
		x := pick()
		hits, _, err := g.Search(x, vector.Params{Limit: 8, Effort: 64})
		if err != nil {
			return nil, 0, err
		}
		gap := 0.0
		for _, h := range hits {
			if d := distance(x, s.rows.Row(h.ID)); d > 0 && (gap == 0 || d < gap) {
				gap = d
			}
		}
		reach = max(reach, gap)
		a, b := pick(), pick()
		if d := distance(a, b); d > 0 {
			for i := range x {
				x[i] += float32(gap / d * float64(a[i]-b[i]))
			}
		}
		if x, err = s.space.prepare(x); err == nil { // else it has no direction
			out = append(out, x)
		}
	}
	return out, reach, nil
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
