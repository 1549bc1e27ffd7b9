package index

import (
	"context"
	"errors"
	"math"
	"slices"
)

// nearness compares documents of one ranking by their exact vectors.
type nearness struct {
	c       *composer
	vectors map[uint32][][]float32 // at unit length
}

// of reads a document's vectors once.
func (n *nearness) of(ord uint32) ([][]float32, error) {
	if list, ok := n.vectors[ord]; ok {
		return list, nil
	}
	list, err := n.c.m.vectors(n.c.s, ord)
	if err != nil {
		return nil, err
	}
	for _, v := range list {
		toUnit(v)
	}
	n.vectors[ord] = list
	return list, nil
}

func toUnit(v []float32) {
	if length := math.Sqrt(float64(dot(v, v))); length > 0 {
		for i := range v {
			v[i] = float32(float64(v[i]) / length)
		}
	}
}

// cosine is the highest of any two vectors of the documents; without a vector it is -1.
func (n *nearness) cosine(a, b uint32) (float32, error) {
	va, err1 := n.of(a)
	vb, err2 := n.of(b)
	return highest(va, vb), errors.Join(err1, err2)
}

// highest is the highest inner product of any two vectors, -1 without one.
func highest(a, b [][]float32) float32 {
	best := float32(-1)
	for _, x := range a {
		for _, y := range b {
			best = max(best, dot(x, y))
		}
	}
	return best
}

// collapse folds each hit into the first better one that it is as near to as the query
// says.
func (n *nearness) collapse(ctx context.Context, list []pick) ([]pick, error) {
	var out []pick
	var kept [][][]float32 // vectors of out
next:
	for _, p := range list {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		vectors, err := n.of(p.ord)
		if err != nil {
			return nil, err
		}
		for i := range out {
			if highest(kept[i], vectors) >= n.c.q.Collapse {
				out[i].folded = append(out[i].folded, p.ord)
				continue next
			}
		}
		out, kept = append(out, p), append(kept, vectors)
	}
	return out, nil
}

// spread orders hits by maximal marginal relevance (Carbonell, Goldstein 1998): each next
// one has the highest
//
//	(1 − diversity) · relevance − diversity · its highest cosine with those before it
//
// where relevance is the score, spread over 0 to 1 in the window.
func (n *nearness) spread(ctx context.Context, list []pick) ([]pick, error) {
	if len(list) == 0 {
		return nil, nil
	}
	wanted := int(n.c.pin.count()) + n.c.q.Limit
	best, worst := list[0].score, list[len(list)-1].score
	left := slices.Clone(list)
	nearest := make([]float64, len(left)) // to what was chosen
	out := make([]pick, 0, wanted)
	for len(left) > 0 && len(out) < wanted {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		at, top := 0, math.Inf(-1)
		for i, p := range left {
			relevance := 1.0
			if best > worst {
				relevance = (p.score - worst) / (best - worst)
			}
			if value := (1-n.c.q.Diversity)*relevance - n.c.q.Diversity*nearest[i]; value > top {
				at, top = i, value
			}
		}
		chosen := left[at]
		out = append(out, chosen)
		left, nearest = slices.Delete(left, at, at+1), slices.Delete(nearest, at, at+1)
		for i, p := range left {
			c, err := n.cosine(chosen.ord, p.ord)
			if err != nil {
				return nil, err
			}
			nearest[i] = max(nearest[i], float64(c))
		}
	}
	return out, nil
}
