package tensortest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
)

var floats = []tensor.DType{tensor.F32, tensor.BF16}

// Run judges a backend: every op, dtype and awkward shape against the oracle. What it
// is without is skipped by its name.
func Run(t *testing.T, b tensor.Backend, without ...string) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *rig)
	}{
		{"linear", testLinear}, {"even", testEven}, {"attention", testAttention}, {"paged attention", testPaged}, {"scatter", testScatter}, {"norm", testNorm},
		{"rope", testRope}, {"embed", testEmbed}, {"patchify", testPatchify}, {"elementwise", testElementwise},
		{"pool", testPool}, {"shorten", testShorten},
	} {
		t.Run(c.name, func(t *testing.T) {
			if slices.Contains(without, c.name) {
				t.Skipf("%s is without %s", b.Name(), c.name)
			}
			c.test(t, newRig(t, b, 7))
		})
	}
	t.Run("invariance", func(t *testing.T) { Invariance(t, b) })
}

// bound is the largest error allowed: absolute, times 1 + |want|, given the dtype
// that is stored. Sums of n terms get √n more.
func bound(d tensor.DType, n int) float64 {
	if d == tensor.BF16 {
		return 1.0/256 + 2e-6*math.Sqrt(float64(n))
	}
	return 2e-6 * (1 + math.Sqrt(float64(n)))
}

func (g *rig) check(name string, op tensor.Op, y tensor.Tensor, tol float64) {
	g.t.Helper()
	want := g.oracle(op)
	got := g.run(op, y)
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tol*(1+math.Abs(want[i]))) {
			g.t.Errorf("%s: y[%d] = %v, want %v (bound %.1e)", name, i, got[i], want[i], tol)
			return
		}
	}
}

func testLinear(t *testing.T, g *rig) {
	for _, kind := range []tensor.Kind{tensor.KindF32, tensor.KindF16, tensor.KindBF16, tensor.KindI8, tensor.KindI4, tensor.KindI4x32, tensor.KindI4x128} {
		for _, dims := range [][3]int{{1, 1, 1}, {1, 33, 7}, {3, 64, 64}, {13, 40, 50}, {29, 96, 130}, {261, 35, 12}, {5, 32, 1500}} {
			g.soil()
			for act := tensor.NoAct; act <= tensor.ReLU; act++ {
				g.linear(kind, dims[0], dims[1], dims[2], act)
			}
		}
	}
}

// testEven has sizes and gaps that are multiples of 16, for which a backend may have
// kernels of their own.
func testEven(t *testing.T, g *rig) {
	g.gap = 16
	for _, kind := range []tensor.Kind{tensor.KindF32, tensor.KindF16, tensor.KindBF16, tensor.KindI8, tensor.KindI4} {
		g.linear(kind, 16, 48, 64, tensor.GELU)
		g.linear(kind, 144, 32, 32, tensor.NoAct)
	}
	for _, g.gap = range []int{16, 3} {
		for _, width := range []int{32, 64, 128, 256} {
			for _, d := range floats {
				g.attend(d, 1, 4, 40, 2, 1, width, true, true)
				op, tol := g.paged(d, 3, 16, 2, 1, width, []int{20}), bound(d, width)
				if d == tensor.BF16 {
					tol = 1.0 / 64
				}
				g.check(fmt.Sprintf("paged %v %v", op.Q, op.K), op, op.Y, tol)
			}
		}
	}
}

// soil leaves NaN in whatever memory a backend converts activations in, so that a
// later op which reads more than it wrote is seen.
func (g *rig) soil() {
	x := g.fill(g.empty(tensor.F32, 300, 512), func(int) float64 { return math.NaN() })
	y := g.empty(tensor.F32, 300, 8)
	for _, kind := range []tensor.Kind{tensor.KindI8, tensor.KindBF16} {
		g.run(&tensor.Linear{X: x, W: g.pack(kind, 8, 512), Y: y}, y)
	}
}

// linear tries one shape with every dtype of x and y, with and without a bias and
// residuals of all rows and of a part.
func (g *rig) linear(kind tensor.Kind, m, n, k int, act tensor.Act) {
	g.t.Helper()
	w, bias := g.pack(kind, n, k), g.tensor(tensor.F32, n)
	for i, dx := range floats {
		x, dy := g.tensor(dx, m, k), floats[(int(act)+i)%2]
		for _, res := range []int{0, m, (m + 2) / 3} {
			if res > 0 && m%res != 0 {
				continue
			}
			op := &tensor.Linear{X: x, W: w, Act: act, Y: g.empty(dy, m, n)}
			if res > 0 {
				op.Bias, op.Res = bias, g.tensor(tensor.F32, res, n)
			}
			tol := bound(dy, k)
			switch kind {
			case tensor.KindBF16, tensor.KindI4, tensor.KindI4x32, tensor.KindI4x128: // six standard deviations of rounding x
				tol += math.Sqrt(float64(k)) / 128
			case tensor.KindI8: // and of rounding x and w to 127 steps
				tol += math.Sqrt(float64(k)) / 14
			}
			g.check(fmt.Sprintf("%v x %v act %v res %d y %v", w, x, act, res, dy), op, op.Y, tol)
		}
	}
	x := g.tensor(tensor.F32, m, k)
	y := g.tensor(tensor.F32, m, n) // the residual stream, updated in place
	if kind == tensor.KindF32 {
		op := &tensor.Linear{X: x, W: w, Bias: bias, Act: act, Res: y, Y: y}
		g.check(fmt.Sprintf("%v in place, act %v", w, act), op, y, bound(tensor.F32, k))
	}
}

func testAttention(t *testing.T, g *rig) {
	for _, c := range []struct{ b, lq, lk, heads, kv, d int }{
		{1, 1, 1, 1, 1, 4}, {2, 3, 3, 2, 0, 8}, {2, 50, 50, 3, 0, 64}, {1, 1, 77, 4, 0, 24}, {3, 17, 33, 6, 2, 40},
		{1, 5, 70, 2, 1, 72}, {2, 8, 8, 2, 0, 80}, {1, 4, 9, 3, 0, 7}, {1, 16, 200, 1, 0, 128},
	} {
		for _, d := range floats {
			for _, causal := range []bool{false, true} {
				for _, withLens := range []bool{false, true} {
					g.attend(d, c.b, c.lq, c.lk, c.heads, c.kv, c.d, causal, withLens)
				}
			}
		}
	}
}

func (g *rig) attend(dt tensor.DType, b, lq, lk, heads, kv, d int, causal, withLens bool) {
	g.t.Helper()
	wide := kv
	if kv == 0 {
		wide = heads
	}
	op := &tensor.Attention{Q: g.tensor(dt, b, lq, heads*d), K: g.tensor(dt, b, lk, wide*d), V: g.tensor(dt, b, lk, wide*d),
		Heads: heads, KVHeads: kv, Scale: float32(1 / math.Sqrt(float64(d))), Causal: causal, Y: g.empty(dt, b, lq, heads*d)}
	if withLens {
		op.Lens = g.ints(b, lk+1)
	}
	if causal != withLens {
		op.Sizes = g.sizes(b, lk)
	}
	if causal && withLens {
		op.Window, op.Sinks = 1+lk/4, lq%3
	}
	if causal || lq == lk {
		op.Bias = g.tensor(tensor.F32, heads, 2*(lk/3)+1)
	}
	tol := bound(dt, d)
	if dt == tensor.BF16 {
		tol = 1.0 / 64 // probabilities are rounded too
	}
	g.check(fmt.Sprintf("%v %v causal %v lens %v", op.Q, op.K, causal, withLens), op, op.Y, tol)
}

// testPaged reads keys out of a store of pages that lie in no order.
func testPaged(t *testing.T, g *rig) {
	for _, c := range []struct {
		lq, page, heads, kv, d int
		lens                   []int
	}{
		{1, 16, 6, 2, 40, []int{1, 16, 17, 50}}, {1, 16, 3, 1, 64, []int{33}}, {5, 32, 4, 4, 8, []int{5, 64, 40}},
		{40, 16, 3, 1, 24, []int{40, 96}}, {2, 32, 2, 1, 16, []int{150, 192, 9}}, {3, 16, 2, 2, 7, []int{2, 3, 31}},
	} {
		for _, d := range floats {
			op := g.paged(d, c.lq, c.page, c.heads, c.kv, c.d, c.lens)
			tol := bound(d, c.d)
			if d == tensor.BF16 {
				tol = 1.0 / 64
			}
			for _, op.Causal = range []bool{false, true} {
				g.check(fmt.Sprintf("paged %v %v causal %v lens %v", op.Q, op.K, op.Causal, c.lens), op, op.Y, tol)
			}
			op.Window, op.Sinks = 5, 2
			g.check(fmt.Sprintf("paged %v %v window lens %v", op.Q, op.K, c.lens), op, op.Y, tol)
			op.Window, op.Sinks = 20, 0
			op.Bias = g.tensor(tensor.F32, c.heads, 2*7+1)
			g.check(fmt.Sprintf("paged %v %v bias lens %v", op.Q, op.K, c.lens), op, op.Y, tol)
		}
	}
}

// paged makes an Attention over a store of twelve pages.
func (g *rig) paged(dt tensor.DType, lq, page, heads, kv, d int, lens []int) *tensor.Attention {
	const store, each = 12, 6
	b := len(lens)
	op := &tensor.Attention{Q: g.tensor(dt, b, lq, heads*d), K: g.tensor(dt, store, page, kv*d), V: g.tensor(dt, store, page, kv*d),
		Heads: heads, KVHeads: kv, Scale: float32(1 / math.Sqrt(float64(d))), Y: g.empty(dt, b, lq, heads*d)}
	op.Lens = g.fill(g.empty(tensor.I32, b), func(i int) float64 { return float64(lens[i]) })
	pages, err := g.pool.New(tensor.I32, b, each)
	if err != nil {
		g.t.Fatal(err)
	}
	order := g.r.Perm(store)
	op.Pages = g.fill(pages, func(i int) float64 { return float64(order[i*5%store]) })
	return op
}

func testScatter(t *testing.T, g *rig) {
	for _, dx := range floats {
		for _, dy := range floats {
			for _, n := range []int{1, 37, 64} {
				x, y := g.tensor(dx, 2, 3, n), g.tensor(dy, 11, n)
				order := g.r.Perm(11)
				at := g.fill(g.empty(tensor.I32, 6), func(i int) float64 { return float64(order[i]) })
				op := &tensor.Scatter{X: x, At: at, Y: y}
				g.check(fmt.Sprintf("scatter %v into %v", x, y), op, y, bound(dy, 1))
			}
		}
	}
}

func testNorm(t *testing.T, g *rig) {
	for _, dims := range [][2]int{{1, 1}, {3, 16}, {5, 33}, {2, 768}, {9, 40}} {
		for _, dx := range floats {
			for _, dy := range floats {
				x, y := g.tensor(dx, dims[0], dims[1]), g.empty(dy, dims[0], dims[1])
				w, b := g.tensor(tensor.F32, dims[1]), g.tensor(tensor.F32, dims[1])
				tol := bound(dy, dims[1])
				g.check(fmt.Sprintf("layernorm %v → %v", x, y), &tensor.LayerNorm{X: x, W: w, B: b, Eps: 1e-5, Y: y}, y, tol)
				g.check(fmt.Sprintf("bare layernorm %v → %v", x, y), &tensor.LayerNorm{X: x, Eps: 1e-5, Y: y}, y, tol)
				g.check(fmt.Sprintf("rmsnorm %v → %v", x, y), &tensor.RMSNorm{X: x, W: w, Eps: 1e-6, Y: y}, y, tol)
			}
		}
	}
}

func testRope(t *testing.T, g *rig) {
	for _, c := range []struct{ b, l, heads, d, half int }{
		{1, 1, 1, 2, 1}, {2, 3, 2, 8, 4}, {3, 5, 3, 10, 3}, {1, 7, 12, 64, 32}, {2, 4, 5, 72, 36}, {2, 9, 2, 33, 16}, {1, 2, 1, 6, 0},
	} {
		for i, dx := range floats {
			for _, pairs := range []bool{false, true} {
				cos, sin := g.tensor(tensor.F32, c.l+3, c.half), g.tensor(tensor.F32, c.l+3, c.half)
				op := &tensor.Rope{X: g.tensor(dx, c.b, c.l, c.heads*c.d), Heads: c.heads, Cos: cos, Sin: sin, Interleaved: pairs}
				for j, at := range []tensor.Tensor{{}, g.ints(c.l, c.l+3), g.ints(c.b*c.l, c.l+3)} {
					op.At, op.Y = at, g.empty(floats[(i+j)%2], c.b, c.l, c.heads*c.d)
					g.check(fmt.Sprintf("rope %v by %v at %v, pairs %v → %v", op.X, cos, at, pairs, op.Y), op, op.Y, bound(op.Y.DType(), 2))
				}
				op.Y = op.X // the last, since it changes x
				g.check(fmt.Sprintf("rope %v in place, pairs %v", op.X, pairs), op, op.Y, bound(dx, 2))
			}
		}
	}
	x, cos := g.tensor(tensor.F32, 2, 4), g.tensor(tensor.F32, 3, 2)
	for _, p := range []float64{-1, 3} {
		at := g.fill(g.empty(tensor.I32, 2), func(int) float64 { return p })
		err := g.dev.Run(t.Context(), tensor.Bulk, func(s *tensor.Stream) error {
			s.Do(&tensor.Rope{X: x, Heads: 1, Cos: cos, Sin: cos, At: at, Y: x})
			return s.Err()
		})
		if err == nil {
			t.Errorf("rope: position %v of a table of 3 rows was accepted", p)
		}
	}
}

func testEmbed(t *testing.T, g *rig) {
	for _, d := range floats {
		table := g.tensor(d, 11, 37)
		for _, dy := range floats {
			y := g.empty(dy, 2, 3, 37)
			ids := g.ints(6, 11)
			g.check("embed", &tensor.Embed{Table: table, IDs: ids, Y: y}, y, bound(dy, 1))
			g.check("embed + positions", &tensor.Embed{Table: table, IDs: ids, Add: g.tensor(tensor.F32, 3, 37), Y: y}, y, bound(dy, 1))
		}
	}
}

func testPatchify(t *testing.T, g *rig) {
	for _, c := range [][4]int{{1, 4, 4, 4}, {2, 12, 8, 4}, {3, 15, 14, 5}} { // batch, height, width, patch
		x := g.fill(g.empty(tensor.U8, c[0], c[1], 3*c[2]), func(int) float64 { return float64(g.r.IntN(256)) })
		for lead := range 3 {
			y := g.empty(tensor.F32, c[0], lead+(c[1]/c[3])*(c[2]/c[3]), c[3]*c[3]*3)
			op := &tensor.Patchify{X: x, Patch: c[3], Lead: lead, Scale: [3]float32{0.01, 0.02, 0.03}, Shift: [3]float32{-1, 0, 1}, Y: y}
			g.check(fmt.Sprintf("patchify %v by %d lead %d", x, c[3], lead), op, y, 1e-6)
		}
	}
}

func testElementwise(t *testing.T, g *rig) {
	for _, n := range []int{1, 16, 35, 200} {
		for _, dx := range floats {
			for _, dy := range floats {
				x, y := g.tensor(dx, 3, n), g.empty(dy, 3, n)
				for act := tensor.NoAct; act <= tensor.ReLU; act++ {
					g.check(fmt.Sprintf("unary %v %v → %v", act, x, y), &tensor.Unary{X: x, Act: act, Y: y}, y, bound(dy, 1))
					wide := g.tensor(dx, 3, 2*n)
					g.check(fmt.Sprintf("glu %v", act), &tensor.GLU{X: wide, Act: act, Y: y}, y, bound(dy, 1))
				}
				g.check("copy", &tensor.Copy{X: x, Y: y}, y, bound(dy, 1))
			}
		}
		x, y := g.tensor(tensor.F32, 4, n), g.empty(tensor.F32, 4, n)
		g.check("normalize", &tensor.Normalize{X: x, Eps: 1e-12, Y: y}, y, 1e-7)
	}
}

func testPool(t *testing.T, g *rig) {
	for _, d := range floats {
		x, y := g.tensor(d, 3, 7, 33), g.empty(tensor.F32, 3, 33)
		g.check("mean", &tensor.MeanPool{X: x, Y: y}, y, bound(tensor.F32, 7))
		lens := g.fill(g.empty(tensor.I32, 3), func(i int) float64 { return float64(3 + 2*i) })
		g.check("mean of a part", &tensor.MeanPool{X: x, Lead: 1, Lens: lens, Y: y}, y, bound(tensor.F32, 7))
		g.check("mean by sizes", &tensor.MeanPool{X: x, Lead: 2, Sizes: g.sizes(3, 7), Y: y}, y, bound(tensor.F32, 7))
	}
}

// sizes are dense: how many tokens each stands for.
func (g *rig) sizes(b, l int) tensor.Tensor {
	t, err := g.pool.New(tensor.F32, b, l)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.fill(t, func(int) float64 { return float64(1 + g.r.IntN(5)) })
}

func testShorten(t *testing.T, g *rig) {
	for _, c := range []struct{ b, l, c, heads, d, lead, r int }{
		{1, 2, 3, 1, 4, 0, 1}, {1, 3, 5, 1, 4, 1, 1}, {2, 50, 24, 3, 8, 1, 13}, {3, 49, 16, 2, 20, 0, 24}, {1, 26, 40, 2, 64, 2, 5},
		{2, 70, 12, 3, 16, 5, 32}, {2, 9, 8, 1, 8, 1, 0},
	} {
		for _, d := range floats {
			x, keys := g.tensor(tensor.F32, c.b, c.l, c.c), g.tensor(d, c.b, c.l, c.heads*c.d)
			for _, sizes := range []tensor.Tensor{{}, g.sizes(c.b, c.l)} {
				op := &tensor.Merge{X: x, Keys: keys, Heads: c.heads, Sizes: sizes, Lead: c.lead,
					Y: g.empty(tensor.F32, c.b, c.l-c.r, c.c), YSizes: g.sizes(c.b, c.l-c.r)}
				g.check(fmt.Sprintf("merge %+v", c), op, op.Y, bound(tensor.F32, 8))
				_, want := merge(op, g.known())
				for i, n := range g.read(op.YSizes) {
					if n != want[i] {
						t.Errorf("merge %+v: size %d is %v, want %v", c, i, n, want[i])
					}
				}
			}
			if c.lead > 0 && c.r > 0 {
				op := &tensor.Prune{X: x, Q: g.tensor(d, c.b, c.l, c.heads*c.d), K: keys, Heads: c.heads, Scale: 0.3, Lead: c.lead,
					Y: g.empty(tensor.F32, c.b, c.l-c.r, c.c)}
				g.check(fmt.Sprintf("prune %+v", c), op, op.Y, bound(tensor.F32, c.l))
			}
		}
	}
}
