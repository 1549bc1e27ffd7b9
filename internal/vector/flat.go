package vector

import (
	"math"
	"math/bits"
	"runtime"
	"slices"

	"github.com/emblem-search/emblem/internal/simd"
)

// scan compares queries with every row of a set, on the codes first. The best by
// estimate get exact scores; the worst of those is the bar, and a row whose estimate
// plus its margin stays below it is out. The others get exact scores. With the whole
// bound as margin the result equals that of comparing all rows exactly.
type scan struct {
	codes  *Codes
	rows   Rows
	limit  int
	margin float64 // share of the bound that is honoured, 0 to 1
	exact  scorer
	ids    []uint32
	seen   int // exact scores computed
}

// likely is the margin that a row exceeds about once in ten thousand: errors of a
// rotated code are nearly normal with deviation bound/√dim.
func (c *Codes) likely() float64 { return min(1, 3.7/math.Sqrt(float64(c.Dim))) }

// newScan returns a scan over the codes as they are now: gather still needs the
// lock, search does not.
func (g *Graph) newScan(limit int) *scan {
	codes := *g.codes
	return &scan{codes: &codes, rows: g.rows, limit: limit, margin: codes.likely(), exact: scorer{kernels: codes.kernels, metric: codes.Metric}}
}

// race is one query's state in a scan.
type race struct {
	*query
	estimates []float32 // of the rows gathered so far, in their order
	best      pool      // the best of them
}

// search returns the best rows for each query, among those gathered.
func (s *scan) search(queries [][]float32) [][]Hit {
	races := make([]*race, len(queries))
	for i, v := range queries {
		races[i] = &race{query: s.codes.newQuery(), best: pool{limit: s.limit}}
		s.codes.ready(races[i].query, v, s.codes.kind(v))
	}
	n := len(s.ids)
	s.ids = append(s.ids, make([]uint32, simd.FetchAhead)...)[:n]
	for at := 0; at < n; at += block {
		for _, r := range races {
			s.compare(r, s.ids[at:min(at+block, n)])
		}
	}
	out := make([][]Hit, len(queries))
	for i, r := range races {
		out[i] = s.finish(r)
	}
	runtime.KeepAlive(s.codes) // whose memory would go with them
	return out
}

// gather lists the rows to compare: those below n in allow and not in dead; nil
// allow means all.
func (s *scan) gather(n int, allow, dead Bitmap) {
	s.ids = make([]uint32, 0, n+simd.FetchAhead)
	for at := 0; at < n; at += 64 {
		word := ^uint64(0)
		if left := n - at; left < 64 {
			word = 1<<left - 1
		}
		w := at / 64
		if allow != nil {
			if w >= len(allow) {
				return
			}
			word &= allow[w]
		}
		if w < len(dead) {
			word &^= dead[w]
		}
		if word == ^uint64(0) {
			for i := range uint32(64) {
				s.ids = append(s.ids, uint32(at)+i)
			}
			continue
		}
		for ; word != 0; word &= word - 1 {
			s.ids = append(s.ids, uint32(at+bits.TrailingZeros64(word)))
		}
	}
}

// compare estimates a block of rows and notes the best.
func (s *scan) compare(r *race, ids []uint32) {
	at := len(r.estimates)
	if r.estimates == nil {
		r.estimates = make([]float32, 0, len(s.ids))
	}
	r.estimates = r.estimates[:at+len(ids)]
	found := r.estimates[at:]
	s.codes.estimate(r.query, ids, found)
	bar := float32(math.Inf(-1))
	for i, e := range found {
		if e < bar {
			continue
		}
		r.best.add(newKey(e, ids[i]))
		if len(r.best.keys) == s.limit {
			bar = r.best.keys[s.limit-1].estimate()
		}
	}
}

// finish scores exactly what may be among the best.
func (s *scan) finish(r *race) []Hit {
	top := hits{limit: s.limit}
	scale, offset := s.codes.level(r.query)
	var batch []uint32
	for _, k := range r.best.keys {
		batch = append(batch, k.id())
	}
	scores := s.score(r, batch, nil, &top)
	known := slices.Clone(batch)
	slices.Sort(known)
	factor, slack := float32(r.length*s.margin), s.codes.slack(r.query)
	batch = batch[:0]
	for i, e := range r.estimates {
		id := s.ids[i]
		if e+factor*s.codes.sides[id].err+slack < scale*top.last()+offset {
			continue
		}
		if _, ok := slices.BinarySearch(known, id); ok {
			continue
		}
		if batch = append(batch, id); len(batch) == listRows {
			scores = s.score(r, batch, scores[:0], &top)
			batch = batch[:0]
		}
	}
	s.score(r, batch, scores[:0], &top)
	return top.list
}

func (s *scan) score(r *race, ids []uint32, scores []float32, top *hits) []float32 {
	scores = s.exact.scores(r.vector, s.rows, ids, scores)
	for i, id := range ids {
		top.add(Hit{id, scores[i]})
	}
	s.seen += len(ids)
	return scores
}
