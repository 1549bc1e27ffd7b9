package cpu

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// norm runs LayerNorm (centred) or RMSNorm.
func (b *Backend) norm(x, w, bias, y tensor.Tensor, eps float32, centred bool) error {
	n := x.Cols()
	weight, shift := b.ones.ptr(), b.zeros.ptr()
	if w.Ok() {
		weight = rowPtr(w, 0)
	}
	if bias.Ok() {
		shift = rowPtr(bias, 0)
	}
	if 4*n > longest {
		return fmt.Errorf("cpu: rows of %d are too long for a norm", n)
	}
	plain := n%b.kern.Lanes != 0 // rows that registers do not divide
	kern := b.kern
	if plain {
		kern = b.plain()
	}
	stored := &kern.ToF32
	if y.DType() == tensor.BF16 {
		stored = &kern.ToBF16
	}
	s, nv := [2]float32{eps, 1 / float32(n)}, uintptr(n/kern.Lanes)
	from, to := view(x), view(y)
	b.eachRow(x.Rows(), n, func(worker, r int) {
		src := b.float32Row(from, r, worker)
		if centred {
			stored.LayerNorm(src, weight, shift, to.at(r), unsafe.Pointer(&s), nv)
		} else {
			stored.RMSNorm(src, weight, to.at(r), unsafe.Pointer(&s), nv)
		}
	})
	return nil
}

// plain returns the plain Go kernels, which take rows of any length.
func (b *Backend) plain() *simd.Kernels {
	k, err := simd.ByName("generic")
	if err != nil {
		panic(err)
	}
	return k
}

// float32Row is the address of row r as float32: in place, or in scratch.
func (b *Backend) float32Row(x rows, r, worker int) unsafe.Pointer {
	if x.dtype == tensor.F32 {
		return x.at(r)
	}
	p := b.scratch[worker].get(4 * x.cols)
	x.read(unsafe.Slice((*float32)(p), x.cols), r)
	return p
}

// mapRows writes each row of y as f makes it from row r; f gets a scratch row of
// y's width, with room for a register behind it.
func (b *Backend) mapRows(y tensor.Tensor, f func(dst []float32, r int)) {
	n, to := y.Cols(), view(y)
	b.eachRow(y.Rows(), n, func(worker, r int) {
		row := unsafe.Slice((*float32)(b.scratch[worker].get(4*(n+spare))), n+spare)[:n]
		f(row, r)
		b.store(to, r, row)
	})
}

const spare = 16 // float32 in the widest register

// store writes src as row r, whole registers by the kernel.
func (b *Backend) store(to rows, r int, src []float32) {
	n := 0
	if to.dtype == tensor.BF16 {
		n = len(src) / b.kern.Lanes * b.kern.Lanes
	}
	if n > 0 {
		b.kern.Convert(unsafe.Pointer(&src[0]), to.at(r), uintptr(n/b.kern.Lanes))
	}
	to.from(n, len(src)-n).write(r, src[n:])
}

// load reads row r into dst, which has room for a register behind it, whole registers
// by the kernel.
func (b *Backend) load(dst []float32, from rows, r int) {
	n := 0
	if from.dtype == tensor.BF16 && b.kern.FromBF16 != nil {
		n = len(dst) / b.kern.Lanes * b.kern.Lanes
	}
	if n > 0 { // the largest number is of no use here
		b.kern.FromBF16(from.at(r), unsafe.Pointer(&dst[0]), unsafe.Pointer(&dst[:len(dst)+1][len(dst)]), uintptr(n/b.kern.Lanes))
	}
	from.from(n, len(dst)-n).read(dst[n:], r)
}

func (b *Backend) embed(o *tensor.Embed) error {
	ids := lens(o.IDs)
	for i, id := range ids {
		if id < 0 || int(id) >= o.Table.Rows() {
			return fmt.Errorf("cpu: embed: id %d at position %d is outside the table of %d rows", id, i, o.Table.Rows())
		}
	}
	table, plus := view(o.Table), view(o.Add)
	b.mapRows(o.Y, func(dst []float32, r int) {
		table.read(dst, int(ids[r]))
		if o.Add.Ok() {
			add(dst, plus.f32(r%o.Add.Rows()))
		}
	})
	return nil
}

func (b *Backend) scatter(o *tensor.Scatter) error {
	at := lens(o.At)
	for i, row := range at {
		if row < 0 || int(row) >= o.Y.Rows() {
			return fmt.Errorf("cpu: scatter: row %d goes to %d of %d rows", i, row, o.Y.Rows())
		}
	}
	x, y := view(o.X), view(o.Y)
	n, same := x.cols*x.dtype.Size(), x.dtype == y.dtype
	b.eachRow(len(at), x.cols, func(worker, r int) {
		if same {
			copy(unsafe.Slice((*byte)(y.at(int(at[r]))), n), unsafe.Slice((*byte)(x.at(r)), n))
			return
		}
		row := unsafe.Slice((*float32)(b.scratch[worker].get(4*x.cols)), x.cols)
		x.read(row, r)
		y.write(int(at[r]), row)
	})
	return nil
}

func add(dst, src []float32) {
	for i, v := range src {
		dst[i] += v
	}
}

// patchify normalises by table where pixels are bytes: one look-up a value.
func (b *Backend) patchify(o *tensor.Patchify) error {
	gw, tokens, pixels := o.X.Dim(2)/(3*o.Patch), o.Y.Dim(1), view(o.X)
	var table [3][256]float32
	for c := range table {
		for v := range table[c] {
			table[c][v] = float32(v)*o.Scale[c] + o.Shift[c]
		}
	}
	n := 3 * o.Patch
	b.mapRows(o.Y, func(dst []float32, r int) {
		seq, patch := r/tokens, r%tokens-o.Lead
		if patch < 0 {
			clear(dst)
			return
		}
		for y := range o.Patch {
			line := pixels.from(patch%gw*n, n)
			at := seq*o.X.Dim(1) + patch/gw*o.Patch + y
			if out := dst[y*n : (y+1)*n]; line.dtype == tensor.U8 {
				lookUp(out, unsafe.Slice((*uint8)(line.at(at)), n), &table)
			} else {
				normalise(out, line.f32(at), o)
			}
		}
	})
	return nil
}

func lookUp(dst []float32, src []uint8, table *[3][256]float32) {
	for i := 0; i+2 < len(src) && i+2 < len(dst); i += 3 {
		dst[i], dst[i+1], dst[i+2] = table[0][src[i]], table[1][src[i+1]], table[2][src[i+2]]
	}
}

func normalise(dst, src []float32, o *tensor.Patchify) {
	for i, v := range src {
		dst[i] = v*o.Scale[i%3] + o.Shift[i%3]
	}
}

func (b *Backend) unary(o *tensor.Unary) error {
	x := view(o.X)
	b.mapRows(o.Y, func(dst []float32, r int) {
		b.load(dst, x, r)
		b.activate(o.Act, dst)
	})
	return nil
}

// activate applies act in place: whole tile widths by the kernel, the rest by its
// twin.
func (b *Backend) activate(act tensor.Act, x []float32) {
	rows := len(x) / b.kern.NR
	if ld := uintptr(4 * b.kern.NR); rows > 0 {
		p := unsafe.Pointer(&x[0])
		b.kern.ToF32.Finish[act](p, b.zeros.ptr(), nil, p, ld, 0, ld, uintptr(rows))
	}
	for i := rows * b.kern.NR; i < len(x); i++ {
		x[i] = simd.Activate(int(act), x[i])
	}
}

// glu has its halves in scratch, one behind the other; the second where it is bf16.
func (b *Backend) glu(o *tensor.GLU) error {
	n, x, y := o.Y.Cols(), view(o.X), view(o.Y)
	gate, up := x.from(0, n), x.from(n, n)
	b.eachRow(o.Y.Rows(), n, func(worker, r int) {
		row := unsafe.Slice((*float32)(b.scratch[worker].get(4*(2*n+spare))), 2*n+spare)
		dst, by := row[:n], row[n:2*n]
		b.load(dst, gate, r)
		b.activate(o.Act, dst)
		if up.dtype == tensor.F32 {
			by = up.f32(r)
		} else {
			b.load(by, up, r)
		}
		multiply(dst, by)
		b.store(y, r, dst)
	})
	return nil
}

func multiply(dst, by []float32) {
	by = by[:len(dst)]
	for i, v := range by {
		dst[i] *= v
	}
}

func (b *Backend) copy(o *tensor.Copy) error {
	from, to := view(o.X), view(o.Y)
	if from.dtype != to.dtype {
		b.mapRows(o.Y, func(dst []float32, r int) { b.load(dst, from, r) })
		return nil
	}
	n := from.cols * from.dtype.Size()
	b.eachRow(o.X.Rows(), n, func(_, r int) {
		copy(unsafe.Slice((*byte)(to.at(r)), n), unsafe.Slice((*byte)(from.at(r)), n))
	})
	return nil
}

// normalize sums the squares in float64, so that a unit vector is one to the last
// bit that float32 can show.
func (b *Backend) normalize(o *tensor.Normalize) error {
	x := view(o.X)
	b.mapRows(o.Y, func(dst []float32, r int) {
		x.read(dst, r)
		sum := 0.0
		for _, v := range dst {
			sum += float64(v) * float64(v)
		}
		by := 1 / max(math.Sqrt(sum), float64(o.Eps))
		for i, v := range dst {
			dst[i] = float32(float64(v) * by)
		}
	})
	return nil
}

func (b *Backend) meanPool(o *tensor.MeanPool) error {
	l, x := o.X.Dim(1), view(o.X)
	b.mapRows(o.Y, func(dst []float32, r int) {
		end := l
		if o.Lens.Ok() {
			end = min(max(int(lens(o.Lens)[r]), 0), l)
		}
		clear(dst)
		row, total := make([]float32, len(dst)), float32(max(end-o.Lead, 1))
		if sizes := sizesOf(o.Sizes, r, l); sizes != nil {
			total = meanOfSizes(dst, row, x, r*l, sizes[:end], o.Lead)
		} else {
			for i := o.Lead; i < end; i++ {
				x.read(row, r*l+i)
				add(dst, row)
			}
		}
		for i := range dst {
			dst[i] /= total
		}
	})
	return nil
}

// meanOfSizes adds rows, each times its size, to dst and returns the sizes' sum.
func meanOfSizes(dst, row []float32, x rows, first int, sizes []float32, lead int) (total float32) {
	for i := lead; i < len(sizes); i++ {
		x.read(row, first+i)
		for k, v := range row {
			dst[k] += sizes[i] * v
		}
		total += sizes[i]
	}
	return max(total, 1)
}
