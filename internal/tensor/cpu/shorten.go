package cpu

import (
	"cmp"
	"math"
	"slices"
	"unsafe"

	"github.com/emblem-search/emblem/internal/tensor"
)

// friend is what a token found to be most like it: the one at a place.
type friend struct {
	token, at int
	cosine    float32
}

// merge looks for friends on all workers, a token at a time, then merges a sequence
// at a time.
func (b *Backend) merge(o *tensor.Merge) error {
	n, l, d := o.X.Dim(0), o.X.Dim(1), o.Keys.Cols()/o.Heads
	wide := roundUp(d, b.kern.Lanes)
	units := unsafe.Slice((*float32)(b.rows.get(4*n*l*wide)), n*l*wide) // (B, L, D)
	keys := view(o.Keys)
	b.eachRow(n*l, keys.cols, func(worker, r int) {
		row := unsafe.Slice((*float32)(b.scratch[worker].get(4*keys.cols)), keys.cols)
		keys.read(row, r)
		direction(units[r*wide:][:wide], row, d)
	})
	evens := (l + 1) / 2
	friends := make([]friend, n*evens)
	b.eachRow(n*evens, l*d, func(_, i int) {
		if at := i % evens * 2; at >= o.Lead {
			friends[i] = b.nearest(units[i/evens*l*wide:][:l*wide], wide, at, o.Lead)
		}
	})
	b.team.run(n, func(_, seq int) { join(o, seq, friends[seq*evens:][:evens][(o.Lead+1)/2:]) })
	return nil
}

// direction is the mean over heads of a row of keys, at unit length, padded with
// zeros.
func direction(dst, row []float32, d int) {
	clear(dst)
	for i, v := range row {
		dst[i%d] += v
	}
	sum := 0.0
	for _, v := range dst {
		sum += float64(v) * float64(v)
	}
	if sum == 0 {
		return
	}
	by := 1 / math.Sqrt(sum)
	for i, v := range dst {
		dst[i] = float32(float64(v) * by)
	}
}

// nearest finds the odd token that is most like the even one at a place.
func (b *Backend) nearest(units []float32, wide, at, lead int) friend {
	best := friend{token: at, cosine: float32(math.Inf(-1))}
	x, cosine, nv := unsafe.Pointer(&units[at*wide]), float32(0), uintptr(wide/b.kern.Lanes)
	for other := lead | 1; other < len(units)/wide; other += 2 {
		if b.kern.Dot(x, unsafe.Pointer(&units[other*wide]), unsafe.Pointer(&cosine), nv); cosine > best.cosine {
			best.at, best.cosine = other, cosine
		}
	}
	return best
}

// join merges the tokens of one sequence; friends are those of the even ones that
// take part.
func join(o *tensor.Merge, seq int, friends []friend) {
	l, left := o.X.Dim(1), o.Y.Dim(1)
	x, y := view(o.X), view(o.Y)
	size, ySize := sizesOf(o.Sizes, seq, l), sizesOf(o.YSizes, seq, left)
	slices.SortStableFunc(friends, func(a, b friend) int { return cmp.Compare(b.cosine, a.cosine) })
	gone := make([]bool, l)
	for _, f := range friends[:l-left] {
		gone[f.token] = true
	}
	places, next := make([]int, l), 0
	put := func(t int) {
		places[t], ySize[next] = next, sizeOf(size, t)
		copy(y.f32(seq*left+next), x.f32(seq*l+t))
		next++
	}
	for t := range o.Lead {
		put(t)
	}
	for parity := range 2 {
		for t := o.Lead + (o.Lead+parity)%2; t < l; t += 2 {
			if !gone[t] {
				put(t)
			}
		}
	}
	for _, f := range friends[:l-left] {
		at, n := places[f.at], sizeOf(size, f.token)
		weigh(y.f32(seq*left+at), x.f32(seq*l+f.token), ySize[at], n)
		ySize[at] += n
	}
}

// weigh makes dst, which stands for a tokens, the mean of it and of src, which stands
// for b.
func weigh(dst, src []float32, a, b float32) {
	for i, v := range src {
		dst[i] = (dst[i]*a + v*b) / (a + b)
	}
}

// sizesOf are those of one sequence of l tokens; nil where there are none.
func sizesOf(t tensor.Tensor, seq, l int) []float32 {
	if !t.Ok() {
		return nil
	}
	return unsafe.Slice((*float32)(rowPtr(t, 0)), t.Len())[seq*l:][:l]
}

func sizeOf(sizes []float32, i int) float32 {
	if sizes == nil {
		return 1
	}
	return sizes[i]
}

// prune drops what the first token of a sequence attends to least.
func (b *Backend) prune(o *tensor.Prune) error {
	l, left := o.X.Dim(1), o.Y.Dim(1)
	x, y := view(o.X), view(o.Y)
	b.team.run(o.X.Dim(0), func(_, seq int) {
		p := b.regard(o, seq)
		order := make([]int, 0, l)
		for t := o.Lead; t < l; t++ {
			order = append(order, t)
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[b], p[a]) })
		best := order[:left-1-o.Lead]
		rest := order[len(best):]
		slices.Sort(best)
		slices.Sort(rest)
		to := seq * left
		for t := range o.Lead {
			copy(y.f32(to+t), x.f32(seq*l+t))
		}
		for i, t := range best {
			copy(y.f32(to+o.Lead+i), x.f32(seq*l+t))
		}
		last := y.f32(to + left - 1)
		clear(last)
		for _, t := range rest {
			for i, v := range x.f32(seq*l + t) {
				last[i] += v * p[t]
			}
		}
	})
	return nil
}

// regard is how much the first token of a sequence attends to each, averaged over
// heads.
func (b *Backend) regard(o *tensor.Prune, seq int) []float32 {
	l, d := o.X.Dim(1), o.Q.Cols()/o.Heads
	q, k := view(o.Q), view(o.K)
	first, key := make([]float32, q.cols), make([]float32, q.cols)
	q.read(first, seq*l)
	scores := make([]float32, o.Heads*l)
	for t := range l {
		k.read(key, seq*l+t)
		for i, v := range key {
			scores[i/d*l+t] += first[i] * v
		}
	}
	mean := make([]float32, l)
	for h := range o.Heads {
		row := scores[h*l:][:l]
		top, sum := slices.Max(row), 0.0
		for i, s := range row {
			e := math.Exp(float64((s - top) * o.Scale))
			row[i] = float32(e)
			sum += e
		}
		for i, e := range row {
			mean[i] += e / float32(sum*float64(o.Heads))
		}
	}
	return mean
}
