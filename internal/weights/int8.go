package weights

import (
	"math"

	"github.com/emblem-search/emblem/internal/safetensors"
)

// scaleSuffix makes the name of an int8 tensor's scales out of its own: one number a
// row, or one for all, as compressed-tensors (format int-quantized) has them.
const scaleSuffix = "_scale"

// scalesOf reads the scales of an int8 tensor; nil for others, and where there are
// none that fit.
func scalesOf(src Source, v safetensors.View) []float32 {
	if v.DType != safetensors.I8 {
		return nil
	}
	s, ok := src.Get(v.Name + scaleSuffix)
	if !ok || !floats(s.DType) || s.Len() != 1 && s.Len() != firstDim(v.Shape) {
		return nil
	}
	out := make([]float32, s.Len())
	if safetensors.ToF32(out, s) != nil {
		return nil
	}
	return out
}

// dequantise reads int8 numbers, of which the first is number first of a tensor with
// total elements, and returns the largest of the results' magnitudes.
func dequantise(dst []float32, src []byte, scales []float32, total, first int) (top float64) {
	row := total / len(scales)
	for at := 0; at < len(dst); {
		r := (first + at) / row
		end := min(len(dst), (r+1)*row-first)
		scale, most := scales[r], int8(0)
		for i, b := range src[at:end] {
			q := int8(b)
			dst[at+i] = float32(q) * scale
			if q < 0 {
				q = -max(q, -127)
			}
			most = max(most, q)
		}
		top = max(top, math.Abs(float64(most)*float64(scale)))
		at = end
	}
	return top
}
