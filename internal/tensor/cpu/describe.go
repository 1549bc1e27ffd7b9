package cpu

import (
	"fmt"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// products says how weights of a kind are multiplied, by format.
var products = [...]string{
	asF32: "f32 products", asF16: "f16 weights, f32 products", asBF16: "bf16 products, f32 sums",
	asU8: "int8 by uint8 products, int32 sums", asI16: "int8 by int16 products, int32 sums",
}

// Describe says which kernels multiply weights of a kind: the instruction set, the
// arithmetic, and the tile.
func (b *Backend) Describe(k tensor.Kind) string {
	tiles, format := b.choose(k)
	how := products[format]
	if g := k.Group(); g > 0 {
		how = fmt.Sprintf("4-bit weights with a scale for %d, unpacked for %s", g, how)
	} else if format == asF32 && k != tensor.KindF32 {
		how = fmt.Sprintf("weights rounded to %v, f32 products", k)
	}
	return fmt.Sprintf("%s: %s, tiles of up to %d×%d", b.kern.Name, how, len(tiles), b.kern.NR)
}

// Processor is the name that the processor gives itself, "" where it has none.
func (b *Backend) Processor() string { return simd.Processor() }
