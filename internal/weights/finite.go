package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/emblem-search/emblem/internal/safetensors"
)

// What a number has to stay below to be stored as one and not as an infinity: halfway
// between the largest of a dtype and the next that there would be.
var (
	limitF32  = float64(math.MaxFloat32) + math.Ldexp(1, 103)
	limitF16  = 65520.0
	limitBF16 = math.Ldexp(511, 119)
)

// checkNumber refuses a tensor, by the largest of its magnitudes, that no training has
// left so on purpose, and one that what it is to be stored in does not hold. Kernels do
// not carry a NaN through everything (a maximum may drop it), so that one weight of
// them can give vectors that look right.
func checkNumber(name string, top float64, dtype string, limit float64) error {
	switch {
	case top < limit:
		return nil
	case top <= math.MaxFloat64:
		return fmt.Errorf("weights: %s has numbers that are too large for %s, from %.5g on; use another --dtype, such as f32", name, dtype, limit)
	}
	return fmt.Errorf("weights: %s has infinite numbers or NaN: the file is damaged, or its training failed; fetch it again", name)
}

// largest is the largest magnitude of numbers of a dtype, which are in f as float32;
// NaN if one of them is none.
func largest(d safetensors.DType, b []byte, f []float32) (top float64) {
	if d == safetensors.F64 {
		for ; len(b) >= 8; b = b[8:] {
			top = max(top, math.Abs(math.Float64frombits(binary.LittleEndian.Uint64(b))))
		}
		return top
	}
	most := float32(0)
	for _, v := range f {
		most = max(most, v, -v)
	}
	return float64(most)
}
