package vector

import (
	"cmp"
	"slices"
)

// Add puts the rows with ids from Len to n into codes and graph. Rows go in by
// batches: those of a batch look for neighbours side by side in the graph before
// it, then the links are made. So the graph does not depend on the number of
// workers (ParlayANN, arXiv 2305.04359). Searches see the rows of a batch from its
// end on; Len says how far it is.
func (g *Graph) Add(n int) error {
	g.change.Lock()
	defer g.change.Unlock()
	if n <= g.linked {
		return nil
	}
	if err := g.reserve(n); err != nil {
		return err
	}
	for g.linked < n {
		batch := min(max(g.linked/32, 1), 8192, n-g.linked)
		if len(g.entrance.rows) == 0 {
			batch = 1
		}
		g.addBatch(g.linked + batch)
	}
	return nil
}

// Encode puts rows into the codes only, where scans find them.
func (g *Graph) Encode(n int) error {
	g.change.Lock()
	defer g.change.Unlock()
	if n <= g.n {
		return nil
	}
	if err := g.reserve(n); err != nil {
		return err
	}
	g.encode(n)
	g.lock.Lock()
	defer g.lock.Unlock()
	g.show(n)
	return nil
}

// encode brings the codes up to n rows.
func (g *Graph) encode(n int) {
	if n <= g.codes.n {
		return
	}
	e := g.codes.encode(g.rows, n, g.Workers)
	g.lock.Lock()
	defer g.lock.Unlock()
	g.codes.accept(e)
}

// show lets searches see n rows.
func (g *Graph) show(n int) {
	for id := g.n; id < n; id++ {
		if g.dead.Has(uint32(id)) {
			g.deadN++
		}
	}
	g.n = max(g.n, n)
}

func (g *Graph) addBatch(n int) {
	from := g.linked
	g.encode(n)
	pairs := g.pairs(from, n)
	twin := NewBitmap(n - from)
	for _, p := range pairs {
		twin.Add(p.id - uint32(from))
	}
	news := make([][]arrow, max(g.Workers, 1))
	share(from, n, g.Workers, func(w, a, b int) {
		p := g.newPruner()
		defer p.release()
		for id := a; id < b; id++ {
			if !twin.Has(uint32(id - from)) {
				news[w] = p.connect(uint32(id), news[w])
			}
		}
	})
	arrows := slices.Concat(news...)
	slices.SortFunc(arrows, func(a, b arrow) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	g.link(arrows)
	g.publish(n, pairs)
	g.seed(false)
}

// publish makes a batch that is linked part of the graph.
func (g *Graph) publish(n int, pairs []pair) {
	g.lock.Lock()
	defer g.lock.Unlock()
	if len(pairs) > 0 || g.twins.first != nil {
		g.twins.extend(n)
	}
	for _, p := range pairs {
		was := g.gone(p.first)
		g.twins.chain(p, g.dead)
		if was && int(p.first) < g.linked && !g.gone(p.first) {
			g.loose--
		}
	}
	for id := uint32(g.linked); id < uint32(n); id++ {
		if g.gone(id) && !g.twins.follows(id) {
			g.loose++
		}
	}
	g.linked = n
	g.show(n)
}

// arrow is a link to be made.
type arrow struct{ from, to uint32 }

// link makes the links, which are sorted, a piece at a time. Rows that then have too
// many are pruned.
func (g *Graph) link(arrows []arrow) {
	const piece = 1 << 14
	for len(arrows) > 0 {
		n := sameEnd(arrows, min(piece, len(arrows)))
		g.apply(n, func(w *pruner, from, to int) {
			from, to = sameEnd(arrows[:n], from), sameEnd(arrows[:n], to)
			for from < to {
				end := sameEnd(arrows[:to], from+1)
				w.admit(arrows[from].from, arrows[from:end])
				from = end
			}
		})
		arrows = arrows[n:]
	}
}

// sameEnd moves at forward to where links of another row begin.
func sameEnd(arrows []arrow, at int) int {
	for at > 0 && at < len(arrows) && arrows[at].from == arrows[at-1].from {
		at++
	}
	return at
}

// apply lets pruners work through 0..n beside the searches, then puts their patches
// in place.
func (g *Graph) apply(n int, work func(p *pruner, from, to int)) {
	if len(g.patches) == 0 {
		g.patches = make([]patch, max(g.Workers, 1))
	}
	for w := range g.patches {
		g.patches[w] = g.patches[w][:0]
	}
	share(0, n, g.Workers, func(w, from, to int) {
		p := g.newPruner()
		defer p.release()
		p.patch = g.patches[w]
		work(p, from, to)
		g.patches[w] = p.patch
	})
	for _, p := range g.patches {
		p.apply(g)
	}
}

// A patch is new lists of links: for each, the row, the number, the links.
type patch []uint32

func (p *patch) set(id uint32, links []uint32) {
	*p = append(append(*p, id, uint32(len(links))), links...)
}

// apply puts the lists in place, some hundred at a time.
func (p patch) apply(g *Graph) {
	for len(p) > 0 {
		g.lock.Lock()
		for i := 0; i < 512 && len(p) > 0; i++ {
			end := 2 + p[1]
			g.set(p[0], p[2:end])
			p = p[end:]
		}
		g.lock.Unlock()
	}
}

// pruner chooses links.
type pruner struct {
	*walker
	other *query
	keys  []key
	cand  []uint32
	near  []float32 // half the squared distance of each candidate to the row
	kept  []uint32
	patch patch
}

func (g *Graph) newPruner() *pruner {
	return &pruner{walker: g.walker(), other: g.codes.newQuery()}
}

// connect finds the neighbours of a new row and appends the links back.
func (p *pruner) connect(id uint32, back []arrow) []arrow {
	g := p.graph
	g.lock.RLock()
	defer g.lock.RUnlock()
	p.among(id, g.Breadth)
	p.run()
	p.gatherKeys()
	p.forget()
	p.prune(id)
	g.set(id, p.kept)
	for _, to := range p.kept {
		back = append(back, arrow{to, id})
	}
	return back
}

// gatherKeys takes what the walk found and what it passed on its way there. The
// latter gives the links that lead from one cluster to others: where clusters are
// larger than the breadth, all that is found lies in one.
func (p *pruner) gatherKeys() {
	p.keys = append(p.keys[:0], p.pool.keys...)
	for i := range p.keys {
		p.keys[i] |= 1
	}
	p.keys = append(p.keys, p.trail...)
	slices.Sort(p.keys)
	p.keys = slices.Compact(p.keys)
}

// admit adds links to a row's own.
func (p *pruner) admit(id uint32, arrows []arrow) {
	g := p.graph
	g.lock.RLock()
	defer g.lock.RUnlock()
	old := g.of(id)
	p.cand = append(p.cand[:0], old...)
	for _, a := range arrows {
		if a.to != id && !slices.Contains(old, a.to) {
			p.cand = append(p.cand, a.to)
		}
	}
	if len(p.cand) < g.stride() {
		p.patch.set(id, p.cand)
		return
	}
	p.choose(id)
	p.patch.set(id, p.kept)
}

// choose prunes the candidates for a row.
func (p *pruner) choose(id uint32) {
	g := p.graph
	g.codes.like(p.other, id)
	p.keys = p.keys[:0]
	for rest := p.cand; len(rest) > 0; {
		n := min(len(rest), block)
		p.ids = append(p.ids[:0], rest[:n]...)
		g.codes.estimate(p.other, p.ids, p.found[:n])
		for i, to := range p.ids {
			p.keys = append(p.keys, newKey(p.found[i], to))
		}
		rest = rest[n:]
	}
	slices.Sort(p.keys)
	p.prune(id)
}

// prune keeps those of the sorted keys that no kept one is nearer to by alpha
// (Vamana's rule, DiskANN), up to the degree.
func (p *pruner) prune(id uint32) {
	g := p.graph
	p.kept = p.kept[:0]
	top := g.codes.ceiling(id)
	p.keys = p.keys[:min(len(p.keys), block)]
	ids, near := p.ids[:0], p.near[:0]
	for _, k := range p.keys {
		if k.id() != id && !g.gone(k.id()) {
			ids, near = append(ids, k.id()), append(near, top-k.estimate())
		}
	}
	p.near = near
	for len(ids) > 0 && len(p.kept) < g.Degree {
		first := ids[0]
		p.kept = append(p.kept, first)
		ids, near = ids[1:], near[1:]
		if len(ids) == 0 {
			break
		}
		g.codes.like(p.other, first)
		found := p.found[:len(ids)]
		g.codes.estimate(p.other, ids, found)
		top := g.codes.ceiling(first)
		kept := 0
		for i, to := range ids {
			if g.Alpha*(top-found[i]) > near[i] {
				ids[kept], near[kept] = to, near[i]
				kept++
			}
		}
		ids, near = ids[:kept], near[:kept]
	}
}
