package vector

import (
	"errors"
	"math"
)

// curve says what recall a walk's effort gives, measured on a sample of queries,
// for some limits.
type curve []point

type point struct {
	Limit, Effort uint32
	Recall        float64
}

var curveLimits = []int{1, 10, 100}

// reserve is aimed for beyond a recall, as a share of what is missing to 1: the
// sample is one of many.
const reserve = 0.1

// at returns the least effort that gives a recall, 0 if none does, from the points
// of the next larger limit that was measured.
func (c curve) at(limit int, recall float64) (int, float64) {
	recall += (1 - recall) * reserve
	var before point
	for _, p := range c {
		if int(p.Limit) < limit {
			continue
		}
		if before.Limit != p.Limit {
			if before.Limit != 0 {
				break
			}
		}
		if p.Recall >= recall {
			if before.Limit == 0 {
				return int(p.Effort), p.Recall
			}
			share := (recall - before.Recall) / (p.Recall - before.Recall)
			return int(math.Ceil(float64(before.Effort) + share*float64(p.Effort-before.Effort))), recall
		}
		if before.Limit == 0 || p.Recall > before.Recall {
			before = p
		}
	}
	return 0, 0
}

// Learn fits the graph to a sample of queries of one kind: where walks begin, what
// part of the score their mean decides, and what effort gives what recall. Queries
// that do not lie among the rows, such as texts among pictures, also get links
// between the rows that they find (Repair), from half of the sample; the other half
// measures.
func (g *Graph) Learn(sample [][]float32) error {
	if len(sample) < 20 {
		return errors.New("vector: a sample of fewer than 20 queries says nothing")
	}
	for _, q := range sample {
		if err := g.check(q, &Params{}); err != nil {
			return err
		}
	}
	g.change.Lock()
	defer g.change.Unlock()
	if mean := meanOf(sample); g.elsewhere(mean, sample) {
		next, err := g.codes.anchored(mean, g.rows, g.Workers)
		if err != nil {
			return err
		}
		g.lock.Lock()
		g.codes.adopt(&next)
		g.lock.Unlock()
		g.repair(sample[:len(sample)/2])
		sample = sample[len(sample)/2:]
	}
	g.measure(sample)
	return nil
}

func meanOf(sample [][]float32) []float32 {
	sum := make([]float64, len(sample[0]))
	for _, q := range sample {
		for i, x := range q {
			sum[i] += float64(x)
		}
	}
	mean := make([]float32, len(sum))
	for i, x := range sum {
		mean[i] = float32(x / float64(len(sample)))
	}
	return mean
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

// measure fits the curve of the sample's kind.
func (g *Graph) measure(sample [][]float32) {
	var points curve
	for _, limit := range curveLimits {
		if g.alive() >= 4*limit {
			points = append(points, g.measureLimit(sample, limit)...)
		}
	}
	g.lock.Lock()
	defer g.lock.Unlock()
	g.curves[g.codes.kind(sample[0])] = points
}

// alive counts the live rows.
func (g *Graph) alive() int {
	g.lock.RLock()
	defer g.lock.RUnlock()
	return g.n - g.deadN
}

func (g *Graph) measureLimit(sample [][]float32, limit int) curve {
	truth := make([][]Hit, len(sample))
	share(0, len(sample), g.Workers, func(_, from, to int) {
		const batch = 16
		for at := from; at < to; at += batch {
			end := min(at+batch, to)
			copy(truth[at:end], g.likelyBest(sample[at:end], limit))
		}
	})
	var points curve
	for effort := float64(limit); effort < float64(g.n)/8 && effort < 4096; effort = max(effort+2, effort*1.2) {
		r := g.recall(sample, truth, int(effort), limit)
		points = append(points, point{uint32(limit), uint32(effort), r})
		if r > 0.9985 {
			break
		}
	}
	return points
}

// likelyBest scans for queries.
func (g *Graph) likelyBest(queries [][]float32, limit int) [][]Hit {
	g.lock.RLock()
	s := g.newScan(limit)
	s.gather(g.n, nil, g.dead)
	g.lock.RUnlock()
	return s.search(queries)
}

// recall is the mean share of the truth that walks of an effort find.
func (g *Graph) recall(sample [][]float32, truth [][]Hit, effort, limit int) float64 {
	found := make([]int, max(g.Workers, 1))
	share(0, len(sample), g.Workers, func(w, from, to int) {
		for i := from; i < to; i++ {
			g.lock.RLock()
			got, _ := g.walk(sample[i], Params{Limit: limit}, effort, 0)
			g.lock.RUnlock()
			found[w] += overlap(got, truth[i])
		}
	})
	sum := 0
	for _, f := range found {
		sum += f
	}
	return float64(sum) / float64(limit*len(sample))
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
