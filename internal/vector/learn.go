package vector

import (
	"fmt"
	"math"
)

// probe is a query of a sample. One that is a row itself asks for the others as if it
// were not among them.
type probe struct {
	vector []float32
	own    bool
	row    uint32 // if own: the linked one of its twins
}

// LeastSample is how many queries are a sample; fewer say nothing.
const LeastSample = 20

var errSample = fmt.Errorf("vector: a sample of fewer than %d queries says nothing", LeastSample)

// Learn fits the graph to a sample of queries of one kind: where walks begin, what
// part of the score their mean decides, and what effort gives what recall. Queries
// that do not lie among the rows, such as texts among pictures, also get links
// between the rows that they find (Repair), from a quarter of the sample; the rest
// measures.
func (g *Graph) Learn(sample [][]float32) error {
	if len(sample) < LeastSample {
		return errSample
	}
	probes := make([]probe, len(sample))
	for i, q := range sample {
		if err := g.check(q, &Params{}); err != nil {
			return err
		}
		probes[i].vector = q
	}
	g.change.Lock()
	defer g.change.Unlock()
	if mean := Mean(list(sample), len(sample)); g.elsewhere(mean, sample) {
		if err := g.anchor(mean); err != nil {
			return err
		}
		quarter := len(sample) / 4
		g.repair(sample[:quarter])
		probes = probes[quarter:]
	}
	g.measure(probes)
	return nil
}

// LearnOwn fits the graph to queries like its rows: each of ids asks for the others as
// if it were not among them. reach is the farthest that one of them is from its nearest.
func (g *Graph) LearnOwn(ids []uint32) (reach float64, err error) {
	if len(ids) < LeastSample {
		return 0, errSample
	}
	g.change.Lock()
	defer g.change.Unlock()
	probes := make([]probe, len(ids))
	for i, id := range ids {
		probes[i] = probe{vector: append([]float32(nil), g.rows.Row(id)...), own: true, row: g.twins.linked(id)}
	}
	if mean := Mean(g.rows, g.n); g.elsewhere(mean, vectorsOf(probes)) {
		if err := g.anchor(mean); err != nil {
			return 0, err
		}
	}
	return g.measure(probes), nil
}

func vectorsOf(probes []probe) [][]float32 {
	out := make([][]float32, len(probes))
	for i, p := range probes {
		out[i] = p.vector
	}
	return out
}

// anchor makes a kind of queries whose mean this is.
func (g *Graph) anchor(mean []float32) error {
	next, err := g.codes.anchored(mean, g.rows, g.Workers)
	if err != nil {
		return err
	}
	g.lock.Lock()
	defer g.lock.Unlock()
	g.codes.adopt(&next)
	return nil
}

// elsewhere says whether the centre is so far from the sample's mean that it is no
// centre of the sample.
func (g *Graph) elsewhere(mean []float32, sample [][]float32) bool {
	spread := 0.0
	for _, q := range sample {
		spread += float64(squareDistance(q, mean)) / float64(len(sample))
	}
	return float64(squareDistance(mean, g.codes.centre)) > 0.1*spread
}

// measure fits the curve of the sample's kind. reach is as for LearnOwn.
func (g *Graph) measure(sample []probe) (reach float64) {
	c := g.newClimb(len(sample))
	truth := make([][]Hit, len(sample))
	if len(c.limits) > 0 {
		share(0, len(sample), g.Workers, func(_, from, to int) {
			const batch = 16
			for at := from; at < to; at += batch {
				end := min(at+batch, to)
				copy(truth[at:end], g.likelyBest(sample[at:end], c.limits[len(c.limits)-1]))
			}
		})
		Share(len(sample), g.Workers, func(from, to int) {
			for i := from; i < to; i++ {
				c.walk(i, sample[i], truth[i])
			}
		})
	}
	for i, p := range sample {
		if len(truth[i]) > 0 {
			reach = max(reach, math.Sqrt(float64(squareDistance(p.vector, g.rows.Row(truth[i][0].ID)))))
		}
	}
	g.lock.Lock()
	defer g.lock.Unlock()
	g.curves[g.codes.kind(sample[0].vector)] = c.curve()
	return reach
}

// likelyBest scans for queries.
func (g *Graph) likelyBest(queries []probe, limit int) [][]Hit {
	g.lock.RLock()
	most := limit
	for _, p := range queries {
		if p.own {
			most = max(most, limit+max(1, g.twins.rings[p.row].alive))
		}
	}
	s := g.newScan(most)
	s.gather(g.n, nil, g.dead)
	g.lock.RUnlock()
	out := s.search(vectorsOf(queries))
	for i, p := range queries {
		out[i] = p.others(g, out[i], limit)
	}
	return out
}

// others drops the rows of hits that equal the probe's own, and those after limit.
func (p probe) others(g *Graph, hits []Hit, limit int) []Hit {
	var out []Hit
	for _, h := range hits {
		if len(out) < limit && !(p.own && g.twins.linked(h.ID) == p.row) {
			out = append(out, h)
		}
	}
	return out
}

// climb measures recall at growing efforts, for several limits. One walk a query is
// enough: a walk of a higher effort begins with the very steps of a lower one.
type climb struct {
	graph   *Graph
	limits  []int
	efforts []int
	recalls [][][]float32 // by limit, effort and query
}

// newClimb chooses limits and efforts for the graph as it is.
func (g *Graph) newClimb(queries int) *climb {
	c := &climb{graph: g}
	alive := g.alive()
	for _, l := range curveLimits {
		if alive >= 4*l {
			c.limits = append(c.limits, l)
		}
	}
	for e := 1.0; e < float64(g.linked)/8 && e < mostEffort; e = max(e+2, e*1.2) {
		c.efforts = append(c.efforts, int(e))
	}
	for range c.limits {
		at := make([][]float32, len(c.efforts))
		for i := range at {
			at[i] = make([]float32, queries)
		}
		c.recalls = append(c.recalls, at)
	}
	return c
}

const mostEffort = 4096

// alive counts the live rows.
func (g *Graph) alive() int {
	g.lock.RLock()
	defer g.lock.RUnlock()
	return g.n - g.deadN
}

// walk climbs with query i until nothing is left to be found.
func (c *climb) walk(i int, p probe, truth []Hit) {
	g := c.graph
	g.lock.RLock()
	defer g.lock.RUnlock()
	w := g.walker()
	defer w.release()
	if p.own {
		w.visited.Add(p.row)
		w.touched = append(w.touched, p.row)
	}
	w.start(p.vector, mostEffort)
	for e, effort := range c.efforts {
		w.depth = effort
		w.run()
		whole := true
		for l, limit := range c.limits {
			if effort >= limit {
				c.recalls[l][e][i] = w.reached(effort, limit, truth)
			}
			whole = whole && c.recalls[l][e][i] == 1
		}
		if whole {
			c.fill(i, e)
			return
		}
	}
}

// reached is what share of the truth a walk of an effort has found.
func (w *walker) reached(effort, limit int, truth []Hit) float32 {
	truth = truth[:min(len(truth), limit)]
	if len(truth) == 0 {
		return 1
	}
	all := w.keys
	w.keys = all[:min(len(all), effort)]
	found := w.finish(Params{Limit: limit})
	w.keys = all
	return float32(overlap(found.list, truth)) / float32(len(truth))
}

// fill says of query i that efforts above find all.
func (c *climb) fill(i, from int) {
	for _, at := range c.recalls {
		for e := from; e < len(at); e++ {
			at[e][i] = 1
		}
	}
}

// curve is what was measured, for each limit up to the effort that finds nearly all.
func (c *climb) curve() curve {
	var points curve
	for l, limit := range c.limits {
		for e, effort := range c.efforts {
			if effort < limit {
				continue
			}
			p := newPoint(limit, effort, c.recalls[l][e])
			points = append(points, p)
			if p.least() > 0.9985 {
				break
			}
		}
	}
	return points
}

func newPoint(limit, effort int, recalls []float32) point {
	n, sum, squares := float64(len(recalls)), 0.0, 0.0
	for _, r := range recalls {
		sum, squares = sum+float64(r), squares+float64(r)*float64(r)
	}
	mean := sum / n
	return point{uint32(limit), uint32(effort), mean, math.Sqrt(2 * max(0, squares/n-mean*mean) / n)}
}

func overlap(a, b []Hit) int {
	in := map[uint32]bool{}
	for _, h := range a {
		in[h.ID] = true
	}
	n := 0
	for _, h := range b {
		if in[h.ID] {
			n++
		}
	}
	return n
}
