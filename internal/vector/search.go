package vector

import (
	"fmt"
	"math"
	"math/bits"
)

// Params say what a search wants. The zero value asks for ten rows with a recall of
// 0.95.
type Params struct {
	Limit     int     // hits; 0 means 10
	MinRecall float64 // share of the true best to be expected among the hits; 0 means 0.95
	Exact     bool    // hits and order as if all rows were compared in float32
	Allow     Bitmap  // rows to be found; nil means all
	Effort    int     // candidates to keep, instead of what the curve says for MinRecall; for measuring
}

// Plan is how a search was done.
type Plan string

const (
	PlanExact Plan = "exact" // all allowed rows, by the bounds of their codes
	PlanFlat  Plan = "flat"  // all allowed rows, by the likely errors of their codes
	PlanGraph Plan = "graph" // a walk

	PlanFilter Plan = "filtered graph" // a walk among the allowed rows
)

// A Report says what a search did.
type Report struct {
	Plan     Plan
	Visited  int     // codes compared
	Rescored int     // rows compared exactly
	Effort   int     // candidates kept by a walk
	Expected float64 // recall to be expected: 1 if exact, 0 if nothing is known
}

// Search finds the best rows for q, best first, equal scores by id.
func (g *Graph) Search(q []float32, p Params) ([]Hit, Report, error) {
	if err := g.check(q, &p); err != nil {
		return nil, Report{}, err
	}
	g.lock.RLock()
	defer g.lock.RUnlock()
	alive := g.codes.n - g.deadN
	if p.Allow != nil {
		alive = g.allowed(p.Allow)
	}
	p.Limit = min(p.Limit, alive)
	if p.Limit == 0 {
		return nil, Report{Plan: PlanExact, Expected: 1}, nil
	}
	effort, expected := g.effort(q, p)
	cost := g.walkCost(effort)
	if p.Allow != nil && effort > 0 {
		effort = g.allowedEffort(effort, alive)
		cost = g.walkCost(effort) * costAllowed
	}
	switch {
	case p.Exact || effort == 0 || cost >= float64(alive):
		return g.flat(q, p, alive)
	case p.Allow != nil:
		return g.walkAllowed(q, p, alive, effort, expected)
	}
	return g.walk(q, p, effort, expected)
}

// allowedEffort is what a walk among the allowed rows needs for the recall that
// effort gives among all: it has fewer ways to a row.
func (g *Graph) allowedEffort(effort, alive int) int {
	return int(math.Ceil(float64(effort) * math.Sqrt(float64(g.n)/float64(alive))))
}

func (g *Graph) check(q []float32, p *Params) error {
	if p.Limit == 0 {
		p.Limit = 10
	}
	if p.MinRecall == 0 {
		p.MinRecall = 0.95
	}
	switch {
	case len(q) != g.codes.Dim:
		return fmt.Errorf("vector: a query of %d dimensions, want %d", len(q), g.codes.Dim)
	case p.Limit < 0 || p.MinRecall < 0 || p.MinRecall > 1:
		return fmt.Errorf("vector: limit %d, recall %g; give a limit from 1 and a recall of 0 to 1", p.Limit, p.MinRecall)
	}
	if s := inner(q, q); math.IsNaN(s) || math.IsInf(s, 0) {
		return fmt.Errorf("vector: the query holds NaN or infinity")
	}
	return nil
}

// allowed counts the live rows of a set.
func (g *Graph) allowed(b Bitmap) int {
	n := 0
	for i, w := range b[:min(len(b), (g.codes.n+63)/64)] {
		if left := g.codes.n - 64*i; left < 64 {
			w &= 1<<left - 1
		}
		n += bits.OnesCount64(w &^ g.dead[i])
	}
	return n
}

// walkCost is what a walk costs in rows of a scan: a row that a walk visits is a
// miss, one of a scan is not.
func (g *Graph) walkCost(effort int) float64 { return float64(effort*g.Degree) * scanPerVisit }

const (
	scanPerVisit = 1.5
	costAllowed  = 5 // of a walk among the allowed rows, in plain ones of the same effort
)

func (g *Graph) flat(q []float32, p Params, alive int) ([]Hit, Report, error) {
	s := newScan(g.codes, g.rows)
	r := Report{Plan: PlanFlat, Visited: alive, Expected: 0.999}
	s.limit, s.margin = p.Limit, g.codes.likely()
	if p.Exact || p.MinRecall >= r.Expected {
		r.Plan, r.Expected, s.margin = PlanExact, 1, 1
	}
	out := s.search([][]float32{q}, p.Allow, g.dead)
	r.Rescored = s.seen
	return out[0], r, nil
}

func (g *Graph) walk(q []float32, p Params, effort int, expected float64) ([]Hit, Report, error) {
	w := g.walker()
	defer w.release()
	w.start(q, max(effort, p.Limit))
	w.run()
	top := w.finish(p, g.dead)
	return top.list, Report{PlanGraph, w.scored, len(w.scores), effort, expected}, nil
}

// walkAllowed walks among the allowed rows. Where the filter and the query exclude
// each other the best allowed rows are no neighbourhood, and it scans instead.
func (g *Graph) walkAllowed(q []float32, p Params, alive, effort int, expected float64) ([]Hit, Report, error) {
	w := g.walker()
	defer w.release()
	effort = max(effort, p.Limit)
	from, few := w.probe(q, effort, p.Allow, alive)
	if few || len(from) == 0 || !w.runAllowed(from, effort, p.Allow, int(float64(alive)/scanPerVisit)) {
		return g.flat(q, p, alive)
	}
	top := w.finish(p, g.dead)
	if len(top.list) < p.Limit {
		return g.flat(q, p, alive)
	}
	return top.list, Report{PlanFilter, w.scored, len(w.scores), effort, expected}, nil
}

// finish scores the walk's candidates exactly, best first, until none of the rest is
// likely to enter.
func (w *walker) finish(p Params, dead Bitmap) hits {
	c := w.graph.codes
	top := hits{limit: p.Limit}
	scale, offset := c.level(w.query)
	factor := float32(w.query.length * secondPass / math.Sqrt(float64(c.Dim)))
	w.scores = w.scores[:0]
	batch := w.ids[:0]
	flush := func() {
		n := len(w.scores)
		w.scores = w.exact.scores(w.query.vector, w.graph.rows, batch, w.scores)
		for i, id := range batch {
			top.add(Hit{id, w.scores[n+i]})
		}
		batch = batch[:0]
	}
	for _, k := range w.pool.keys {
		id := k.id()
		if dead.Has(id) || p.Allow != nil && !p.Allow.Has(id) {
			continue
		}
		if top.full() && k.estimate()+factor*c.sides[id].err < scale*top.last()+offset {
			break
		}
		batch = append(batch, id)
		if len(batch) >= 8 && len(w.scores)+len(batch) >= p.Limit {
			flush()
		}
	}
	flush()
	return top
}

// secondPass is by how many deviations of its error an estimate may fall short of
// the last hit before the second pass stops.
const secondPass = 2.5

// effort is what the curve of the query's kind says for a recall; 0 means that only
// a scan will do.
func (g *Graph) effort(q []float32, p Params) (int, float64) {
	if p.Effort > 0 {
		return p.Effort, 0
	}
	return g.curves[g.codes.kind(q)].at(p.Limit, p.MinRecall)
}
