package picture

import (
	"os"

	"golang.org/x/sys/cpu"
)

// useAVX2 picks the vector kernels; EMBLEM_KERNELS=generic and =sse, below
// AVX2, pick the plain ones. Tests flip it.
var useAVX2 = cpu.X86.HasAVX2 && os.Getenv("EMBLEM_KERNELS") != "generic" && os.Getenv("EMBLEM_KERNELS") != "sse"

// A coefficient of 22 bits and a sign is split into c = high*2^12 + low, both
// of which fit VPMADDWD's 16 bits; the sums meet again in 32 bits, where
// Pillow's sums live too.
const lowBits = 12

func split(c int32) (high, low int16) {
	return int16(c >> lowBits), int16(c & (1<<lowBits - 1))
}

// pack lays the coefficients out for the kernels, where the input was long
// enough for whole steps of taps.
func (t *table) pack(vertical bool) {
	switch {
	case !cpu.X86.HasAVX2:
	case vertical && t.taps%2 == 0:
		t.packRows()
	case !vertical && t.taps%4 == 0:
		t.packColumns()
	}
}

// packRows: for every two taps, the pair of high parts, then of low parts.
func (t *table) packRows() {
	t.packed = make([]int16, 2*len(t.coef))
	for i := 0; i < len(t.coef); i += 2 {
		p := t.packed[2*i:]
		p[0], p[2] = split(t.coef[i])
		p[1], p[3] = split(t.coef[i+1])
	}
}

// packColumns: for every four taps 16 high parts and 16 low ones; a 128-bit
// lane has a pair of taps, once for each of red, green, blue.
func (t *table) packColumns() {
	t.packed = make([]int16, 8*len(t.coef))
	for i, c := range t.coef {
		tap := i % 4
		p := t.packed[(i-tap)*8+tap/2*8+tap%2:]
		high, low := split(c)
		for channel := range 3 {
			p[2*channel], p[16+2*channel] = high, low
		}
	}
}

// sumColumns runs the horizontal pass over two rows. Each src has four bytes
// of room behind its end; the byte behind each dst's last pixel is clobbered.
func sumColumns(dst0, dst1, src0, src1 []byte, t *table) {
	if !useAVX2 || t.packed == nil {
		sumColumnsGeneric(dst0, src0, t)
		sumColumnsGeneric(dst1, src1, t)
		return
	}
	outs := len(t.start)
	_, _ = dst0[3*outs], dst1[3*outs]
	_, _ = src0[:cap(src0)][3*int(t.start[outs-1]+int32(t.taps))+3], src1[:cap(src1)][3*int(t.start[outs-1]+int32(t.taps))+3]
	sumColumnsAVX2(&dst0[0], &dst1[0], &src0[0], &src1[0], &t.start[0], &t.packed[0], outs, t.taps/4)
}

// sumRows computes output row i of the vertical pass; src starts at its first
// input row.
func sumRows(dst, src []byte, stride int, t *table, i int) {
	if !useAVX2 || t.packed == nil || len(dst) < 32 {
		sumRowsGeneric(dst, src, stride, t, i)
		return
	}
	_ = src[(t.taps-1)*stride+len(dst)-1]
	sumRowsAVX2(&dst[0], &src[0], stride, len(dst), &t.packed[2*i*t.taps], t.taps/2)
}

//go:noescape
func sumColumnsAVX2(dst0, dst1, src0, src1 *byte, start *int32, coef *int16, outs, groups int)

//go:noescape
func sumRowsAVX2(dst, src *byte, stride, n int, coef *int16, pairs int)
