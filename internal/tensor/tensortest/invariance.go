package tensortest

import (
	"math"
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Invariance demands that a row's result has the same bits alone and in any
// batch, at any position, on either lane.
func Invariance(t *testing.T, b tensor.Backend) {
	for _, kind := range []tensor.Kind{tensor.KindF32, tensor.KindF16, tensor.KindBF16, tensor.KindI8} {
		g := newRig(t, b, 11)
		w, bias := g.pack(kind, 100, 130), g.tensor(tensor.F32, 100)
		all := g.tensor(tensor.F32, 300, 130)
		y := g.empty(tensor.F32, 300, 100)
		want := g.run(&tensor.Linear{X: all, W: w, Bias: bias, Act: tensor.GELU, Y: y}, y)
		for range 20 {
			lo := g.r.IntN(300)
			hi := lo + 1 + g.r.IntN(min(300-lo, 1+g.r.IntN(60)))
			part := g.empty(tensor.F32, hi-lo, 100)
			got := g.run(&tensor.Linear{X: all.Slice(lo, hi), W: w, Bias: bias, Act: tensor.GELU, Y: part}, part)
			same(t, kind.String()+" rows", got, want[lo*100:hi*100])
		}
	}
	for _, d := range floats {
		attentionInvariance(t, newRig(t, b, 13), d)
		pagedInvariance(t, newRig(t, b, 19), d)
		ropeInvariance(t, newRig(t, b, 17), d)
	}
}

// attentionInvariance pads sequences and puts them into company.
func attentionInvariance(t *testing.T, g *rig, d tensor.DType) {
	const b, l, c, heads = 5, 60, 48, 2
	qkv := g.tensor(d, b, l, 3*c)
	lens := g.fill(g.empty(tensor.I32, b), func(i int) float64 { return float64(60 - 13*i) })
	op := func(x, lens, y tensor.Tensor) *tensor.Attention {
		return &tensor.Attention{Q: x.ColSlice(0, c), K: x.ColSlice(c, 2*c), V: x.ColSlice(2*c, 3*c), Heads: heads, Scale: 0.2, Lens: lens, Y: y}
	}
	y := g.empty(d, b, l, c)
	want := g.run(op(qkv, lens, y), y)
	for i := range b {
		n := 60 - 13*i
		alone := qkv.Slice(i, i+1).Reshape(l, 3*c).Slice(0, n).Reshape(1, n, 3*c)
		part := g.empty(d, 1, n, c)
		got := g.run(op(alone, tensor.Tensor{}, part), part)
		same(t, d.String()+" attention", got, want[i*l*c:i*l*c+n*c])
	}
}

// ropeInvariance turns rows of a batch alone, as a decoder with a cache does.
func ropeInvariance(t *testing.T, g *rig, d tensor.DType) {
	const b, l, c, heads = 3, 40, 60, 2
	x, cos, sin := g.tensor(d, b, l, c), g.tensor(tensor.F32, l, 11), g.tensor(tensor.F32, l, 11)
	for _, pairs := range []bool{false, true} {
		y := g.empty(d, b, l, c)
		want := g.run(&tensor.Rope{X: x, Heads: heads, Cos: cos, Sin: sin, Interleaved: pairs, Y: y}, y)
		for r := range b * l {
			at := g.fill(g.empty(tensor.I32, 1), func(int) float64 { return float64(r % l) })
			part := g.empty(d, 1, c)
			got := g.run(&tensor.Rope{X: x.Reshape(b*l, c).Slice(r, r+1), Heads: heads, Cos: cos, Sin: sin, At: at, Interleaved: pairs, Y: part}, part)
			same(t, d.String()+" rope", got, want[r*c:(r+1)*c])
		}
	}
}

// pagedInvariance compares the queries of a causal chunk, over pages, with the same
// ones step by step and without pages: a cache and its layout change no bit.
func pagedInvariance(t *testing.T, g *rig, d tensor.DType) {
	const lq, page, heads, kv, dim, lens = 21, 16, 6, 2, 40, 77
	op := g.paged(d, lq, page, heads, kv, dim, []int{lens})
	op.Causal = true
	want := g.run(op, op.Y)
	k, v := g.unpage(op, op.K, lens), g.unpage(op, op.V, lens)
	for i := range lq {
		n := lens - lq + i + 1
		step := *op
		step.Q, step.Y = op.Q.Reshape(lq, heads*dim).Slice(i, i+1).Reshape(1, 1, heads*dim), g.empty(d, 1, 1, heads*dim)
		step.Lens = g.fill(g.empty(tensor.I32, 1), func(int) float64 { return float64(n) })
		same(t, d.String()+" paged attention by steps", g.run(&step, step.Y), want[i*heads*dim:(i+1)*heads*dim])
		step.K, step.V, step.Lens, step.Pages = rowsOf(k, n), rowsOf(v, n), tensor.Tensor{}, tensor.Tensor{}
		same(t, d.String()+" attention without pages", g.run(&step, step.Y), want[i*heads*dim:(i+1)*heads*dim])
	}
}

// unpage copies the pages of the only sequence of op to where they follow each other.
func (g *rig) unpage(op *tensor.Attention, store tensor.Tensor, lens int) tensor.Tensor {
	from, pages, page, n := g.values[at(store)], g.values[at(op.Pages)], store.Dim(1), store.Cols()
	return g.fill(g.empty(store.DType(), 1, lens, n), func(i int) float64 {
		l := i / n
		return from[(int(pages[l/page])*page+l%page)*n+i%n]
	})
}

// rowsOf are the first n rows of the only sequence of x.
func rowsOf(x tensor.Tensor, n int) tensor.Tensor {
	return x.Reshape(x.Dim(1), x.Cols()).Slice(0, n).Reshape(1, n, x.Cols())
}

func same(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i := range got {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
			t.Errorf("%s: value %d is %v alone and %v in company", what, i, got[i], want[i])
			return
		}
	}
}
