package cpu

import (
	"math"
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
)

// narrow is how a panel of 4-bit weights lies in memory: words of eight weights of one
// column along k, a word a column, and a scale a column and group (panels.params). A
// part of it at a time is unpacked into what the tiles multiply, in a worker's scratch
// memory, so that what is read from memory is a quarter of bf16. Weights are rounded to
// the nearest of 16 steps from -8 to 7 (round to nearest, as GPTQ's and AWQ's baseline).
type narrow struct {
	unpack simd.Unpack
	nr     int
	values int // along k in a unit
	group  int // values along k that share a scale
	groups int // of a column
	units  int // of a panel in memory: whole groups
	stride int // bytes in memory from one unit to the next
}

const word = 8 // weights

func (b *Backend) newNarrow(p *panels, group, in int) *narrow {
	n := &narrow{unpack: b.kern.UnpackF32, nr: b.kern.NR, values: p.format.group(), group: group, groups: (in + group - 1) / group}
	if p.format == asBF16 {
		n.unpack = b.kern.UnpackBF16
	}
	n.units, n.stride = n.groups*group/n.values, 4*n.nr*n.values/word
	return n
}

// size is the bytes of count panels, and of their scales.
func (n *narrow) size(count int) (panels, scales int) {
	return count * n.units * n.stride, 4 * count * n.groups * n.nr
}

// scales are those of a panel's group.
func (n *narrow) scales(p *panels, i, group int) []float32 {
	return unsafe.Slice((*float32)(unsafe.Add(p.ptr(), p.params+4*n.nr*(i*n.groups+group))), n.nr)
}

// fill packs nr rows of a matrix with in columns as panel i.
func (n *narrow) fill(p *panels, i int, m []float32, in int) {
	words := unsafe.Slice((*uint32)(p.panel(i, 0)), n.groups*n.group/word*n.nr)
	for w := range words {
		words[w] = 0x88888888 // weights have 8 added
	}
	for j := range n.nr {
		row := m[j*in : (j+1)*in]
		for g := range n.groups {
			part := row[g*n.group : min((g+1)*n.group, in)]
			scale := groupStep(part)
			n.scales(p, i, g)[j] = scale
			for k, v := range part {
				at := g*n.group + k
				words[at/word*n.nr+j] ^= uint32(nearest4(v/scale)&15) << (at % word * 4)
			}
		}
	}
}

// groupStep is the distance of a group's 16 values: its largest weight is -8 of them.
func groupStep(part []float32) float32 {
	top := float32(0)
	for _, v := range part {
		if max(v, -v) > max(top, -top) {
			top = v
		}
	}
	if top == 0 {
		return 1
	}
	return top / -8
}

func nearest4(v float32) int32 {
	return min(max(int32(math.RoundToEven(float64(v))), -8), 7)
}

// space is how many bytes units of a panel take when they are unpacked.
func (n *narrow) space(p *panels, units int) int {
	return roundUp(units*n.values, word) / n.values * p.stride
}

// part unpacks units of panel i from unit u on, which is the first of a word.
func (n *narrow) part(p *panels, i, u, units int, y unsafe.Pointer) {
	from := u * n.values
	for k, end := from, roundUp(from+units*n.values, word); k < end; {
		g := k / n.group
		next := min(end, (g+1)*n.group)
		scales := n.scales(p, i, g)
		n.unpack(p.panel(i, k/n.values), unsafe.Pointer(&scales[0]), unsafe.Add(y, (k-from)/n.values*p.stride), uintptr((next-k)/word))
		k = next
	}
}
