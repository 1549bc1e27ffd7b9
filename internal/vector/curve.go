package vector

import "math"

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
