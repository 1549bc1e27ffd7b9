//go:build !amd64

package jpeg

// There are no vector kernels here: the generic code does all the work.

func idct8Pair(a, b, quantA, quantB *[64]int16, dstA, dstB []byte, strideA, strideB int) {
	idct8(a, quantA, dstA, strideA)
	idct8(b, quantB, dstB, strideB)
}

func idct4Pair(a, b, quantA, quantB *[64]int16, dstA, dstB []byte, strideA, strideB int) {
	idct4(a, quantA, dstA, strideA)
	idct4(b, quantB, dstB, strideB)
}

func idct2Pair(a, b, quantA, quantB *[64]int16, dstA, dstB []byte, strideA, strideB int) {
	idct2(a, quantA, dstA, strideA)
	idct2(b, quantB, dstB, strideB)
}

func expandRow2Vector(dst, src []byte) int                     { return 0 }
func expandRows2x2Vector(dst, near, far []byte) int            { return 0 }
func expandRows1x2Vector(dst, near, far []byte, bias uint) int { return 0 }
func yccToRGBVector(dst, y, cb, cr []byte) int                 { return 0 }
