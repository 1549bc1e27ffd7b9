package cpu

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// packer fills a weight's panels: rows are read as float32, staged in the tiles'
// format row by row, and transposed, so that a unit's columns lie side by side.
// What it works on fits into the second-level cache.
type packer struct {
	*panels
	kern   *simd.Kernels
	kind   tensor.Kind
	in, nr int
	rows   []float32 // (NR, In)
	staged []uint32  // (NR, units) of 4 bytes; of formats whose units have 2 bytes, the first half
}

func newPacker(p *panels, kern *simd.Kernels, kind tensor.Kind, in int) *packer {
	k := &packer{panels: p, kern: kern, kind: kind, in: in, nr: kern.NR, rows: make([]float32, kern.NR*in)}
	if p.format != asF32 && p.narrow == nil {
		k.staged = make([]uint32, kern.NR*p.units)
	}
	return k
}

// panel reads and packs the n rows of panel i; the rest of it is zeros.
func (k *packer) panel(i, n int, rows tensor.Rows) {
	rows(i*k.nr, i*k.nr+n, k.rows[:n*k.in])
	clear(k.rows[n*k.in:])
	if k.narrow != nil {
		k.narrow.fill(k.panels, i, k.rows, k.in)
		return
	}
	base := k.panels.panel(i, 0)
	switch k.format {
	case asF32:
		for j := range n {
			round(k.row(j), k.kind)
		}
		k.transpose(base, bitsOf(k.rows))
	case asF16:
		half := unsafe.Slice((*uint16)(unsafe.Pointer(&k.staged[0])), k.nr*k.units)
		for j, v := range k.rows {
			half[j] = simd.ToF16(v)
		}
		transpose(base, half, k.nr, k.units)
	case asBF16:
		k.stageBF16()
		k.transpose(base, k.staged)
	case asU8:
		k.stageI8(i)
		k.transpose(base, k.staged)
	case asI16:
		k.stageI8(i)
		transpose(base, unsafe.Slice((*uint16)(unsafe.Pointer(&k.staged[0])), k.nr*k.units), k.nr, k.units)
	}
}

func (k *packer) row(j int) []float32 { return k.rows[j*k.in : (j+1)*k.in] }

// stageBF16 rounds the rows, each padded to a whole unit.
func (k *packer) stageBF16() {
	if all := len(k.rows); all%k.kern.Lanes == 0 && k.in%2 == 0 {
		k.kern.Convert(unsafe.Pointer(&k.rows[0]), unsafe.Pointer(&k.staged[0]), uintptr(all/k.kern.Lanes))
		return
	}
	for j := range k.nr {
		out := unsafe.Slice((*uint16)(unsafe.Pointer(&k.staged[j*k.units])), 2*k.units)
		for c, v := range k.row(j) {
			out[c] = tensor.ToBF16(v)
		}
		clear(out[k.in:])
	}
}

// stageI8 quantises each row symmetrically to 127 steps. Where activations are
// stored with 128 added, the correction is 128·Σw.
func (k *packer) stageI8(i int) {
	params, line := k.param(i, k.nr), k.units*k.format.group() // bytes of a staged row
	all := unsafe.Slice((*uint8)(unsafe.Pointer(&k.staged[0])), k.nr*line)
	for j := range k.nr {
		out, sum := all[j*line:(j+1)*line], int32(0)
		scale := (*float32)(unsafe.Add(params, 4*(k.nr+j)))
		if k.format == asU8 && k.in%max(k.kern.Lanes, unitValues) == 0 {
			k.kern.Quantize(unsafe.Pointer(&k.row(j)[0]), unsafe.Pointer(&out[0]), unsafe.Pointer(scale), uintptr(k.in/k.kern.Lanes))
			sum = signed(out)
		} else {
			*scale, sum = quantise(out, k.row(j))
		}
		if k.format == asU8 {
			*(*int32)(unsafe.Add(params, 4*j)) = 128 * sum
		}
	}
}

// signed takes the 128 off that were added to bytes, and sums what is left: eight
// bytes at a time, in four sums of 16 bits, which hold 128 pairs.
func signed(b []uint8) (sum int32) {
	const even, bias = 0x00ff00ff00ff00ff, 0x8080808080808080
	sum = -128 * int32(len(b))
	for len(b) >= 8 {
		part := b[:min(len(b), 1024)/8*8]
		b = b[len(part):]
		var pairs uint64
		for ; len(part) > 0; part = part[8:] {
			v := binary.LittleEndian.Uint64(part)
			pairs += v&even + v>>8&even
			binary.LittleEndian.PutUint64(part, v^bias)
		}
		for ; pairs > 0; pairs >>= 16 {
			sum += int32(pairs & 0xffff)
		}
	}
	for i, v := range b {
		sum += int32(v)
		b[i] = v ^ 128
	}
	return sum
}

// step is what a row's largest weight is 127 times of.
func step(row []float32) (step, inverse float32) {
	top := float32(1e-30)
	for _, v := range row {
		top = max(top, v, -v)
	}
	return top * (1.0 / 127), 127 / top
}

// quantise is the twin of Kernels.Quantize, without 128 added; out is padded with
// zeros.
func quantise(out []uint8, row []float32) (scale float32, sum int32) {
	scale, inverse := step(row)
	for c, v := range row {
		q := nearest(v * inverse)
		out[c] = uint8(q)
		sum += q
	}
	clear(out[len(row):])
	return scale, sum
}

// nearest rounds |f| < 2²² to an integer, ties to even, by adding what leaves no
// room for a fraction.
func nearest(f float32) int32 {
	const magic = 3 << 22
	return int32(math.Float32bits(f+magic)) - int32(math.Float32bits(magic))
}

// round rounds weights to what kind can hold.
func round(row []float32, kind tensor.Kind) {
	switch kind {
	case tensor.KindF16:
		for i, v := range row {
			row[i] = simd.FromF16(simd.ToF16(v))
		}
	case tensor.KindBF16:
		for i, v := range row {
			row[i] = tensor.FromBF16(tensor.ToBF16(v))
		}
	case tensor.KindI8:
		scale, inverse := step(row)
		for i, v := range row {
			row[i] = float32(nearest(v*inverse)) * scale
		}
	}
}

// transpose writes a panel of 4-byte units, (units, NR), of staged rows (NR, units).
func (k *packer) transpose(panel unsafe.Pointer, staged []uint32) {
	blocks := 0
	if k.kern.Transpose != nil && k.nr%square == 0 {
		blocks = k.units / square * square
	}
	for u := 0; u < blocks; u += square {
		for j := 0; j < k.nr; j += square {
			k.kern.Transpose(unsafe.Pointer(&staged[j*k.units+u]), unsafe.Add(panel, 4*(u*k.nr+j)), uintptr(4*k.units), uintptr(4*k.nr))
		}
	}
	if blocks < k.units {
		transposeFrom(panel, staged, k.nr, k.units, blocks)
	}
}

// transpose is packer.transpose for units of any size.
func transpose[T uint16 | uint32](panel unsafe.Pointer, staged []T, nr, units int) {
	transposeFrom(panel, staged, nr, units, 0)
}

// transposeFrom transposes from a unit on.
func transposeFrom[T uint16 | uint32](panel unsafe.Pointer, staged []T, nr, units, first int) {
	out := unsafe.Slice((*T)(panel), nr*units)
	for u := first; u < units; u++ {
		column := out[u*nr : (u+1)*nr]
		for j := range column {
			column[j] = staged[j*units+u]
		}
	}
}

// bitsOf views float32 by their bits.
func bitsOf(v []float32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}
