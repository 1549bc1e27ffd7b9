//go:build amd64

package jpeg

// There are no vector kernels here: the generic code does all the work.

func idctPair(a, b, quantA, quantB *[64]int16, dstA, dstB []byte, strideA, strideB int) {
	idctPairGeneric(a, b, quantA, quantB, dstA, dstB, strideA, strideB)
}

func expandRow2Vector(dst, src []byte) int                  { return 0 }
func expandRows2x2Vector(dst, near, far []byte) int         { return 0 }
func expandRows1x2Vector(dst, near, far []byte, b uint) int { return 0 }
func yccToRGBVector(dst, y, cb, cr []byte) int              { return 0 }
