package simd

import (
	"fmt"
	"os"
	"sync"
	"unsafe"
)

// Tile computes c (m, NR) = [c +] a (m, k)·b (k, NR) for the tile's own height m.
// Strides are in bytes; k counts units of 4 bytes: one float32, two bf16, four
// int8 (two int16 where activations are widened). With acc 0 c is overwritten.
// Memory at next, moving by ahead bytes a unit, is prefetched; it may be anything.
type Tile func(a, b, c unsafe.Pointer, lda, ldb, ldc, k, acc uintptr, next unsafe.Pointer, ahead uintptr)

// Finish ends a tile of NR columns: y = act(c + bias) [+ res]; res may be nil.
// Strides are in bytes.
type Finish func(c, bias, res, y unsafe.Pointer, ldc, ldres, ldy, rows uintptr)

// FinishInt is Finish for int32 sums, which it first turns into
// (c − x[col])·s[row]·x[NR+col]: x holds NR corrections (int32), then NR scales.
type FinishInt func(c, bias, res, y unsafe.Pointer, ldc, ldres, ldy, rows uintptr, x, s unsafe.Pointer)

// Acts is the number of activations of a Finish table, in tensor.Act's order:
// none, gelu, gelu_tanh, quick_gelu, silu, relu.
const Acts = 6

// Stored holds the kernels that differ by the dtype they store.
type Stored struct {
	Finish    [Acts]Finish
	FinishInt [Acts]FinishInt
	Softmax   func(x, y, s unsafe.Pointer, nv uintptr)          // y = e^(s[0]·(x−max)), s[1] = Σy
	LayerNorm func(x, w, bias, y, s unsafe.Pointer, nv uintptr) // s = {eps, 1/n}
	RMSNorm   func(x, w, y, s unsafe.Pointer, nv uintptr)
	ScaleRows func(c, s, y unsafe.Pointer, ldc, ldy, rows, nv uintptr)
}

// Widen holds the kernels that read weights of a dtype as float32, nv registers of
// it: y = x, s[lane] = max |x|, compared by their bits, so that an infinity or a NaN is
// the largest. x and y may lie at any address. They are nil where the set has none.
type Widen struct {
	FromF32, FromF16, FromBF16 func(x, y, s unsafe.Pointer, nv uintptr)
}

// Unpack turns n rows of NR words, eight 4-bit weights of a column each, times NR
// scales into 8·n rows of float32 or 4·n rows of pairs of bf16: a part of a panel as
// tiles multiply it.
type Unpack func(q, s, y unsafe.Pointer, n uintptr)

// Kernels is what one instruction set offers. Lanes is the number of float32 in
// a register; elementwise kernels work on whole registers.
type Kernels struct {
	Name  string
	Lanes int
	NR    int // columns of a tile and of a packed panel

	F32, F16, BF16, I8 []Tile // by height−1; nil where the set has none

	// Block is for how many rows tiles taller than that read b once, block after
	// block; 0 where a tile reads b once for all of its rows.
	Block int

	// WideI8 says that I8 tiles take int16 activations and int8 weights in pairs
	// along k; otherwise bytes with 128 added and weights in fours.
	WideI8 bool

	ToF32, ToBF16 Stored

	Convert  func(x, y unsafe.Pointer, nv uintptr)    // f32 → bf16
	Quantize func(x, y, s unsafe.Pointer, nv uintptr) // y = round(x/s[0]), s[0] = max|x|/127

	// QuantizeBF16 is Quantize for bf16 rows; nil where the set has none.
	QuantizeBF16 func(x, y, s unsafe.Pointer, nv uintptr)
	// Transpose writes y[j][i] = x[i][j] for a block of 16 by 16 values of 4 bytes;
	// nil where the set has none.
	Transpose func(x, y unsafe.Pointer, ldx, ldy uintptr)

	// Pair interleaves n pairs of bf16 rows of NR columns; nil where the set has none.
	Pair func(x, y unsafe.Pointer, ldx, n uintptr)

	UnpackF32, UnpackBF16 Unpack

	Dot func(x, y, s unsafe.Pointer, nv uintptr)

	Widen

	Lists // of vector search

	// FastBF16 says that bf16 is the best dtype on this very processor: AMD since
	// Zen 4, and where there is AMX. Intel's VDPBF16PS is slower than its f32.
	FastBF16 bool
}

// MR is the height of the tallest tile.
func (k *Kernels) MR(tiles []Tile) int { return len(tiles) }

// Variable is the environment variable that overrides the choice.
const Variable = "EMBLEM_KERNELS"

var best = sync.OnceValues(func() (*Kernels, error) {
	if name := os.Getenv(Variable); name != "" {
		return ByName(name)
	}
	names := Names()
	return ByName(names[len(names)-1])
})

// Best returns the kernels for this machine, or those that EMBLEM_KERNELS names.
func Best() (*Kernels, error) { return best() }

// ByName returns one of this machine's kernel sets.
func ByName(name string) (*Kernels, error) {
	for _, s := range available() {
		if s.name == name {
			return s.build(), nil
		}
	}
	return nil, fmt.Errorf("simd: kernels %q are not for this machine; %s takes one of %v", name, Variable, Names())
}

// Names lists this machine's kernel sets, plain Go first, the best last.
func Names() []string {
	var out []string
	for _, s := range available() {
		out = append(out, s.name)
	}
	return out
}

// set is a kernel set that this machine can run.
type set struct {
	name  string
	build func() *Kernels
}

func available() []set {
	return append([]set{{"generic", func() *Kernels { return generic("generic", 1, 16) }}}, native()...)
}
