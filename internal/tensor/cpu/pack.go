package cpu

import (
	"fmt"
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
	stride int     // bytes of b from one unit to the next, as tiles read it
	narrow *narrow // 4 bits: tiles read what it makes of the memory; nil: the memory
	params int     // where, after the panels, are: int8's NR corrections (I32), then NR scales (F32), a panel; 4 bits' scales
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
	case k.Group() > 0 && b.kern.FastBF16:
		return b.kern.BF16, asBF16
	}
	return b.kern.F32, asF32
}

// Pack implements tensor.Backend.
func (b *Backend) Pack(kind tensor.Kind, out, in int, rows tensor.Rows) (tensor.Weight, error) {
	if out < 1 || in < 1 {
		return tensor.Weight{}, fmt.Errorf("cpu: pack a weight of %d by %d", out, in)
	}
	p, size := b.layOut(kind, out, in)
	var err error
	if p.memory, err = allocate(size); err != nil {
		return tensor.Weight{}, err
	}
	k, nr := newPacker(p, b.kern, kind, in), b.kern.NR
	for i := 0; i*nr < out; i++ {
		k.panel(i, min(nr, out-i*nr), rows)
	}
	return tensor.NewWeight(kind, out, in, p.size, p), nil
}

// layOut is a weight without its memory, and the size of that.
func (b *Backend) layOut(kind tensor.Kind, out, in int) (p *panels, size int) {
	p = &panels{}
	p.tiles, p.format = b.choose(kind)
	if p.block = len(p.tiles); b.kern.Block > 0 {
		p.block = min(p.block, b.kern.Block)
	}
	g, nr := p.format.group(), b.kern.NR
	p.units = (in + g - 1) / g
	p.stride = nr * map[format]int{asF32: 4, asF16: 2, asBF16: 4, asU8: 4, asI16: 2}[p.format]
	count := (out + nr - 1) / nr
	size = count * p.units * p.stride
	more := 0
	switch {
	case kind.Group() > 0:
		p.narrow = b.newNarrow(p, kind.Group(), in)
		size, more = p.narrow.size(count)
	case p.format >= asU8:
		more = 8 * count * nr
	}
	if more > 0 {
		p.params = roundUp(size, 64)
		size = p.params + more
	}
	return p, size
}

// panel is the address of panel i's unit u in memory.
func (p *panels) panel(i, u int) unsafe.Pointer {
	units, stride := p.stored()
	return unsafe.Add(p.ptr(), (i*units+u)*stride)
}

// stored is how many units a panel has in memory, and the bytes from one to the next.
func (p *panels) stored() (units, stride int) {
	if n := p.narrow; n != nil {
		return n.units, n.stride
	}
	return p.units, p.stride
}

// holds tells whether p is there, not freed, with so many bytes from panel i on.
func (p *panels) holds(i, bytes int) bool {
	if p == nil || p.data == nil {
		return false
	}
	units, stride := p.stored()
	return i*units*stride+bytes <= p.size
}

// param is the address of panel i's corrections; its scales follow.
func (p *panels) param(i, nr int) unsafe.Pointer { return unsafe.Add(p.ptr(), p.params+8*nr*i) }

// Unpack implements tensor.Backend.
func (b *Backend) Unpack(w tensor.Weight) {
	b.turn.lock(tensor.Interactive) // ops prefetch from weights of other models
	defer b.turn.unlock()
	p := w.Packed().(*panels)
	p.free()
	if b.last == p {
		b.last = nil
	}
}
