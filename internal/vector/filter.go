package vector

import "math"

// A search under a filter walks briefly as one without would. What it meets says how
// frequent allowed rows are around the query, and so which way is cheapest from
// there: on as before, with as many more candidates as are wanted to hold the
// allowed ones; among allowed rows only; or a scan of them.

const (
	probeCost   = 2000 // of that walk, in rows of a scan
	probeEffort = 16   // candidates of the walk that looks around
	dense       = 0.3  // share of allowed rows from which on a walk takes all rows
	scanPerRow  = 3.0  // a row that a walk compares, in rows of a scan
	nearCost    = 100  // a row that a walk among allowed rows expands, the same
	sparse      = 0.4  // power of the odds against allowed rows by which such a walk keeps more candidates
)

// walkAllowed walks for allowed rows, of which there are m. Its report has no plan if
// a scan is better.
func (g *Graph) walkAllowed(q []float32, p Params, m int) ([]Hit, Report) {
	w := g.walker()
	defer w.release()
	w.allow = p.Allow
	defer func() { w.allow = nil }()
	widest, _ := g.effortFor(q, p, dense)
	w.start(q, max(widest, probeEffort, p.Limit))
	w.depth = max(probeEffort, p.Limit)
	w.run()
	share, everywhere := w.density(), float64(m)/float64(g.n-g.deadN)
	if share >= dense {
		return g.walkOn(w, p, share, float64(m))
	}
	effort, expected := g.effortFor(q, p, 1)
	odds := 1 / max(share, 1/float64(len(w.keys)+1))
	breadth := max(p.Limit, int(math.Ceil(float64(effort)*math.Pow(odds, sparse))))
	cost := probeCost + float64(breadth)*nearCost
	alone := share < everywhere/4
	if alone {
		breadth += breadth / 2
		cost = probeCost + 2*float64(breadth)*nearCost
	}
	switch {
	case effort == 0 || cost > float64(m):
		return nil, Report{}
	case alone:
		return g.walkTwice(w, p, breadth, expected)
	}
	return g.walkFrom(w, w.best(), p, breadth, expected)
}

// walkFrom walks among the allowed rows from some of them.
func (g *Graph) walkFrom(w *walker, start []key, p Params, breadth int, expected float64) ([]Hit, Report) {
	w.restart(start)
	w.runAllowed(breadth)
	return g.found(w, p, breadth, expected)
}

// walkTwice is for a filter that excludes the query's neighbourhood. What is best
// among the allowed rows need not be a neighbourhood then, and a walk may end
// anywhere: two that begin at different rows must come to the same.
func (g *Graph) walkTwice(w *walker, p Params, breadth int, expected float64) ([]Hit, Report) {
	first, r := g.walkFrom(w, w.enterAllowed(0), p, breadth, expected)
	if r.Plan == "" {
		return nil, r
	}
	second, s := g.walkFrom(w, w.enterAllowed(1), p, breadth, expected)
	if s.Plan == "" || overlap(first, second) < len(first) {
		return nil, Report{}
	}
	s.Visited, s.Rescored = s.Visited+r.Visited, s.Rescored+r.Rescored
	return second, s
}

// enterAllowed compares allowed rows of every other group of the entrance.
func (w *walker) enterAllowed(side int) []key {
	w.restart(nil)
	w.limit = block
	ids := w.ids[:0]
	for i := side; i < len(w.graph.entrance.groups); i += 2 {
		n := len(ids)
		for _, id := range w.graph.entrance.groups[i] {
			if len(ids) < min(n+4, block) && w.leads(id) {
				ids = w.meet(ids, id)
			}
		}
		if len(ids) == block {
			w.offer(ids)
			ids = ids[:0]
		}
	}
	w.offer(ids)
	return w.best()
}

// density is the share of allowed rows among the best that a walk knows.
func (w *walker) density() float64 {
	n, best := 0, w.keys
	for _, k := range best {
		if _, ok := w.graph.passing(k.id(), w.allow); ok {
			n++
		}
	}
	return float64(n) / float64(max(len(best), 1))
}

// walkOn goes on with a walk among all rows until the allowed ones it knows are as
// many as the curve wants.
func (g *Graph) walkOn(w *walker, p Params, share, budget float64) ([]Hit, Report) {
	for {
		effort, expected := g.effortFor(w.query.vector, p, share)
		effort = max(effort, p.Limit)
		if expected == 0 && p.Effort == 0 || float64(effort*g.Degree/2)*scanPerRow > budget {
			return nil, Report{}
		}
		w.limit, w.depth = max(w.limit, effort), effort
		w.run()
		now := w.density()
		if now >= 0.8*share {
			return g.found(w, p, effort, expected)
		}
		share = now
	}
}

// found ends a walk under a filter.
func (g *Graph) found(w *walker, p Params, effort int, expected float64) ([]Hit, Report) {
	top := w.finish(p)
	if len(top.list) < p.Limit {
		return nil, Report{}
	}
	return top.list, Report{Plan: PlanFilter, Visited: w.scored, Rescored: len(w.scores), Effort: effort, Expected: expected}
}

// best returns the allowed rows that the walk knows.
func (w *walker) best() []key {
	var out []key
	for _, k := range w.keys {
		if w.leads(k.id()) {
			out = append(out, k&^1)
		}
	}
	return out
}

// restart makes start all that the walk knows.
func (w *walker) restart(start []key) {
	w.forget()
	w.pool.reset(w.limit)
	for _, k := range start {
		w.visited.Add(k.id())
		w.touched = append(w.touched, k.id())
		w.pool.add(k)
	}
}

// runAllowed walks among the allowed rows only: where a neighbour is not allowed, its
// neighbours stand in for it, until a row has as many as without a filter (after
// ACORN, arXiv 2403.04871).
func (w *walker) runAllowed(breadth int) {
	w.limit, w.depth = breadth, breadth
	w.keys = w.keys[:min(len(w.keys), breadth)]
	for {
		id, ok := w.take()
		if !ok {
			return
		}
		w.offer(w.near(id))
	}
}

// meet adds a row that was not seen before to ids.
func (w *walker) meet(ids []uint32, id uint32) []uint32 {
	word, bit := &w.visited[id>>6], uint64(1)<<(id&63)
	if *word&bit != 0 {
		return ids
	}
	*word |= bit
	w.touched = append(w.touched, id)
	return append(ids, id)
}

// near returns the allowed rows around a row, new ones only.
func (w *walker) near(id uint32) []uint32 {
	g, ids := w.graph, w.ids[:0]
	links := g.of(id)
	over := w.over[:0]
	for _, to := range links {
		if w.visited.Has(to) {
			continue
		}
		if w.leads(to) {
			ids = w.meet(ids, to)
		} else {
			over = append(over, to)
		}
	}
	for _, to := range over {
		if len(ids) >= g.Degree {
			break
		}
		w.visited.Add(to)
		w.touched = append(w.touched, to)
		for _, far := range g.of(to) {
			if w.allow.Has(far) || g.twins.next != nil && w.leads(far) {
				ids = w.meet(ids, far)
			}
		}
	}
	w.over = over
	return ids
}

// leads says whether a linked row or a twin of it is allowed.
func (w *walker) leads(id uint32) bool {
	if w.allow.Has(id) {
		return true
	}
	if w.graph.twins.next == nil {
		return false
	}
	for id = w.graph.twins.after(id); id != 0; id = w.graph.twins.after(id) {
		if w.allow.Has(id) {
			return true
		}
	}
	return false
}
