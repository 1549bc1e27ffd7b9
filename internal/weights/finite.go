package weights

import (
	"encoding/binary"
	"math"

	"github.com/emblem-search/emblem/internal/safetensors"
)

// lanes is how a dtype's numbers lie in 8 bytes: all bits but the signs, and the
// lowest bit of each.
type lanes struct{ magnitudes, lowest uint64 }

var lanesOf = map[safetensors.DType]lanes{
	safetensors.F64:  {1<<63 - 1, 1},
	safetensors.F32:  {0x7fffffff_7fffffff, 0x00000001_00000001},
	safetensors.F16:  {0x7fff7fff_7fff7fff, 0x00010001_00010001},
	safetensors.BF16: {0x7fff7fff_7fff7fff, 0x00010001_00010001},
}

// magnitude is the bits, without the sign, of a dtype's smallest number that is not
// below limit, which is above all numbers of F16.
func magnitude(d safetensors.DType, limit float64) uint64 {
	single := uint64(math.Float32bits(float32(limit)))
	switch d {
	case safetensors.F64:
		return math.Float64bits(limit)
	case safetensors.F32:
		return single
	case safetensors.BF16:
		return (single + 1<<16 - 1) >> 16
	}
	return 0x7c00
}

// below tells whether all numbers of a view are closer to zero than limit, by adding
// what makes those that are not carry into their sign. A gigabyte takes some tens of
// milliseconds.
func below(v safetensors.View, limit float64) bool {
	mask, sign := lanesOf[v.DType].magnitudes, ^lanesOf[v.DType].magnitudes
	add := sign - lanesOf[v.DType].lowest*magnitude(v.DType, limit)
	var carry uint64
	b := v.Data
	for ; len(b) >= 32; b = b[32:] {
		carry |= (binary.LittleEndian.Uint64(b)&mask + add) | (binary.LittleEndian.Uint64(b[8:])&mask + add) |
			(binary.LittleEndian.Uint64(b[16:])&mask + add) | (binary.LittleEndian.Uint64(b[24:])&mask + add)
	}
	for ; len(b) > 0; b = b[min(8, len(b)):] {
		var last [8]byte
		copy(last[:], b)
		carry |= binary.LittleEndian.Uint64(last[:])&mask + add
	}
	return carry&sign == 0
}

// What a number has to stay below to be stored as one and not as an infinity: halfway
// between the largest of a dtype and the next that there would be.
var (
	limitF32  = float64(math.MaxFloat32) + math.Ldexp(1, 103)
	limitF16  = 65520.0
	limitBF16 = math.Ldexp(511, 119)
)
