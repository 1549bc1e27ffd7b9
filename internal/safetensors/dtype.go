package safetensors

import (
	"fmt"
	"math/bits"
)

// DType is the number format of a tensor, by its name in the file.
type DType string

// The formats that files in use have most often; the reader knows all that the
// reference knows.
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U8   DType = "U8"
	BOOL DType = "BOOL"
)

// dtypes lists every known format in the reference's order, by which it sorts
// the tensors of a file (the last come first).
var dtypes = []struct {
	name DType
	bits int
}{
	{BOOL, 8}, {"F4", 4}, {"F6_E2M3", 6}, {"F6_E3M2", 6},
	{U8, 8}, {I8, 8},
	{"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
	{I16, 16}, {"U16", 16}, {F16, 16}, {BF16, 16},
	{I32, 32}, {"U32", 32}, {F32, 32},
	{"C64", 64}, {F64, 64}, {I64, 64}, {"U64", 64},
}

// rank returns d's place in dtypes, or -1.
func (d DType) rank() int {
	for i := range dtypes {
		if dtypes[i].name == d {
			return i
		}
	}
	return -1
}

// Bits is the size of one element in bits, 0 for an unknown format.
func (d DType) Bits() int {
	if i := d.rank(); i >= 0 {
		return dtypes[i].bits
	}
	return 0
}

// byteSize returns the bytes of a tensor, in checked arithmetic.
func byteSize(d DType, shape []int) (int64, error) {
	n := uint64(1)
	for _, dim := range shape {
		if dim < 0 {
			return 0, fmt.Errorf("negative dimension in shape %v", shape)
		}
		hi, lo := bits.Mul64(n, uint64(dim))
		if hi != 0 {
			return 0, fmt.Errorf("shape %v overflows", shape)
		}
		n = lo
	}
	hi, total := bits.Mul64(n, uint64(d.Bits()))
	if hi != 0 {
		return 0, fmt.Errorf("shape %v of %s overflows", shape, d)
	}
	if total%8 != 0 {
		return 0, fmt.Errorf("shape %v of %s does not fill whole bytes", shape, d)
	}
	return int64(total / 8), nil
}
