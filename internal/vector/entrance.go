package vector

import (
	"math"

	"github.com/emblem-search/emblem/internal/simd"
)

// entrance is where walks begin: rows spread over all, in groups around some of
// them, the heads. A walk compares the heads, then the groups of the best heads: so
// it begins near the query though few rows are compared.
type entrance struct {
	rows   []uint32
	heads  []uint32
	groups [][]uint32 // by head: the rows nearest to it
	linked int        // rows that were linked when it was made
}

// entryCount is how many rows walks may begin at. They are few enough to stay in the
// cache.
func entryCount(n int) int { return min(n, max(64, int(8*math.Sqrt(float64(n))))) }

const probed = 4 // groups that a walk begins with

// seed makes the entrance anew if the graph has grown much since, or must.
func (g *Graph) seed(must bool) {
	if !must && len(g.entrance.rows) > 0 && g.linked-g.entrance.linked < g.linked/32 {
		return
	}
	e := g.grouped(g.spread())
	g.lock.Lock()
	defer g.lock.Unlock()
	g.entrance = e
}

// spread chooses live rows, evenly.
func (g *Graph) spread() []uint32 {
	g.lock.RLock()
	defer g.lock.RUnlock()
	var out []uint32
	count := entryCount(g.linked)
	for i := range count {
		at := i * g.linked / count
		for at < g.linked && (g.dead.Has(uint32(at)) || g.twins.follows(uint32(at))) {
			at++
		}
		if n := len(out); at < g.linked && (n == 0 || out[n-1] < uint32(at)) {
			out = append(out, uint32(at))
		}
	}
	return out
}

// grouped makes an entrance of rows.
func (g *Graph) grouped(rows []uint32) entrance {
	e := entrance{rows: rows, linked: g.linked}
	count := min(len(rows), block, int(1.4*math.Sqrt(float64(len(rows))))+1)
	for i := range count {
		e.heads = append(e.heads, rows[i*len(rows)/count])
	}
	e.groups = make([][]uint32, count)
	ids := append(make([]uint32, 0, count+simd.FetchAhead), e.heads...)
	q, found := g.codes.newQuery(), make([]float32, count)
	for _, id := range rows {
		g.codes.like(q, id)
		g.codes.estimate(q, ids, found)
		best := 0
		for i, f := range found {
			if f > found[best] {
				best = i
			}
		}
		if e.heads[best] != id {
			e.groups[best] = append(e.groups[best], id)
		}
	}
	return e
}

// enter compares the heads and the groups of the best.
func (w *walker) enter() {
	e := &w.graph.entrance
	if len(e.heads) == 0 {
		return
	}
	w.visit(e.heads)
	var best [probed]int
	n := 0
	for i, f := range w.found[:len(e.heads)] {
		at := n
		if n < probed {
			n++
		} else if at--; f <= w.found[best[at]] {
			continue
		}
		for ; at > 0 && f > w.found[best[at-1]]; at-- {
			best[at] = best[at-1]
		}
		best[at] = i
	}
	for _, i := range best[:n] {
		for rest := e.groups[i]; len(rest) > 0; {
			n := min(len(rest), block)
			w.visit(rest[:n])
			rest = rest[n:]
		}
	}
}
