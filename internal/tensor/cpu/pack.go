package cpu

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// panels is a packed weight. Panel p holds output columns p·NR to (p+1)·NR, unit
// by unit along k; the last one is padded with zeros.
type panels struct {
	*memory
	tiles  []simd.Tile
	block  int // rows that multiply with each reading of the weights
	format format
	units  int     // 4-byte units of an activation row along k
	stride int     // bytes of b from one unit to the next
	params *memory // int8: per panel NR corrections (I32), then NR scales (F32)
	follow *panels // what was multiplied after this one last time: worth prefetching
}

// format is how activations and weights meet in a tile.
type format uint8

const (
	asF32 format = iota
	asF16
	asBF16
	asU8
	asI16
)

// group is how many values along k one 4-byte unit of an activation row holds.
func (f format) group() int { return [...]int{1, 1, 2, 4, 2}[f] }

// choose picks the tiles for a kind. Kinds that the instruction set lacks are
// multiplied in f32, with weights rounded to that kind first.
func (b *Backend) choose(k tensor.Kind) ([]simd.Tile, format) {
	switch {
	case k == tensor.KindF16 && b.kern.F16 != nil:
		return b.kern.F16, asF16
	case k == tensor.KindBF16 && b.kern.BF16 != nil:
		return b.kern.BF16, asBF16
	case k == tensor.KindI8 && b.kern.I8 != nil && b.kern.WideI8:
		return b.kern.I8, asI16
	case k == tensor.KindI8 && b.kern.I8 != nil:
		return b.kern.I8, asU8
	}
	return b.kern.F32, asF32
}

// Pack implements tensor.Backend.
func (b *Backend) Pack(kind tensor.Kind, out, in int, rows tensor.Rows) (tensor.Weight, error) {
	if out < 1 || in < 1 {
		return tensor.Weight{}, fmt.Errorf("cpu: pack a weight of %d by %d", out, in)
	}
	p := &panels{}
	p.tiles, p.format = b.choose(kind)
	if p.block = len(p.tiles); b.kern.Block > 0 {
		p.block = min(p.block, b.kern.Block)
	}
	g, nr := p.format.group(), b.kern.NR
	p.units = (in + g - 1) / g
	p.stride = nr * map[format]int{asF32: 4, asF16: 2, asBF16: 4, asU8: 4, asI16: 2}[p.format]
	count := (out + nr - 1) / nr
	if err := p.allocate(count, nr); err != nil {
		return tensor.Weight{}, err
	}
	row := make([]float32, nr*in)
	for i := range count {
		n := min(nr, out-i*nr)
		rows(i*nr, i*nr+n, row[:n*in])
		clear(row[n*in:])
		p.fill(i, kind, row, in, nr)
	}
	return tensor.NewWeight(kind, out, in, p.bytes(), p), nil
}

func (p *panels) allocate(count, nr int) (err error) {
	if p.memory, err = allocate(count * p.units * p.stride); err != nil || p.format < asU8 {
		return err
	}
	p.params, err = allocate(8 * count * nr)
	return err
}

func (p *panels) bytes() int {
	if p.params == nil {
		return p.size
	}
	return p.size + p.params.size
}

// panel is the address of panel i's unit u.
func (p *panels) panel(i, u int) unsafe.Pointer {
	return unsafe.Add(p.ptr(), (i*p.units+u)*p.stride)
}

// holds tells whether p is there, not freed, with so many bytes from panel i on.
func (p *panels) holds(i, bytes int) bool {
	return p != nil && p.data != nil && i*p.units*p.stride+bytes <= p.size
}

// fill packs nr rows of the matrix, (nr, in), as panel i.
func (p *panels) fill(i int, kind tensor.Kind, m []float32, in, nr int) {
	base := p.panel(i, 0)
	for j := range nr {
		row := m[j*in : (j+1)*in]
		switch p.format {
		case asF32:
			round(row, kind)
			for k, v := range row {
				*(*float32)(unsafe.Add(base, k*p.stride+4*j)) = v
			}
		case asF16:
			for k, v := range row {
				*(*uint16)(unsafe.Add(base, k*p.stride+2*j)) = toF16(v)
			}
		case asBF16:
			for k, v := range row {
				*(*uint16)(unsafe.Add(base, k/2*p.stride+4*j+2*(k%2))) = tensor.ToBF16(v)
			}
		default:
			p.fillI8(base, p.param(i, nr), j, row, nr)
		}
	}
}

// param is the address of panel i's corrections; its scales follow.
func (p *panels) param(i, nr int) unsafe.Pointer { return unsafe.Add(p.params.ptr(), 8*nr*i) }

// fillI8 quantises one output channel symmetrically to 127 steps. Where
// activations are stored with 128 added, the correction is 128·Σw.
func (p *panels) fillI8(base, params unsafe.Pointer, j int, row []float32, nr int) {
	g := p.format.group()
	scale, sum := quantise(row), int32(0)
	for k, v := range row {
		q := int8(math.RoundToEven(float64(v / scale)))
		*(*int8)(unsafe.Add(base, k/g*p.stride+g*j+k%g)) = q
		sum += int32(q)
	}
	*(*float32)(unsafe.Add(params, 4*(nr+j))) = scale
	if p.format == asU8 {
		*(*int32)(unsafe.Add(params, 4*j)) = 128 * sum
	}
}

// quantise returns the step that maps a channel's largest weight to 127.
func quantise(row []float32) float32 {
	top := float32(1e-30)
	for _, v := range row {
		top = max(top, v, -v)
	}
	return top / 127
}

// round rounds weights to what kind can hold.
func round(row []float32, kind tensor.Kind) {
	switch kind {
	case tensor.KindF16:
		for i, v := range row {
			row[i] = simd.FromF16(toF16(v))
		}
	case tensor.KindBF16:
		for i, v := range row {
			row[i] = tensor.FromBF16(tensor.ToBF16(v))
		}
	case tensor.KindI8:
		scale := quantise(row)
		for i, v := range row {
			row[i] = float32(math.RoundToEven(float64(v/scale))) * scale
		}
	}
}

// toF16 rounds to the nearest half, ties to even.
func toF16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	e, frac := int(b>>23&255)-112, b&0x7fffff
	switch {
	case b&0x7fffffff > 0x7f800000:
		return sign | 0x7e00
	case e >= 31:
		return sign | 0x7c00
	case e <= 0: // subnormal, or zero
		if e < -10 {
			return sign
		}
		frac |= 0x800000
		shift := uint(14 - e)
		h := frac >> shift
		if rest, half := frac&(1<<shift-1), uint32(1)<<(shift-1); rest > half || rest == half && h&1 == 1 {
			h++
		}
		return sign | uint16(h)
	}
	h := uint32(e)<<10 | frac>>13
	if rest := frac & 0x1fff; rest > 0x1000 || rest == 0x1000 && h&1 == 1 {
		h++ // may carry into infinity, which is right
	}
	return sign | uint16(h)
}

// Unpack implements tensor.Backend.
func (b *Backend) Unpack(w tensor.Weight) {
	b.turn.lock(tensor.Interactive) // ops prefetch from weights of other models
	defer b.turn.unlock()
	p := w.Packed().(*panels)
	p.free()
	if p.params != nil {
		p.params.free()
	}
	if b.last == p {
		b.last = nil
	}
}
