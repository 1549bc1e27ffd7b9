package calibrate

import (
	"sync"
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
)

// kernels are the machine's; nil if there is none for it, which whoever runs a model
// is told.
var kernels = sync.OnceValue(func() *simd.Kernels {
	k, err := simd.Best()
	if err != nil {
		return nil
	}
	return k
})

// dots is dot with each row.
func dots(v []float32, rows [][]float32) []float64 {
	out := make([]float64, len(rows))
	k, whole := kernels(), 0
	if k != nil {
		whole = len(v) / k.Lanes * k.Lanes
	}
	if whole == 0 || len(rows) == 0 {
		for i, r := range rows {
			out[i] = dot(v, r)
		}
		return out
	}
	list, sums := make([]unsafe.Pointer, len(rows)+1), make([]float32, len(rows)) // one entry past the end is read
	for i, r := range rows {
		list[i] = unsafe.Pointer(&r[:len(v)][0])
	}
	list[len(rows)] = list[0]
	k.Rows(unsafe.Pointer(&v[0]), unsafe.Pointer(&list[0]), uintptr(len(rows)), unsafe.Pointer(&sums[0]), uintptr(whole/k.Lanes))
	for i, r := range rows {
		out[i] = float64(sums[i]) + dot(v[whole:], r[whole:])
	}
	return out
}
