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
	Dead      bool    // deleted rows are found like others
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
	Rows     int     // rows that the search saw, those below this id
}

// Search finds the best rows for q, best first, equal scores by id.
func (g *Graph) Search(q []float32, p Params) ([]Hit, Report, error) {
	if err := g.check(q, &p); err != nil {
		return nil, Report{}, err
	}
	found, r, rest := g.begin(q, p)
	if rest != nil {
		more := rest.search([][]float32{q})[0]
		r.Rescored += rest.seen
		found = merge(found, more, p.Limit)
	}
	return found, r, nil
}

// begin does what a search does under the lock: a walk, and the choice of the rows
// that remain to be scanned.
func (g *Graph) begin(q []float32, p Params) ([]Hit, Report, *scan) {
	g.lock.RLock()
	defer g.lock.RUnlock()
	allow, dead := p.Allow, g.dead
	var buried Bitmap
	if p.Dead && g.deadN > 0 {
		if allow == nil {
			allow = all(g.n)
		}
		buried, p.Allow, dead = intersect(allow, g.dead), without(allow, g.dead), nil
	}
	found, r := g.tryWalk(q, p)
	r.Rows = g.n
	if r.Plan == "" {
		return nil, r, g.flat(p, allow, dead, &r)
	}
	if buried.Len() == 0 {
		return found, r, nil
	}
	var also Report
	s := g.flat(p, buried, nil, &also)
	r.Visited += also.Visited
	return found, r, s
}

// tryWalk walks if that is cheaper than a scan and gives the recall; its report has
// no plan if not.
func (g *Graph) tryWalk(q []float32, p Params) ([]Hit, Report) {
	alive := g.n - g.deadN
	if p.Allow != nil {
		m := g.allowed(p.Allow)
		if m == alive {
			p.Allow = nil
		}
		alive = m
	}
	p.Limit = min(p.Limit, alive)
	effort, expected := g.effortFor(q, p, 1)
	cost := g.walkCost(effort)
	if p.Allow != nil {
		cost = probeCost + float64(effort)*nearCost
	}
	if p.Exact || effort == 0 || p.Limit == 0 || g.linked < g.n || cost >= float64(alive) {
		return nil, Report{}
	}
	if p.Allow != nil {
		return g.walkAllowed(q, p, alive)
	}
	return g.walk(q, p, effort, expected)
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
	for i, w := range b[:min(len(b), (g.n+63)/64)] {
		if left := g.n - 64*i; left < 64 {
			w &= 1<<left - 1
		}
		n += bits.OnesCount64(w &^ g.dead[i])
	}
	return n
}

// walkCost is what a walk costs in rows of a scan: a row that a walk visits is a
// miss, one of a scan is not.
func (g *Graph) walkCost(effort int) float64 { return float64(effort*g.Degree) * scanPerVisit }

const scanPerVisit = 1.5

// flat returns a scan of rows and fills in its report.
func (g *Graph) flat(p Params, allow, dead Bitmap, r *Report) *scan {
	s := g.newScan(p.Limit)
	s.gather(g.n, allow, dead)
	r.Plan, r.Expected, r.Visited = PlanFlat, 0.999, len(s.ids)
	if p.Exact || p.MinRecall >= r.Expected || len(s.ids) == 0 {
		r.Plan, r.Expected, s.margin = PlanExact, 1, 1
	}
	return s
}

func (g *Graph) walk(q []float32, p Params, effort int, expected float64) ([]Hit, Report) {
	w := g.walker()
	defer w.release()
	w.start(q, max(effort, p.Limit))
	w.run()
	top := w.finish(p)
	return top.list, Report{Plan: PlanGraph, Visited: w.scored, Rescored: len(w.scores), Effort: effort, Expected: expected}
}

// finish scores the walk's candidates exactly, best first, until none of the rest is
// likely to enter.
func (w *walker) finish(p Params) hits {
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
			w.addTwins(&top, Hit{id, w.scores[n+i]}, p.Allow)
		}
		batch = batch[:0]
	}
	for _, k := range w.pool.keys {
		id, ok := w.graph.passing(k.id(), p.Allow)
		if !ok {
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

// passes says whether a search may return a row.
func (g *Graph) passes(id uint32, allow Bitmap) bool {
	return int(id) < g.n && !g.dead.Has(id) && (allow == nil || allow.Has(id))
}

// passing is the first row that passes of those that a linked row stands for.
func (g *Graph) passing(id uint32, allow Bitmap) (uint32, bool) {
	for !g.passes(id, allow) {
		if id = g.twins.after(id); id == 0 {
			return 0, false
		}
	}
	return id, true
}

// addTwins adds a hit and the twins after it.
func (w *walker) addTwins(top *hits, h Hit, allow Bitmap) {
	for ok := true; ok && top.add(h); {
		if h.ID = w.graph.twins.after(h.ID); h.ID == 0 {
			return
		}
		h.ID, ok = w.graph.passing(h.ID, allow)
	}
}

// secondPass is by how many deviations of its error an estimate may fall short of
// the last hit before the second pass stops.
const secondPass = 2.5

// effortFor is what the curve of the query's kind says for a recall among a share of
// the rows: the limit-th of them is the limit/share-th of all. 0 means that only a
// scan will do.
func (g *Graph) effortFor(q []float32, p Params, share float64) (int, float64) {
	if p.Effort > 0 {
		return int(math.Ceil(float64(p.Effort) / share)), 0
	}
	return g.curves[g.codes.kind(q)].at(int(math.Ceil(float64(p.Limit)/share)), p.MinRecall)
}
