package vector

import (
	"errors"
	"math"
)

// curve says what recall a walk's effort gives, measured on a sample of queries,
// for some limits.
type curve []point

// point is one effort's mean recall over the sample. Error is the deviation of what
// other queries, as many, would differ from it by.
type point struct {
	Limit, Effort uint32
	Recall, Error float64
}

var curveLimits = []int{1, 10, 100}

// sure is how many deviations a recall is aimed at above what is asked for: of sets
// of queries as large as the sample, 19 in 20 then reach it.
const sure = 1.8

func (p point) least() float64 { return p.Recall - sure*p.Error }

// at returns the least effort that gives a recall and the recall to be expected; 0
// if only a scan will do. Between the limits that were measured, and above them, it
// goes by proportion.
func (c curve) at(limit int, recall float64) (int, float64) {
	var l0, e0 float64
	for len(c) > 0 {
		n := 0
		for n < len(c) && c[n].Limit == c[0].Limit {
			n++
		}
		l, last := float64(c[0].Limit), n == len(c)
		e, r := c[:n].reach(recall)
		switch {
		case e == 0:
			return 0, 0
		case limit > int(l) && last:
			return int(math.Ceil(e * float64(limit) / l)), r
		case limit <= int(l):
			return int(math.Ceil(e0 + (e-e0)*(float64(limit)-l0)/(l-l0))), r
		}
		l0, e0, c = l, e, c[n:]
	}
	return 0, 0
}

// valid says whether a curve that was read can be one.
func (c curve) valid() bool {
	before := point{}
	for _, p := range c {
		if p.Limit < before.Limit || p.Limit == before.Limit && p.Effort <= before.Effort || p.Limit < 1 || p.Effort < 1 || p.Effort > 4096 ||
			p.Limit > 1024 || !(p.Error >= 0) || !(p.Recall >= 0 && p.Recall <= 1) {
			return false
		}
		before = p
	}
	return true
}

// reach is at for the points of one limit.
func (c curve) reach(recall float64) (float64, float64) {
	for i, p := range c {
		if p.least() < recall {
			continue
		}
		if i == 0 {
			return float64(p.Effort), p.Recall
		}
		before := c[i-1]
		share := (recall - before.least()) / (p.least() - before.least())
		return float64(before.Effort) + share*float64(p.Effort-before.Effort), before.Recall + share*(p.Recall-before.Recall)
	}
	return 0, 0
}

// Learn fits the graph to a sample of queries of one kind: where walks begin, what
// part of the score their mean decides, and what effort gives what recall. Queries
// that do not lie among the rows, such as texts among pictures, also get links
// between the rows that they find (Repair), from a quarter of the sample; the rest
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
		g.repair(sample[:len(sample)/4])
		sample = sample[len(sample)/4:]
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
	for effort := float64(limit); effort < float64(g.linked)/8 && effort < 4096; effort = max(effort+2, effort*1.2) {
		p := g.recall(sample, truth, int(effort), limit)
		points = append(points, p)
		if p.least() > 0.9985 {
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

// recall measures what share of the truth walks of an effort find.
func (g *Graph) recall(sample [][]float32, truth [][]Hit, effort, limit int) point {
	shares := make([]float64, len(sample))
	Share(len(sample), g.Workers, func(from, to int) {
		for i := from; i < to; i++ {
			g.lock.RLock()
			got, _ := g.walk(sample[i], Params{Limit: limit}, effort, 0)
			g.lock.RUnlock()
			shares[i] = float64(overlap(got, truth[i])) / float64(limit)
		}
	})
	n, sum, squares := float64(len(shares)), 0.0, 0.0
	for _, s := range shares {
		sum, squares = sum+s, squares+s*s
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
