package simd

import "math"

// ToF16 rounds to the nearest half, ties to even.
func ToF16(f float32) uint16 {
	const least, most, bias = (127 - 14) << 23, (127 + 16) << 23, (127 - 15) << 23
	b := math.Float32bits(f)
	if size := b & 0x7fffffff; size >= least && size < most { // normal, or infinite by a carry
		return uint16(b>>16&0x8000 | (size-bias+0xfff+size>>13&1)>>13)
	}
	return edgeF16(b)
}

// edgeF16 rounds the bits of what is too large or too small for a normal half.
func edgeF16(b uint32) uint16 {
	sign := uint16(b >> 16 & 0x8000)
	e, frac := int(b>>23&255)-112, b&0x7fffff|0x800000
	switch {
	case b&0x7fffffff > 0x7f800000:
		return sign | 0x7e00
	case e >= 31:
		return sign | 0x7c00
	case e < -10:
		return sign
	}
	shift := uint(14 - e)
	h := frac >> shift
	if rest, half := frac&(1<<shift-1), uint32(1)<<(shift-1); rest > half || rest == half && h&1 == 1 {
		h++
	}
	return sign | uint16(h)
}
