package cpu

import "github.com/emblem-search/emblem/internal/tensor"

// budget is how many multiply-adds a bulk op may hold the cores for: about 20 ms
// at a careful guess of the machine's f32 rate.
func (b *Backend) budget() int {
	perSecond := 2e9 * float64(b.kern.Lanes) * float64(len(b.scratch))
	return int(perSecond * 0.020)
}

// split cuts an op into parts that stay within a number of multiply-adds. Rows and
// sequences are independent, so the results are the same bits.
func split(op tensor.Op, budget int) []tensor.Op {
	switch o := op.(type) {
	case *tensor.Linear:
		return splitLinear(o, budget)
	case *tensor.Attention:
		return splitAttention(o, budget)
	}
	return []tensor.Op{op}
}

func splitLinear(o *tensor.Linear, budget int) []tensor.Op {
	m := o.Y.Rows()
	step := 1
	if o.Res.Ok() {
		step = o.Res.Rows() % m // a residual that repeats is cut where it does
		if step == 0 {
			step = 1
		}
	}
	rows := max(budget/max(o.W.Out()*o.W.In(), 1)/step*step, step)
	if rows >= m {
		return []tensor.Op{o}
	}
	x, y := flat(o.X), flat(o.Y)
	var parts []tensor.Op
	for lo := 0; lo < m; lo += rows {
		hi := min(lo+rows, m)
		part := *o
		part.X, part.Y = x.Slice(lo, hi), y.Slice(lo, hi)
		if o.Res.Ok() && o.Res.Rows() == m {
			part.Res = flat(o.Res).Slice(lo, hi)
		}
		parts = append(parts, &part)
	}
	return parts
}

func flat(t tensor.Tensor) tensor.Tensor { return t.Reshape(t.Rows(), t.Cols()) }

func splitAttention(o *tensor.Attention, budget int) []tensor.Op {
	n := o.Q.Dim(0)
	seqs := max(budget/max(2*o.Q.Dim(1)*o.Keys()*o.Q.Cols(), 1), 1)
	if seqs >= n {
		return []tensor.Op{o}
	}
	var parts []tensor.Op
	for lo := 0; lo < n; lo += seqs {
		hi := min(lo+seqs, n)
		part := *o
		part.Q, part.Y = o.Q.Slice(lo, hi), o.Y.Slice(lo, hi)
		if o.Pages.Ok() {
			part.Pages = o.Pages.Slice(lo, hi)
		} else {
			part.K, part.V = o.K.Slice(lo, hi), o.V.Slice(lo, hi)
		}
		if o.Lens.Ok() {
			part.Lens = o.Lens.Slice(lo, hi)
		}
		if o.Sizes.Ok() {
			part.Sizes = o.Sizes.Slice(lo, hi)
		}
		parts = append(parts, &part)
	}
	return parts
}
