package vector

// Delete marks rows: no search returns them from now on, unless it asks for Dead
// ones. Walks still pass through them until Compact. A row may be deleted while it is
// being added; ids beyond those are ignored, as are deleted ones.
func (g *Graph) Delete(ids ...uint32) {
	g.lock.Lock()
	defer g.lock.Unlock()
	for _, id := range ids {
		if int(id) >= g.given || g.dead.Has(id) {
			continue
		}
		g.dead.Add(id)
		if int(id) >= g.n {
			continue
		}
		g.deadN++
		if g.twins.bury(id) && int(id) < g.linked {
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

// Compact unlinks deleted rows that have no live twin. Rows that were linked to one
// look for new links among those of the deleted row (FreshDiskANN, arXiv 2105.09613).
func (g *Graph) Compact() {
	g.change.Lock()
	defer g.change.Unlock()
	gone := g.whatIsGone()
	const batch = 1 << 15
	for at := 0; at < g.linked; at += batch {
		g.apply(min(batch, g.linked-at), func(p *pruner, from, to int) {
			for id := uint32(at + from); id < uint32(at+to); id++ {
				if !gone.Has(id) && p.bypass(id, gone) {
					p.patch.set(id, p.kept)
				}
			}
		})
	}
	g.unlink(gone)
	g.seed(true)
}

// whatIsGone lists the linked rows that are gone.
func (g *Graph) whatIsGone() Bitmap {
	g.lock.RLock()
	defer g.lock.RUnlock()
	out := NewBitmap(g.linked)
	for id := range uint32(g.linked) {
		if g.gone(id) && len(g.of(id)) > 0 {
			out.Add(id)
		}
	}
	return out
}

// unlink takes the links away from rows.
func (g *Graph) unlink(gone Bitmap) {
	var p patch
	for id := range uint32(g.linked) {
		if gone.Has(id) {
			p.set(id, nil)
		}
	}
	p.apply(g)
	g.lock.Lock()
	defer g.lock.Unlock()
	g.countLoose()
}

// bypass chooses links for a row that has some to rows that are gone and says
// whether it has.
func (p *pruner) bypass(id uint32, gone Bitmap) bool {
	g := p.graph
	g.lock.RLock()
	defer g.lock.RUnlock()
	p.cand = p.cand[:0]
	p.visited.Add(id)
	p.touched = append(p.touched, id)
	loose := false
	for _, to := range g.of(id) {
		if !gone.Has(to) {
			p.candidate(to)
			continue
		}
		loose = true
		for _, far := range g.of(to) {
			if !gone.Has(far) {
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
