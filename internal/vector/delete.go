package vector

// Delete marks rows: no search returns them from now on. Walks still pass through
// them until Compact. Ids that were deleted or never given are ignored.
func (g *Graph) Delete(ids ...uint32) {
	g.lock.Lock()
	defer g.lock.Unlock()
	for _, id := range ids {
		if int(id) < g.codes.n && !g.dead.Has(id) {
			g.dead.Add(id)
			g.deadN++
			g.loose++
		}
	}
}

// Loose is how many deleted rows are still linked; when they are more than a fifth
// of all, Compact pays.
func (g *Graph) Loose() int {
	g.lock.RLock()
	defer g.lock.RUnlock()
	return g.loose
}

// Compact unlinks deleted rows. Rows that were linked to one look for new links
// among those of the deleted row (FreshDiskANN, arXiv 2105.09613).
func (g *Graph) Compact() {
	g.lock.Lock()
	defer g.lock.Unlock()
	const batch = 1 << 15
	for at := 0; at < g.n; at += batch {
		changed := make([][]relinked, max(g.Workers, 1))
		share(at, min(at+batch, g.n), g.Workers, func(w, from, to int) {
			p := g.newPruner()
			defer p.release()
			for id := uint32(from); id < uint32(to); id++ {
				if !g.dead.Has(id) && p.bypass(id) {
					changed[w] = append(changed[w], relinked{id, append([]uint32(nil), p.kept...)})
				}
			}
		})
		for _, list := range changed {
			for _, c := range list {
				g.set(c.id, c.links)
			}
		}
	}
	for id := range uint32(g.n) {
		if g.dead.Has(id) {
			g.set(id, nil)
		}
	}
	g.loose = 0
	g.seed()
}

type relinked struct {
	id    uint32
	links []uint32
}

// bypass chooses links for a row that has some to deleted ones and says whether it
// has.
func (p *pruner) bypass(id uint32) bool {
	g := p.graph
	p.cand = p.cand[:0]
	p.visited.Add(id)
	p.touched = append(p.touched, id)
	loose := false
	for _, to := range g.of(id) {
		if !g.dead.Has(to) {
			p.candidate(to)
			continue
		}
		loose = true
		for _, far := range g.of(to) {
			if !g.dead.Has(far) {
				p.candidate(far)
			}
		}
	}
	p.forget()
	if loose {
		p.choose(id)
	}
	return loose
}

func (p *pruner) candidate(id uint32) {
	if !p.visited.Has(id) {
		p.visited.Add(id)
		p.touched = append(p.touched, id)
		p.cand = append(p.cand, id)
	}
}
