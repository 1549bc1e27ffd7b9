package tensor

import "math"

// DType is the type of a tensor's elements.
type DType uint8

// The element types. Accumulation is always in F32 (I32 for int8 weights).
const (
	F32 DType = iota + 1
	BF16
	I32
	U8
)

// Size is the number of bytes of one element.
func (d DType) Size() int {
	switch d {
	case F32, I32:
		return 4
	case BF16:
		return 2
	case U8:
		return 1
	}
	return 0
}

func (d DType) String() string {
	switch d {
	case F32:
		return "f32"
	case BF16:
		return "bf16"
	case I32:
		return "i32"
	case U8:
		return "u8"
	}
	return "invalid"
}

// ToBF16 rounds to the nearest bfloat16, ties to even, as VCVTNEPS2BF16 and
// torch do; NaN stays NaN.
func ToBF16(f float32) uint16 {
	b := math.Float32bits(f)
	if f != f {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// FromBF16 widens a bfloat16.
func FromBF16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }
