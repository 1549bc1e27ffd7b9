package vector

import "math"

// A search under a filter walks briefly as one without would. What it meets says how
// frequent allowed rows are around the query, and so which way is cheapest from
// there: on as before, with as many more candidates as are wanted to hold the
// allowed ones; among allowed rows only; or a scan of them.

const (
	probeEffort = 16  // candidates of the walk that looks around
	dense       = 0.3 // share of allowed rows from which on a walk takes all rows
	scanPerRow  = 3.0 // a row that a walk compares, in rows of a scan
	nearCost    = 60  // a row that a walk among allowed rows expands, the same
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
	budget := float64(m)
	share := w.density()
	everywhere := float64(m) / float64(g.n-g.deadN)
	if share >= dense {
		return g.walkOn(w, p, share, budget)
	}
	effort, expected := g.effortFor(q, p, 1)
	breadth := max(p.Limit, int(math.Ceil(float64(effort)*math.Sqrt(1/max(share, everywhere)))))
	if effort == 0 || 2*share < everywhere || float64(breadth)*nearCost > budget || !w.runAllowed(breadth, int(budget/scanPerRow)) {
		return nil, Report{}
	}
	return g.found(w, p, PlanFilter, breadth, expected)
}

// density is the share of allowed rows among the best that a walk knows.
func (w *walker) density() float64 {
	n, best := 0, w.keys[:min(w.depth, len(w.keys))]
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
			return g.found(w, p, PlanFilter, effort, expected)
		}
		share = now
	}
}

// found ends a walk under a filter.
func (g *Graph) found(w *walker, p Params, plan Plan, effort int, expected float64) ([]Hit, Report) {
	top := w.finish(p)
	if len(top.list) < p.Limit {
		return nil, Report{}
	}
	return top.list, Report{Plan: plan, Visited: w.scored, Rescored: len(w.scores), Effort: effort, Expected: expected}
}

// runAllowed walks among the allowed rows only, from those that a walk has met:
// where a neighbour is not allowed, its neighbours stand in for it, until a row has
// as many as without a filter (after ACORN, arXiv 2403.04871). It gives up, with
// false, when it has compared more rows than budget.
func (w *walker) runAllowed(breadth, budget int) bool {
	w.restart(breadth)
	for w.scored < budget {
		id, ok := w.take()
		if !ok {
			return true
		}
		w.offer(w.near(id))
	}
	return false
}

// restart begins again with the allowed rows that the walk knows; no others count as
// seen.
func (w *walker) restart(breadth int) {
	w.forget()
	start := w.known[:0]
	for _, k := range w.keys {
		if w.leads(k.id()) {
			start = append(start, k&^1)
			w.visited.Add(k.id())
			w.touched = append(w.touched, k.id())
		}
	}
	w.pool.reset(breadth)
	for _, k := range start {
		w.pool.add(k)
	}
	w.known = start
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
	for _, to := range links {
		if w.leads(to) {
			ids = w.meet(ids, to)
		}
	}
	for _, to := range links {
		if len(ids) >= g.Degree {
			break
		}
		if w.visited.Has(to) || w.leads(to) {
			continue
		}
		w.visited.Add(to)
		w.touched = append(w.touched, to)
		for _, far := range g.of(to) {
			if w.leads(far) {
				ids = w.meet(ids, far)
			}
		}
	}
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
