package tensortest

import (
	"cmp"
	"math"
	"slices"

	"github.com/emblem-search/emblem/internal/tensor"
)

// size is how many tokens one stands for.
func size(sizes []float64, i int) float64 {
	if sizes == nil {
		return 1
	}
	return sizes[i]
}

// merge is the bipartite soft matching: which tokens are merged into which, and the
// weighed means.
func merge(o *tensor.Merge, v Values) (y, ySizes []float64) {
	x, keys, sizes := v.Tensor(o.X), v.Tensor(o.Keys), v.Tensor(o.Sizes)
	l, c, left := o.X.Dim(1), o.X.Cols(), o.Y.Dim(1)
	for b := range o.X.Dim(0) {
		into := matching(keys[b*l*o.Keys.Cols():][:l*o.Keys.Cols()], o, l-left)
		order := order(l, o.Lead)
		for _, t := range order {
			if into[t] >= 0 {
				continue
			}
			total, row := 0.0, make([]float64, c)
			for s := range l {
				if s != t && into[s] != t {
					continue
				}
				n := size(sizes, b*l+s)
				total += n
				for i := range row {
					row[i] += n * x[(b*l+s)*c+i]
				}
			}
			for i := range row {
				row[i] /= total
			}
			y, ySizes = append(y, row...), append(ySizes, total)
		}
	}
	return y, ySizes
}

// order is that of the tokens of a result: leading, even, odd.
func order(l, lead int) (all []int) {
	for t := range l {
		all = append(all, t)
	}
	class := func(t int) int {
		if t < lead {
			return 0
		}
		return 1 + t%2
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(class(a), class(b)) })
	return all
}

// matching says for each token what it is merged into, or -1.
func matching(keys []float64, o *tensor.Merge, r int) []int {
	l, d := o.X.Dim(1), o.Keys.Cols()/o.Heads
	cosine := func(a, b int) float64 {
		ab, aa, bb := 0.0, 0.0, 0.0
		for i := range d {
			x, y := 0.0, 0.0
			for h := range o.Heads {
				x += keys[a*o.Heads*d+h*d+i]
				y += keys[b*o.Heads*d+h*d+i]
			}
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		return ab / math.Sqrt(aa*bb)
	}
	type edge struct {
		a, b int
		c    float64
	}
	var edges []edge
	for a := 0; a < l; a += 2 {
		best := edge{a, -1, math.Inf(-1)}
		for b := 1; b < l; b += 2 {
			if a >= o.Lead && b >= o.Lead && cosine(a, b) > best.c {
				best.b, best.c = b, cosine(a, b)
			}
		}
		edges = append(edges, best)
	}
	slices.SortStableFunc(edges, func(a, b edge) int { return cmp.Compare(b.c, a.c) })
	into := slices.Repeat([]int{-1}, l)
	for _, e := range edges[:r] {
		into[e.a] = e.b
	}
	return into
}

// prune keeps what the first token attends to most.
func prune(o *tensor.Prune, v Values) (y []float64) {
	x, q, k := v.Tensor(o.X), v.Tensor(o.Q), v.Tensor(o.K)
	l, c, wide, left := o.X.Dim(1), o.X.Cols(), o.Q.Cols(), o.Y.Dim(1)
	d := wide / o.Heads
	for b := range o.X.Dim(0) {
		p := make([]float64, l)
		for h := range o.Heads {
			e, sum := make([]float64, l), 0.0
			for t := range l {
				for i := h * d; i < (h+1)*d; i++ {
					e[t] += q[b*l*wide+i] * k[(b*l+t)*wide+i] * float64(o.Scale)
				}
				e[t] = math.Exp(e[t])
				sum += e[t]
			}
			for t := range l {
				p[t] += e[t] / sum / float64(o.Heads)
			}
		}
		sorted := slices.Clone(p[o.Lead:])
		slices.Sort(sorted)
		least := sorted[len(sorted)-(left-o.Lead-1):]
		last := make([]float64, c)
		for t := range l {
			row := x[(b*l+t)*c:][:c]
			if t < o.Lead || len(least) > 0 && p[t] >= least[0] {
				y = append(y, row...)
				continue
			}
			for i := range last {
				last[i] += p[t] * row[i]
			}
		}
		y = append(y, last...)
	}
	return y
}
