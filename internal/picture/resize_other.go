//go:build !amd64

package picture

// useAVX2 is never true here; it is a variable for the tests.
var useAVX2 = false

func (t *table) pack(bool) {}

func sumColumns(dst0, dst1, src0, src1 []byte, t *table) {
	sumColumnsGeneric(dst0, src0, t)
	sumColumnsGeneric(dst1, src1, t)
}

func sumRows(dst, src []byte, stride int, t *table, i int) {
	sumRowsGeneric(dst, src, stride, t, i)
}
