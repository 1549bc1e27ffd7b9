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
	g := &gemm{b: b, o: o, p: p, m: o.Y.Rows(), k: b.kern}
	if g.m == 0 {
		return nil
	}
	if o.Bias.Ok() {
		g.bias = rowF32(o.Bias, 0)
	}
	g.a, g.lda = b.activations(o.X, p)
	chunks := (g.m + chunkRows - 1) / chunkRows
	g.chunk = (g.m + chunks - 1) / chunks
	count := (o.W.Out() + g.k.NR - 1) / g.k.NR
	b.team.run(chunks*count, func(worker, task int) {
		lo := task / count * g.chunk
		g.panel(worker, task%count, lo, min(lo+g.chunk, g.m))
	})
	return nil
}

const (
	chunkRows = 252       // 18 tiles of 14 rows: 32 kB of partial sums per panel
	blockK    = 96 << 10  // bytes of a panel that are multiplied at a time, to stay in L2
	alignment = 16        // rows of converted activations start on 64 bytes, in floats
	gap       = alignment // and never 4 kB apart
)

// gemm is one Linear in progress.
type gemm struct {
	b     *Backend
	o     *tensor.Linear
	p     *panels
	k     *simd.Kernels
	m     int // rows
	chunk int // rows of a task
	a     unsafe.Pointer
	lda   int // bytes
	bias  []float32
}

// panel computes rows lo to hi of panel i.
func (g *gemm) panel(worker, i, lo, hi int) {
	ldc := 4 * g.k.NR
	c := g.b.scratch[worker].get(chunkRows*ldc)
	for u := 0; u < g.p.units; {
		n := g.step(u)
		eachTile(lo, hi, len(g.p.tiles), func(r, rows int) {
			g.p.tiles[rows-1](unsafe.Add(g.a, r*g.lda+4*u), g.p.panel(i, u), unsafe.Add(c, (r-lo)*ldc),
				uintptr(g.lda), uintptr(g.p.stride), uintptr(ldc), uintptr(n), uintptr(min(u, 1)))
		})
		u += n
	}
	g.finish(c, i, lo, hi)
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
// into equal parts that fit.
func (g *gemm) step(u int) int {
	passes := (g.p.units*g.p.stride + blockK - 1) / blockK
	n := (g.p.units + passes - 1) / passes
	return min(n, g.p.units-u)
}

// finish dequantises the sums and writes them with bias, activation and residual.
func (g *gemm) finish(c unsafe.Pointer, i, lo, hi int) {
	nr, col := g.k.NR, i*g.k.NR
	ldc, nv := uintptr(4*nr), uintptr(nr/g.k.Lanes)
	if g.p.scale != nil {
		g.k.Dequant(c, unsafe.Add(g.p.corr.ptr(), 4*col), unsafe.Add(g.p.scale.ptr(), 4*col),
			unsafe.Add(g.b.scales.m.ptr(), 4*lo), ldc, uintptr(hi-lo), nv)
	}
	if n := g.o.W.Out() - col; n < nr || g.o.Res.Ok() && g.o.Res.DType() != tensor.F32 {
		g.finishTail(c, col, min(n, nr), lo, hi)
		return
	}
	bias := g.b.zeros.ptr()
	if g.bias != nil {
		bias = unsafe.Pointer(&g.bias[col])
	}
	for r := lo; r < hi; {
		res, ldres, rows := g.residual(r, hi, col)
		y := g.o.Y.ColSlice(col, col+nr)
		stored, size := &g.k.ToF32, 4
		if y.DType() == tensor.BF16 {
			stored, size = &g.k.ToBF16, 2
		}
		stored.Finish[g.o.Act](unsafe.Add(c, (r-lo)*4*nr), bias, res, rowPtr(y, r),
			ldc, uintptr(ldres), uintptr(size*(y.LD()-nr)), uintptr(rows), nv)
		r += rows
	}
}

// residual finds the rows of Res for Y's rows from r on: their address, the gap
// between them, and for how many of Y's rows they serve before Res repeats.
func (g *gemm) residual(r, hi, col int) (p unsafe.Pointer, gap, rows int) {
	if !g.o.Res.Ok() {
		return nil, 0, hi - r
	}
	res := g.o.Res
	n := res.Rows()
	p = unsafe.Add(rowPtr(res, r%n), 4*col)
	return p, 4 * (res.LD() - g.k.NR), min(hi-r, n-r%n)
}

// finishTail is finish for a panel that the last columns do not fill, value by
// value.
func (g *gemm) finishTail(c unsafe.Pointer, col, n, lo, hi int) {
	res := make([]float32, n)
	for r := lo; r < hi; r++ {
		sums := unsafe.Slice((*float32)(unsafe.Add(c, (r-lo)*4*g.k.NR)), n)
		if g.o.Res.Ok() {
			readRow(res, g.o.Res.ColSlice(col, col+n), r%g.o.Res.Rows())
		}
		for j := range sums {
			if g.bias != nil {
				sums[j] += g.bias[col+j]
			}
			sums[j] = simd.Activate(int(g.o.Act), sums[j])
			if g.o.Res.Ok() {
				sums[j] += res[j]
			}
		}
		writeRow(g.o.Y.ColSlice(col, col+n), r, sums)
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
	if p.scale != nil {
		b.scales.get(4 * m)
	}
	b.eachRow(m, func(worker, r int) { b.convertRow(x, r, unsafe.Add(a, r*lda), p, worker) })
	return a, lda
}

// convertRow writes row r of x at a in p's format, padded to a whole unit.
func (b *Backend) convertRow(x tensor.Tensor, r int, a unsafe.Pointer, p *panels, worker int) {
	n := x.Cols()
	src := rowPtr(x, r)
	if lanes := b.kern.Lanes; x.DType() != tensor.F32 || n%lanes != 0 {
		padded := (n + lanes - 1) / lanes * lanes
		row := unsafe.Slice((*float32)(b.scratch[worker].get(4*padded)), padded)
		readRow(row, x, r)
		clear(row[n:])
		src, n = unsafe.Pointer(&row[0]), padded
	}
	nv := uintptr(n / b.kern.Lanes)
	switch p.format {
	case asBF16:
		b.kern.Convert(src, a, nv)
	case asU8, asI16:
		b.kern.Quantize(src, a, unsafe.Add(b.scales.m.ptr(), 4*r), nv)
	default:
		copy(unsafe.Slice((*float32)(a), n), unsafe.Slice((*float32)(src), n))
	}
}

// eachRow spreads rows over the workers, a few dozen at a time.
func (b *Backend) eachRow(m int, f func(worker, r int)) {
	const grain = 8
	b.team.run((m+grain-1)/grain, func(worker, task int) {
		for r := task * grain; r < min((task+1)*grain, m); r++ {
			f(worker, r)
		}
	})
}
