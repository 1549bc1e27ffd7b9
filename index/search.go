package index

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// A Query asks for the documents whose vectors are nearest to Vector.
type Query struct {
	Space  string
	Vector []float32 // Space.Dim long; of any length if the space is Cosine
	Limit  int       // 0 means 10

	// MinRecall is the share of the true best documents that is to be expected among
	// the hits, 0 to 1. 0 means all of them where comparing everything costs about a
	// millisecond (some ten thousand vectors), else 0.99.
	MinRecall float64

	// Exact asks for the hits, order and scores of comparing all vectors in float32.
	Exact bool

	// Filter restricts the search to the documents that pass; nil means all.
	Filter *Filter

	// Keep, if not nil, restricts the search to ordinals it accepts. It is called
	// from several goroutines.
	Keep func(ordinal uint32) bool

	// Words asks for the documents whose texts have these words, by BM25; with a
	// vector too, the two rankings are fused. Words, "a phrase", pre*, fuzzy~: all are
	// wanted, but for the function words of a sentence. Empty means no such ranking.
	Words  string
	Typing bool // the last of Words may be the beginning of a word
	Fusion Fusion

	// Floor is the score under which a document is no real hit of the vector leg; 0
	// means that all are.
	Floor float32

	// Like and Unlike are ids of documents whose vectors are added to Vector, and
	// taken away; see the documentation for the weights. They are not found.
	Like, Unlike []string

	// Collapse, if not 0, folds hits into better ones that they are as near to: the
	// cosine of their vectors in Space is this or higher.
	Collapse float32

	// Diversity, 0 to 1, is how much hits should differ from those before them, at the
	// price of their scores.
	Diversity float64

	// GroupBy is a field, as filters have it, of which each value is found once: its
	// best document.
	GroupBy string

	// Highlight, if not 0, adds fragments of at most about so many bytes.
	Highlight int

	// Facets are fields whose values are counted among all documents that have the
	// words and pass the filter.
	Facets []string

	// AsOf asks for what there was after the write with this sequence, if that is
	// within the retention; 0 means now.
	AsOf uint64

	// AtLeast lets the search wait until it sees the write with this sequence, such as
	// Receipt.Seq.
	AtLeast uint64

	// Cursor continues behind the hits of an answer, its Found.Next, as of the same
	// write: pages have no hit twice and leave none out, whatever is written in
	// between. The query has to be the same but for Limit.
	Cursor string
}

// A Hit is a found document. Score is the cosine or inner product with the best
// of the document's vectors, computed in float32 from the stored values.
type Hit struct {
	ID       string
	Ordinal  uint32
	Score    float32 // of several legs: the fused one
	Metadata map[string]any

	Legs      []LegScore // what the legs say, of queries with words or more to do
	Folded    []string   // ids of near duplicates that the hit stands for
	Group     string     // its value in GroupBy, if it has one
	GroupSize int        // hits of the group that were looked at, this one included
	Fragments []Fragment // where the words stand
}

// Found is the answer to a Query.
type Found struct {
	Hits []Hit  // best first, equal scores by ordinal
	Seq  uint64 // the write up to which the search saw everything, and nothing after it
	Next string // a Cursor for what comes after the hits; "" if that is nothing

	Plan     Plan
	Visited  int     // vectors compared, most of them by their codes
	Rescored int     // of those, vectors compared in float32
	Expected float64 // share of the true best to be expected among the hits; 1 if exact

	Legs   []LegReport // of queries with words or more to do
	Facets []Facet     // of the query's Facets
}

// Plan is how a search was done.
type Plan string

const (
	PlanExact  Plan = "exact"          // all vectors, as if compared in float32
	PlanFlat   Plan = "flat"           // the codes of all vectors, by the likely errors of codes
	PlanGraph  Plan = "graph"          // a walk from vector to vector
	PlanFilter Plan = "filtered graph" // a walk among those of the documents that pass
)

// nearest finds the documents of a view that are nearest to the query's vector.
func (ix *Index) nearest(ctx context.Context, v *view, q Query) ([]scored, Found, error) {
	s, ok := v.space(q.Space)
	if !ok {
		return nil, Found{}, fmt.Errorf("index: no space %q", q.Space)
	}
	vector, err := s.prepare(q.Vector)
	if err != nil {
		return nil, Found{}, err
	}
	q.Limit = cmp.Or(q.Limit, 10)
	found, err := v.scan(ctx, v.columns[q.Space], vector, q)
	return found, Found{Plan: PlanExact, Expected: 1}, err
}

const (
	scanBlock  = 2048 // rows between two looks at the context
	scanWorker = 8192 // rows from which another core is worth waking
)

// scan compares all rows of c on as many cores as pay and merges what they found.
func (v *view) scan(ctx context.Context, c *column, vector []float32, q Query) ([]scored, error) {
	if c == nil || q.Limit < 0 {
		return nil, nil
	}
	defer runtime.KeepAlive(c)
	n, scan := c.n, v.scanRows
	if q.Filter != nil {
		passed := v.matching(q.Filter)
		n, scan = len(passed), passing(passed).scanRows
	}
	workers := min(runtime.GOMAXPROCS(0), n/scanWorker+1)
	tops := make([]top, workers)
	var wg sync.WaitGroup
	for w := range workers {
		tops[w].limit = q.Limit
		wg.Go(func() { scan(ctx, c, vector, q.Keep, n*w/workers, n*(w+1)/workers, &tops[w]) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return merge(tops, q.Limit), nil
}

// scanRows compares rows from up to to. A document's rows lie together, so that
// its best is known when the next document begins; a document that is split
// between two workers is found by both, and merge sees to that.
func (v *view) scanRows(ctx context.Context, c *column, vector []float32, keep func(uint32) bool, from, to int, t *top) {
	offer := func(s scored) {
		if t.wants(s) && v.visible(s.ord) && (keep == nil || keep(s.ord)) {
			t.add(s)
		}
	}
	var best scored
	for i := from; i < to; i++ {
		if i%scanBlock == 0 && ctx.Err() != nil {
			return
		}
		row, ord := c.row(i)
		score := dot(row, vector)
		switch {
		case i == from:
			best = scored{score, ord}
		case ord != best.ord:
			offer(best)
			best = scored{score, ord}
		default:
			best.score = max(best.score, score)
		}
	}
	if from < to {
		offer(best)
	}
}

// passing are the ordinals that passed a filter, ascending, all of them visible.
type passing []uint32

// scanRows compares the rows of the documents from up to to.
func (p passing) scanRows(ctx context.Context, c *column, vector []float32, keep func(uint32) bool, from, to int, t *top) {
	at := 0
	for i, ord := range p[from:to] {
		if i%scanBlock == 0 && ctx.Err() != nil {
			return
		}
		if at = c.seek(at, ord); at == c.n {
			return
		}
		row, has := c.row(at)
		if has != ord { // no vector in this space
			continue
		}
		best := scored{dot(row, vector), ord}
		for at++; at < c.n; at++ {
			row, has := c.row(at)
			if has != ord {
				break
			}
			best.score = max(best.score, dot(row, vector))
		}
		if t.wants(best) && (keep == nil || keep(ord)) {
			t.add(best)
		}
	}
}

type scored struct {
	score float32
	ord   uint32
}

// better orders by score, then by ordinal.
func better(a, b scored) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.ord, b.ord))
}

// top keeps the best documents: a heap with the worst of them at its root.
type top struct {
	limit int
	items []scored
}

func (t *top) Len() int           { return len(t.items) }
func (t *top) Less(i, j int) bool { return better(t.items[i], t.items[j]) > 0 }
func (t *top) Swap(i, j int)      { t.items[i], t.items[j] = t.items[j], t.items[i] }
func (t *top) Push(x any)         { t.items = append(t.items, x.(scored)) }
func (t *top) Pop() any {
	last := t.items[len(t.items)-1]
	t.items = t.items[:len(t.items)-1]
	return last
}

func (t *top) wants(s scored) bool {
	return len(t.items) < t.limit || t.limit > 0 && better(s, t.items[0]) < 0
}

// add takes a wanted document, in place of the worst if there is no room.
func (t *top) add(s scored) {
	if len(t.items) < t.limit {
		heap.Push(t, s)
		return
	}
	t.items[0] = s
	heap.Fix(t, 0)
}

// merge joins the workers' finds, one entry a document.
func merge(tops []top, limit int) []scored {
	var all []scored
	for _, t := range tops {
		all = append(all, t.items...)
	}
	slices.SortFunc(all, better)
	seen := map[uint32]bool{}
	all = slices.DeleteFunc(all, func(s scored) bool {
		again := seen[s.ord]
		seen[s.ord] = true
		return again
	})
	return all[:min(limit, len(all))]
}

// Sample returns up to n vectors of a space, spread evenly over its visible
// documents: a background to judge scores against. The same state gives the same
// sample.
func (ix *Index) Sample(space string, n int) ([][]float32, error) {
	leave, err := ix.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	v, err := ix.load()
	if err != nil {
		return nil, err
	}
	c := v.columns[space]
	if c == nil {
		return nil, fmt.Errorf("index: no space %q", space)
	}
	var rows []int
	for i := range c.n {
		if _, ord := c.row(i); v.visible(ord) {
			rows = append(rows, i)
		}
	}
	n = min(n, len(rows))
	out := make([][]float32, n)
	for i := range n {
		row, _ := c.row(rows[i*len(rows)/n])
		out[i] = slices.Clone(row)
	}
	runtime.KeepAlive(c)
	return out, nil
}
