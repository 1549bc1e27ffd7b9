package weights

import (
	"encoding/binary"

	"github.com/emblem-search/emblem/internal/safetensors"
)

// exponents is where a dtype has its exponents and signs in 8 bytes: all bits of
// an exponent, its lowest bit, and the sign just above it. An exponent of ones is
// an infinity or a NaN; adding its lowest bit then carries into the sign.
type exponents struct{ all, lowest, sign uint64 }

var exponentOf = map[safetensors.DType]exponents{
	safetensors.F64:  {0x7ff0 << 48, 0x0010 << 48, 1 << 63},
	safetensors.F32:  {0x7f800000_7f800000, 0x00800000_00800000, 0x80000000_80000000},
	safetensors.F16:  {0x7c007c00_7c007c00, 0x04000400_04000400, 0x80008000_80008000},
	safetensors.BF16: {0x7f807f80_7f807f80, 0x00800080_00800080, 0x80008000_80008000},
}

// finite tells whether all numbers of a view are. Kernels do not carry a NaN
// through everything (a maximum may drop it), so that one weight of them can
// give vectors that look right. A gigabyte takes some tens of milliseconds.
func finite(v safetensors.View) bool {
	e := exponentOf[v.DType]
	var carry uint64
	b := v.Data
	for ; len(b) >= 32; b = b[32:] {
		carry |= (binary.LittleEndian.Uint64(b)&e.all + e.lowest) | (binary.LittleEndian.Uint64(b[8:])&e.all + e.lowest) |
			(binary.LittleEndian.Uint64(b[16:])&e.all + e.lowest) | (binary.LittleEndian.Uint64(b[24:])&e.all + e.lowest)
	}
	for ; len(b) > 0; b = b[min(8, len(b)):] {
		var last [8]byte
		copy(last[:], b)
		carry |= binary.LittleEndian.Uint64(last[:])&e.all + e.lowest
	}
	return carry&e.sign == 0
}
