package jpeg

import (
	"os"

	"golang.org/x/sys/cpu"
)

// useAVX2 selects the assembly kernels: where the processor has AVX2, unless the
// environment says EMBLEM_KERNELS=generic when the program starts.
var useAVX2 = cpu.X86.HasAVX2 && os.Getenv("EMBLEM_KERNELS") != "generic"

//go:noescape
func idct8AVX2(a, b, quantA, quantB *[64]int16, dstA, dstB *byte, strideA, strideB int)

//go:noescape
func idct4AVX2(a, b, quantA, quantB *[64]int16, dstA, dstB *byte, strideA, strideB int)

//go:noescape
func idct2AVX2(a, b, quantA, quantB *[64]int16, dstA, dstB *byte, strideA, strideB int)

//go:noescape
func expandRow2AVX2(dst, src *byte, n int)

//go:noescape
func expandRows2x2AVX2(dst, near, far *byte, n int)

//go:noescape
func expandRows1x2AVX2(dst, near, far *byte, n int, bias uint)

//go:noescape
func yccToRGBAVX2(dst, y, cb, cr *byte, n int)

// idct8Pair transforms two blocks to 8x8 samples; the destinations hold 8 rows.
func idct8Pair(a, b, quantA, quantB *[64]int16, dstA, dstB []byte, strideA, strideB int) {
	if !useAVX2 {
		idct8(a, quantA, dstA, strideA)
		idct8(b, quantB, dstB, strideB)
		return
	}
	_, _ = dstA[7*strideA+7], dstB[7*strideB+7]
	idct8AVX2(a, b, quantA, quantB, &dstA[0], &dstB[0], strideA, strideB)
}

// idct4Pair transforms two blocks to 4x4 samples; the destinations hold 4 rows.
func idct4Pair(a, b, quantA, quantB *[64]int16, dstA, dstB []byte, strideA, strideB int) {
	if !useAVX2 {
		idct4(a, quantA, dstA, strideA)
		idct4(b, quantB, dstB, strideB)
		return
	}
	_, _ = dstA[3*strideA+3], dstB[3*strideB+3]
	idct4AVX2(a, b, quantA, quantB, &dstA[0], &dstB[0], strideA, strideB)
}

// idct2Pair transforms two blocks to 2x2 samples; the destinations hold 2 rows.
func idct2Pair(a, b, quantA, quantB *[64]int16, dstA, dstB []byte, strideA, strideB int) {
	if !useAVX2 {
		idct2(a, quantA, dstA, strideA)
		idct2(b, quantB, dstB, strideB)
		return
	}
	_, _ = dstA[strideA+1], dstB[strideB+1]
	idct2AVX2(a, b, quantA, quantB, &dstA[0], &dstB[0], strideA, strideB)
}

// The functions below do as many samples as the kernels take and return how
// many those are.

// inner is the number of samples between the first and the last of n that the
// kernels expand.
func inner(n int) int {
	if !useAVX2 || n < 18 {
		return 0
	}
	return (n - 2) &^ 15
}

// expandRow2Vector writes the samples from src[1] on to dst, two each.
func expandRow2Vector(dst, src []byte) int {
	n := inner(len(src))
	if n > 0 {
		_ = dst[2*n-1]
		expandRow2AVX2(&dst[0], &src[1], n)
	}
	return n
}

// expandRows2x2Vector writes the samples from near[1] on to dst, two each.
func expandRows2x2Vector(dst, near, far []byte) int {
	n := inner(len(near))
	if n > 0 {
		_, _ = dst[2*n-1], far[n+1]
		expandRows2x2AVX2(&dst[0], &near[1], &far[1], n)
	}
	return n
}

func expandRows1x2Vector(dst, near, far []byte, bias uint) int {
	n := len(near) &^ 15
	if !useAVX2 || n == 0 {
		return 0
	}
	_, _ = dst[n-1], far[n-1]
	expandRows1x2AVX2(&dst[0], &near[0], &far[0], n, bias)
	return n
}

func yccToRGBVector(dst, y, cb, cr []byte) int {
	n := len(y) &^ 15
	if !useAVX2 || n == 0 {
		return 0
	}
	_, _, _ = dst[3*n-1], cb[n-1], cr[n-1]
	yccToRGBAVX2(&dst[0], &y[0], &cb[0], &cr[0], n)
	return n
}
