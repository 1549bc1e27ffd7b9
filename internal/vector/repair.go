package vector

import (
	"cmp"
	"slices"
)

// Repair links the rows that queries find to each other: what a query that lies
// elsewhere finds is often far apart by the rows' own distances, so that a walk that
// has come to some of it does not come to the rest. For each query the graph among
// its best rows is made connected by the shortest links that are missing (after
// NGFix, arXiv 2510.22316), as far as their rows have room for Extra links.
func (g *Graph) Repair(queries [][]float32) {
	g.change.Lock()
	defer g.change.Unlock()
	g.repair(queries)
}

func (g *Graph) repair(queries [][]float32) {
	const batch = 1024
	for at := 0; at < len(queries); at += batch {
		part := queries[at:min(at+batch, len(queries))]
		wanted := make([][]arrow, max(g.Workers, 1))
		share(0, len(part), g.Workers, func(w, from, to int) {
			m := g.newMender()
			defer m.release()
			for _, q := range part[from:to] {
				wanted[w] = m.missing(q, wanted[w])
			}
		})
		for _, arrows := range wanted {
			g.joinAll(arrows)
		}
	}
}

func (g *Graph) joinAll(arrows []arrow) {
	g.lock.Lock()
	defer g.lock.Unlock()
	for _, a := range arrows {
		g.join(a.from, a.to)
		g.join(a.to, a.from)
	}
}

// join adds a link if there is room.
func (g *Graph) join(from, to uint32) {
	row := g.links[int(from)*g.stride() : (int(from)+1)*g.stride()]
	if n := row[0]; int(n) < g.stride()-1 && !slices.Contains(row[1:1+n], to) {
		row[1+n] = to
		row[0]++
	}
}

const (
	mendBest    = 24  // rows of a query that are to be connected
	mendBreadth = 400 // effort to find them
)

// mender finds missing links.
type mender struct {
	*pruner
	set   []uint32
	group []int
	gaps  []gap
}

type gap struct {
	distance float32
	a, b     int
}

func (g *Graph) newMender() *mender { return &mender{pruner: g.newPruner()} }

// missing appends the links that connect the best rows of q.
func (m *mender) missing(q []float32, out []arrow) []arrow {
	g := m.graph
	g.lock.RLock()
	defer g.lock.RUnlock()
	m.start(q, mendBreadth)
	m.run()
	top := m.finish(Params{Limit: mendBest})
	m.forget()
	m.set, m.group = m.set[:0], m.group[:0]
	for _, h := range top.list {
		if id := g.twins.linked(h.ID); !slices.Contains(m.set, id) {
			m.set, m.group = append(m.set, id), append(m.group, len(m.set))
		}
	}
	for i, id := range m.set {
		for _, to := range g.of(id) {
			if j := slices.Index(m.set, to); j >= 0 {
				m.merge(i, j)
			}
		}
	}
	for _, p := range m.measureGaps() {
		if m.group[p.a] != m.group[p.b] {
			m.merge(p.a, p.b)
			out = append(out, arrow{m.set[p.a], m.set[p.b]})
		}
	}
	return out
}

// measureGaps returns the pairs of different groups, nearest first.
func (m *mender) measureGaps() []gap {
	g := m.graph
	m.gaps = m.gaps[:0]
	for i, id := range m.set {
		g.codes.like(m.other, id)
		m.ids = append(m.ids[:0], m.set[:i]...)
		g.codes.estimate(m.other, m.ids, m.found[:i])
		top := g.codes.ceiling(id)
		for j := range i {
			if m.group[i] != m.group[j] {
				m.gaps = append(m.gaps, gap{top - m.found[j], i, j})
			}
		}
	}
	slices.SortFunc(m.gaps, func(a, b gap) int { return cmp.Compare(a.distance, b.distance) })
	return m.gaps
}

func (m *mender) merge(i, j int) {
	from, to := m.group[i], m.group[j]
	for k, v := range m.group {
		if v == from {
			m.group[k] = to
		}
	}
}
