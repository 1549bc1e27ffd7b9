package vector

import (
	"cmp"
	"math"
	"slices"
)

// Add puts the rows with ids from Len to n into codes and graph. Rows go in by
// batches: those of a batch look for neighbours side by side in the graph before
// it, then the links are made. So the graph does not depend on the number of
// workers (ParlayANN, arXiv 2305.04359).
func (g *Graph) Add(n int) error {
	if err := g.Encode(n); err != nil {
		return err
	}
	for g.n < n {
		batch := min(max(g.n/32, 1), 8192, n-g.n)
		if err := g.addBatch(g.n + batch); err != nil {
			return err
		}
	}
	return nil
}

// Encode puts rows into the codes only, where exact searches find them.
func (g *Graph) Encode(n int) error {
	g.lock.Lock()
	defer g.lock.Unlock()
	if err := g.codes.Append(g.rows, n, g.Workers); err != nil {
		return err
	}
	return g.reserve(max(n, g.n))
}

func (g *Graph) addBatch(n int) error {
	g.lock.Lock()
	defer g.lock.Unlock()
	from := g.n
	if from == 0 {
		g.entries = []uint32{0}
	}
	news := make([][]arrow, max(g.Workers, 1))
	share(from, n, g.Workers, func(w, a, b int) {
		p := g.newPruner()
		defer p.release()
		for id := a; id < b; id++ {
			news[w] = p.connect(uint32(id), news[w])
		}
	})
	g.n = n
	arrows := slices.Concat(news...)
	slices.SortFunc(arrows, func(a, b arrow) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	g.link(arrows)
	g.seed()
	return nil
}

// arrow is a link to be made.
type arrow struct{ from, to uint32 }

// link makes the links, which are sorted. Rows that then have too many are pruned.
func (g *Graph) link(arrows []arrow) {
	share(0, len(arrows), g.Workers, func(_, a, b int) {
		for a > 0 && a < len(arrows) && arrows[a].from == arrows[a-1].from {
			a++
		}
		for b > 0 && b < len(arrows) && arrows[b].from == arrows[b-1].from {
			b++
		}
		p := g.newPruner()
		defer p.release()
		for a < b {
			end := a
			for end < b && arrows[end].from == arrows[a].from {
				end++
			}
			p.admit(arrows[a].from, arrows[a:end])
			a = end
		}
	})
}

// seed chooses where walks begin: live rows spread over the ids, about the root of
// their number, so that one of them is in or near each large cluster. They are few
// enough to stay in the cache.
func (g *Graph) seed() {
	count := entryCount(g.n)
	g.entries = nil
	for i := range count {
		at := i * g.n / count
		for at < g.n && g.dead.Has(uint32(at)) {
			at++
		}
		if n := len(g.entries); at < g.n && (n == 0 || g.entries[n-1] != uint32(at)) {
			g.entries = append(g.entries, uint32(at))
		}
	}
}

func entryCount(n int) int { return min(n, max(64, int(entryShare*math.Sqrt(float64(n))))) }

const entryShare = 1

// pruner chooses links.
type pruner struct {
	*walker
	other *query
	keys  []key
	cand  []uint32
	near  []float32 // half the squared distance of each candidate to the row
	kept  []uint32
}

func (g *Graph) newPruner() *pruner {
	return &pruner{walker: g.walker(), other: g.codes.newQuery()}
}

// connect finds the neighbours of a new row and appends the links back.
func (p *pruner) connect(id uint32, back []arrow) []arrow {
	g := p.graph
	if id == 0 {
		return back
	}
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
	old := g.of(id)
	p.cand = append(p.cand[:0], old...)
	for _, a := range arrows {
		if a.to != id && !slices.Contains(old, a.to) {
			p.cand = append(p.cand, a.to)
		}
	}
	if len(p.cand) < g.stride() {
		g.set(id, p.cand)
		return
	}
	p.choose(id)
	g.set(id, p.kept)
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
		if k.id() != id && !g.dead.Has(k.id()) {
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
