package vector

// probe takes a plain walk to the query's neighbourhood and returns the allowed rows
// that it met; few says that they are under half as frequent there as they are
// everywhere, that is, that the filter and the query exclude each other.
func (w *walker) probe(q []float32, effort int, allow Bitmap, alive int) (met []uint32, few bool) {
	w.start(q, effort)
	w.run()
	for _, id := range w.touched {
		if _, ok := w.graph.passing(id, allow); ok {
			met = append(met, id)
		}
	}
	few = len(met)*2*w.graph.n < len(w.touched)*alive
	w.forget()
	return met, few
}

// runAllowed walks among the allowed rows only, from those given: where a neighbour
// is not allowed, its neighbours stand in for it, until a row has as many as without
// a filter (after ACORN, arXiv 2403.04871). It gives up, with false, when it has
// scored more rows than budget.
func (w *walker) runAllowed(from []uint32, breadth int, allow Bitmap, budget int) bool {
	w.pool.reset(breadth)
	for len(from) > 0 {
		n := min(len(from), block)
		ids := w.ids[:0]
		for _, id := range from[:n] {
			ids = w.meet(ids, id)
		}
		w.offer(ids)
		from = from[n:]
	}
	for w.scored < budget {
		id, ok := w.take()
		if !ok {
			return true
		}
		w.offer(w.near(id, allow))
	}
	return false
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
func (w *walker) near(id uint32, allow Bitmap) []uint32 {
	g, ids := w.graph, w.ids[:0]
	links := g.of(id)
	for _, to := range links {
		if w.leads(to, allow) {
			ids = w.meet(ids, to)
		}
	}
	for _, to := range links {
		if len(ids) >= g.Degree {
			break
		}
		if w.visited.Has(to) || w.leads(to, allow) {
			continue
		}
		w.visited.Add(to)
		w.touched = append(w.touched, to)
		for _, far := range g.of(to) {
			if w.leads(far, allow) {
				ids = w.meet(ids, far)
			}
		}
	}
	return ids
}

// leads says whether a linked row or a twin of it is allowed.
func (w *walker) leads(id uint32, allow Bitmap) bool {
	if allow.Has(id) {
		return true
	}
	for id = w.graph.twins.after(id); id != 0; id = w.graph.twins.after(id) {
		if allow.Has(id) {
			return true
		}
	}
	return false
}
