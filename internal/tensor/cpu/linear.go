package cpu

import (
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// linear runs Y = act(X·Wᵀ + bias) + res. Tasks are panels of the weight times
// chunks of rows; a chunk's partial sums stay in the caches of one core.
func (b *Backend) linear(o *tensor.Linear) error {
	p := o.W.Packed().(*panels)
	g := &gemm{b: b, o: o, p: p, m: o.Y.Rows(), k: b.kern, bias: b.zeros.ptr(), y: view(o.Y), res: view(o.Res), stored: &b.kern.ToF32}
	if g.m == 0 {
		return nil
	}
	if o.Bias.Ok() {
		g.bias = rowPtr(o.Bias, 0)
	}
	if o.Res.Ok() {
		g.count = o.Res.Rows()
	}
	if o.Y.DType() == tensor.BF16 {
		g.stored = &b.kern.ToBF16
	}
	g.a, g.lda = b.activations(o.X, p)
	if b.last != nil {
		b.last.follow = p
	}
	b.last = p
	g.panels = (o.W.Out() + g.k.NR - 1) / g.k.NR
	chunks := g.chunks()
	g.chunk = (g.m + chunks - 1) / chunks
	chunks = (g.m + g.chunk - 1) / g.chunk // rounding up may have left the last ones without rows
	run := g.run()
	runs := (g.panels + run - 1) / run
	b.team.run(chunks*runs, func(worker, task int) {
		lo, first := task/runs*g.chunk, task%runs*run
		for i := first; i < min(first+run, g.panels); i++ {
			g.panel(worker, i, lo, min(lo+g.chunk, g.m))
		}
	})
	return nil
}

// chunks is how many parts the rows are cut into: as few as the caches hold, but
// enough that every worker finds tasks.
func (g *gemm) chunks() int {
	tasks := 4 * g.b.Workers()
	wanted := min((tasks+g.panels-1)/g.panels, g.m/g.p.block)
	limit := g.p.chunkRows()
	return max((g.m+limit-1)/limit, wanted)
}

// chunkRows is how many rows a chunk has at most: 18 tiles of 14 make 32 kB of sums
// in a panel, and where rows are multiplied faster, one call takes all.
func (p *panels) chunkRows() int { return max(252, len(p.tiles)) }

// run is how many neighbouring panels make a task. Where one tile holds all rows
// the weights come straight from memory, and long runs keep each core's stream
// of them sequential.
func (g *gemm) run() int {
	if g.m > g.p.block {
		return 1
	}
	return max(1, g.panels/(4*g.b.Workers()))
}

const (
	lead      = 8 << 10   // bytes that a single tile fetches ahead of itself
	blockK    = 96 << 10  // bytes of a panel that are multiplied at a time, to stay in L2
	alignment = 16        // rows of converted activations start on 64 bytes, in floats
	gap       = alignment // and never 4 kB apart
)

// gemm is one Linear in progress.
type gemm struct {
	b      *Backend
	o      *tensor.Linear
	p      *panels
	k      *simd.Kernels
	m      int // rows
	chunk  int // rows of a task
	panels int
	a      unsafe.Pointer
	lda    int // bytes
	bias   unsafe.Pointer
	y, res rows
	count  int          // rows of res before it repeats
	stored *simd.Stored // stores y's dtype
}

// panel computes rows lo to hi of panel i.
func (g *gemm) panel(worker, i, lo, hi int) {
	ldc := 4 * g.k.NR
	sums, wide := roundUp((hi-lo)*ldc, 64), 0
	if g.p.narrow != nil {
		wide = g.p.narrow.space(g.p, g.step(0))
	}
	c := g.b.scratch[worker].get(sums + wide)
	for u := 0; u < g.p.units; {
		units, weights := g.step(u), g.p.panel(i, u)
		if g.p.narrow != nil {
			weights = unsafe.Add(c, sums)
			g.p.narrow.part(g.p, i, u, units, weights)
		}
		next, ahead, part := g.prefetch(i, u, units, hi-lo)
		eachTile(lo, hi, len(g.p.tiles), func(r, n int) {
			g.p.tiles[n-1](unsafe.Add(g.a, r*g.lda+4*u), weights, unsafe.Add(c, (r-lo)*ldc),
				uintptr(g.lda), uintptr(g.p.stride), uintptr(ldc), uintptr(units), uintptr(min(u, 1)), next, uintptr(ahead))
			next = unsafe.Add(next, part)
		})
		u += units
	}
	g.finish(c, i, lo, hi)
}

// prefetch plans what the tiles of one pass fetch into the second-level cache:
// each an equal part of the weights that this core multiplies next. A single tile
// runs right ahead of itself, since it needs its weights sooner.
func (g *gemm) prefetch(i, u, n, rows int) (next unsafe.Pointer, ahead, part int) {
	turns := (rows + g.p.block - 1) / g.p.block
	_, stride := g.p.stored()
	if turns == 1 {
		return unsafe.Add(g.p.panel(i, u), lead), stride, 0
	}
	ahead = stride / min(turns, 8)
	if u+n < g.p.units {
		return g.p.panel(i, u+n), ahead, n * ahead
	}
	w, panel := g.p, i+g.b.Workers()
	if panel >= g.panels { // the last ones fetch what the next layer begins with
		if panel %= g.b.Workers(); w.follow.holds(panel, n*stride) {
			w = w.follow
		}
	}
	return w.panel(panel, 0), ahead, n * ahead
}

// eachTile cuts rows lo to hi into as few tiles as possible, of nearly equal
// height, since a tile's cost is hardly less for fewer rows.
func eachTile(lo, hi, mr int, f func(r, rows int)) {
	for left := (hi - lo + mr - 1) / mr; left > 0; left-- {
		rows := (hi - lo + left - 1) / left
		f(lo, rows)
		lo += rows
	}
}

// step is how many units from u on are multiplied in one pass: the whole of k cut
// into equal parts that fit, of sixteens, which some tiles add up first.
func (g *gemm) step(u int) int {
	passes := (g.p.units*g.p.stride + blockK - 1) / blockK
	n := roundUp((g.p.units+passes-1)/passes, 16)
	return min(n, g.p.units-u)
}

// finish writes panel i's sums with bias, activation and residual.
func (g *gemm) finish(c unsafe.Pointer, i, lo, hi int) {
	nr, col := g.k.NR, i*g.k.NR
	if n := g.y.cols - col; n < nr || g.count > 0 && g.res.dtype != tensor.F32 {
		g.finishTail(c, i, min(n, nr), lo, hi)
		return
	}
	bias, y, ldc := unsafe.Add(g.bias, 4*col), g.y.from(col, nr), uintptr(4*nr)
	ldres, ldy := uintptr(g.res.stride), uintptr(y.stride)
	for r := lo; r < hi; {
		res, n := g.residual(r, hi, col)
		sums := unsafe.Add(c, (r-lo)*4*nr)
		if g.p.format >= asU8 {
			g.stored.FinishInt[g.o.Act](sums, bias, res, y.at(r), ldc, ldres, ldy, uintptr(n), g.p.param(i, nr), g.scale(r))
		} else {
			g.stored.Finish[g.o.Act](sums, bias, res, y.at(r), ldc, ldres, ldy, uintptr(n))
		}
		r += n
	}
}

// scale is the address of row r's activation scale.
func (g *gemm) scale(r int) unsafe.Pointer { return unsafe.Add(g.b.scales.ptr(), 4*r) }

// residual finds the residual of Y's rows from r on, and for how many of them it
// serves before it repeats.
func (g *gemm) residual(r, hi, col int) (unsafe.Pointer, int) {
	if g.count == 0 {
		return nil, hi - r
	}
	return g.res.from(col, g.k.NR).at(r % g.count), min(hi-r, g.count-r%g.count)
}

// finishTail is finish for a panel that the last columns do not fill, value by
// value.
func (g *gemm) finishTail(c unsafe.Pointer, i, n, lo, hi int) {
	nr, col := g.k.NR, i*g.k.NR
	if ld := uintptr(4 * nr); g.p.format >= asU8 {
		g.k.ToF32.FinishInt[tensor.NoAct](c, g.b.zeros.ptr(), nil, c, ld, 0, ld, uintptr(hi-lo), g.p.param(i, nr), g.scale(lo))
	}
	bias, res := unsafe.Slice((*float32)(unsafe.Add(g.bias, 4*col)), n), make([]float32, n)
	for r := lo; r < hi; r++ {
		sums := unsafe.Slice((*float32)(unsafe.Add(c, (r-lo)*4*nr)), n)
		if g.count > 0 {
			g.res.from(col, n).read(res, r%g.count)
		}
		for j := range sums {
			sums[j] = simd.Activate(int(g.o.Act), sums[j]+bias[j]) + res[j]
		}
		g.y.from(col, n).write(r, sums)
	}
}

// activations returns x in the form that p's tiles read: as it is where it fits,
// else converted, row by row, into scratch.
func (b *Backend) activations(x tensor.Tensor, p *panels) (unsafe.Pointer, int) {
	switch {
	case p.format <= asF16 && x.DType() == tensor.F32:
		return rowPtr(x, 0), 4 * x.LD()
	case p.format == asBF16 && x.DType() == tensor.BF16 && x.Cols()%2 == 0:
		return rowPtr(x, 0), 2 * x.LD()
	}
	m, lda := x.Rows(), 4*(p.units+gap+alignment-p.units%alignment)
	a := b.rows.get(m * lda)
	b.scales.get(4 * m)
	v := view(x)
	b.eachRow(m, v.cols, func(worker, r int) { b.convertRow(v, r, unsafe.Add(a, r*lda), p, worker) })
	return a, lda
}

// convertRow writes row r of x at a in p's format, padded to a whole unit.
func (b *Backend) convertRow(x rows, r int, a unsafe.Pointer, p *panels, worker int) {
	n, lanes, scale := x.cols, b.kern.Lanes, unsafe.Add(b.scales.ptr(), 4*r)
	if n%lanes == 0 && x.dtype == tensor.BF16 && p.format == asU8 && b.kern.QuantizeBF16 != nil {
		b.kern.QuantizeBF16(x.at(r), a, scale, uintptr(n/lanes))
		return
	}
	src := b.wholeRow(x, r, worker)
	nv := uintptr(roundUp(n, max(lanes, unitValues)) / lanes)
	switch p.format {
	case asBF16:
		b.kern.Convert(src, a, nv)
	case asU8, asI16:
		b.kern.Quantize(src, a, scale, nv)
	default:
		copy(unsafe.Slice((*float32)(a), n), unsafe.Slice((*float32)(src), n))
	}
}

// unitValues is the most values that a 4-byte unit holds: int8.
const unitValues = 4

// wholeRow is the address of row r as float32, padded with zeros to whole
// registers and units: in place where it is that, or in scratch.
func (b *Backend) wholeRow(x rows, r, worker int) unsafe.Pointer {
	n, lanes := x.cols, max(b.kern.Lanes, unitValues)
	if x.dtype == tensor.F32 && n%lanes == 0 {
		return x.at(r)
	}
	padded := roundUp(n, lanes)
	row := unsafe.Slice((*float32)(b.scratch[worker].get(4*padded)), padded)
	x.read(row, r)
	clear(row[n:])
	return unsafe.Pointer(&row[0])
}

// eachRow spreads rows of n elements over the workers. What takes less time than
// waking a worker is done at once.
func (b *Backend) eachRow(m, n int, f func(worker, r int)) {
	grain := max(1, min(8, m/(4*b.Workers())))
	if m*n < 16<<10 {
		grain = m
	}
	if m == 0 {
		return
	}
	b.team.run((m+grain-1)/grain, func(worker, task int) {
		for r := task * grain; r < min((task+1)*grain, m); r++ {
			f(worker, r)
		}
	})
}
