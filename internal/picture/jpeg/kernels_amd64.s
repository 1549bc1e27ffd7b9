#include "textflag.h"

// AVX2 kernels. Each has a plain Go twin that gives the same bits; the comments
// there say what is computed. The operands of Go's assembler run from the last
// source to the destination.

#define CONST(name, v) \
	DATA name<>+0(SB)/8, $v; DATA name<>+8(SB)/8, $v; \
	DATA name<>+16(SB)/8, $v; DATA name<>+24(SB)/8, $v; \
	GLOBL name<>(SB), RODATA|NOPTR, $32

#define MASK(name, lo, hi) \
	DATA name<>+0(SB)/8, $lo; DATA name<>+8(SB)/8, $hi; \
	DATA name<>+16(SB)/8, $lo; DATA name<>+24(SB)/8, $hi; \
	GLOBL name<>(SB), RODATA|NOPTR, $32

// Pairs of 16 bit factors for VPMADDWD: idct.go's, idctsmall.go's, colour.go's.
CONST(even3, 0x115129cf115129cf) // 10703, 4433
CONST(even2, 0xd6301151d6301151) // 4433, -10704
CONST(sum3, 0x25a1e6dc25a1e6dc) // -6436, 9633
CONST(sum4, 0x192525a1192525a1) // 9633, 6437
CONST(odd0, 0xe333ecc1e333ecc1) // -4927, -7373
CONST(odd3, 0x133ee333133ee333) // -7373, 4926
CONST(odd1, 0xadfdefb0adfdefb0) // -4176, -20995
CONST(odd2, 0x1051adfd1051adfd) // -20995, 4177
CONST(half0a, 0x1ccd52031ccd5203) // 20995, 7373
CONST(half0b, 0xefb0ecc2efb0ecc2) // -4926, -4176
CONST(half1a, 0xba7921f9ba7921f9) // 8697, -17799
CONST(half1b, 0xf93e2e75f93e2e75) // 11893, -1730
CONST(halfEven, 0xe7823b21e7823b21) // 15137, -6270
CONST(quartA, 0xd74673fcd74673fc) // 29692, -10426
CONST(quartB, 0xe8ee1b37e8ee1b37) // 6967, -5906
CONST(green, 0x492ea7e6492ea7e6) // -22554, 18734
CONST(round11, 0x0000040000000400) // 1<<10
CONST(round18, 0x0002000000020000) // 1<<17
CONST(round12, 0x0000080000000800) // 1<<11
CONST(round19, 0x0004000000040000) // 1<<18
CONST(round13, 0x0000100000001000) // 1<<12
CONST(round20, 0x0008000000080000) // 1<<19
CONST(round16, 0x0000800000008000) // 1<<15
CONST(word1, 0x0001000100010001) // 1
CONST(word2, 0x0002000200020002) // 2
CONST(word7, 0x0007000700070007) // 7
CONST(word8, 0x0008000800080008) // 8
CONST(word128, 0x0080008000800080) // 128
CONST(red, 0x66e966e966e966e9) // 26345
CONST(blue, 0xc5a2c5a2c5a2c5a2) // -14942
CONST(byte128, 0x8080808080808080)
MASK(quartRow, 0xd746000073fc0000, 0xe8ee00001b370000)
MASK(rgbRG, 0x0a02800901800800, 0x05800c04800b0380)
MASK(rgbB, 0x8080018080008080, 0x8004808003808002)
MASK(tailRG, 0x800f07800e06800d, 0x8080808080808080)
MASK(tailB, 0x0780800680800580, 0x8080808080808080)

// LOAD dequantizes row i of two blocks into the lanes of y.
#define LOAD(i, x, y) \
	VMOVDQU     (16*i)(AX), x; \
	VINSERTI128 $1, (16*i)(BX), y, y; \
	VMOVDQU     (16*i)(CX), X15; \
	VINSERTI128 $1, (16*i)(DX), Y15, Y15; \
	VPMULLW     Y15, y, y

// FINISH makes two rows of a pass, lo and hi halves of the sum and the
// difference of (elo, ehi), on the stack, and (olo, ohi).
#define FINISH(at, shift, olo, ohi, sum, diff, tmp) \
	VMOVDQU   (at)(SP), Y10; \
	VMOVDQU   (at+32)(SP), Y11; \
	VPADDD    olo, Y10, sum; \
	VPADDD    ohi, Y11, tmp; \
	VPSRAD    $shift, sum, sum; \
	VPSRAD    $shift, tmp, tmp; \
	VPACKSSDW tmp, sum, sum; \
	VPSUBD    olo, Y10, Y10; \
	VPSUBD    ohi, Y11, Y11; \
	VPSRAD    $shift, Y10, Y10; \
	VPSRAD    $shift, Y11, Y11; \
	VPACKSSDW Y11, Y10, diff

// PASS is rotate8 on Y0..Y7, 16 columns at once, with descaling; the rows come
// out in Y12, Y5, Y4, Y7, Y8, Y6, Y14, Y13.
#define PASS(round, shift) \
	VPUNPCKLWD Y6, Y2, Y8; \
	VPUNPCKHWD Y6, Y2, Y9; \
	VPMADDWD   even3<>(SB), Y8, Y10; \
	VPMADDWD   even3<>(SB), Y9, Y11; \
	VPMADDWD   even2<>(SB), Y8, Y8; \
	VPMADDWD   even2<>(SB), Y9, Y9; \
	VPADDW     Y4, Y0, Y2; \
	VPSUBW     Y4, Y0, Y6; \
	VPXOR      Y15, Y15, Y15; \
	VPUNPCKLWD Y2, Y15, Y0; \
	VPUNPCKHWD Y2, Y15, Y2; \
	VPUNPCKLWD Y6, Y15, Y4; \
	VPUNPCKHWD Y6, Y15, Y6; \
	VMOVDQU    round<>(SB), Y15; \
	VPSRAD     $3, Y0, Y0; \
	VPSRAD     $3, Y2, Y2; \
	VPSRAD     $3, Y4, Y4; \
	VPSRAD     $3, Y6, Y6; \
	VPADDD     Y15, Y0, Y0; \
	VPADDD     Y15, Y2, Y2; \
	VPADDD     Y15, Y4, Y4; \
	VPADDD     Y15, Y6, Y6; \
	VPADDD     Y10, Y0, Y12; \
	VPADDD     Y11, Y2, Y13; \
	VPSUBD     Y10, Y0, Y0; \
	VPSUBD     Y11, Y2, Y2; \
	VMOVDQU    Y12, 0(SP); \
	VMOVDQU    Y13, 32(SP); \
	VMOVDQU    Y0, 192(SP); \
	VMOVDQU    Y2, 224(SP); \
	VPADDD     Y8, Y4, Y12; \
	VPADDD     Y9, Y6, Y13; \
	VPSUBD     Y8, Y4, Y4; \
	VPSUBD     Y9, Y6, Y6; \
	VMOVDQU    Y12, 64(SP); \
	VMOVDQU    Y13, 96(SP); \
	VMOVDQU    Y4, 128(SP); \
	VMOVDQU    Y6, 160(SP); \
	VPADDW     Y3, Y7, Y8; \
	VPADDW     Y1, Y5, Y9; \
	VPUNPCKLWD Y9, Y8, Y10; \
	VPUNPCKHWD Y9, Y8, Y11; \
	VPMADDWD   sum3<>(SB), Y10, Y12; \
	VPMADDWD   sum3<>(SB), Y11, Y13; \
	VPMADDWD   sum4<>(SB), Y10, Y10; \
	VPMADDWD   sum4<>(SB), Y11, Y11; \
	VPUNPCKLWD Y1, Y7, Y8; \
	VPUNPCKHWD Y1, Y7, Y9; \
	VPMADDWD   odd0<>(SB), Y8, Y0; \
	VPMADDWD   odd0<>(SB), Y9, Y2; \
	VPMADDWD   odd3<>(SB), Y8, Y8; \
	VPMADDWD   odd3<>(SB), Y9, Y9; \
	VPADDD     Y12, Y0, Y0; \
	VPADDD     Y13, Y2, Y2; \
	VPADDD     Y10, Y8, Y8; \
	VPADDD     Y11, Y9, Y9; \
	VPUNPCKLWD Y3, Y5, Y4; \
	VPUNPCKHWD Y3, Y5, Y6; \
	VPMADDWD   odd1<>(SB), Y4, Y1; \
	VPMADDWD   odd1<>(SB), Y6, Y3; \
	VPMADDWD   odd2<>(SB), Y4, Y4; \
	VPMADDWD   odd2<>(SB), Y6, Y6; \
	VPADDD     Y10, Y1, Y1; \
	VPADDD     Y11, Y3, Y3; \
	VPADDD     Y12, Y4, Y4; \
	VPADDD     Y13, Y6, Y6; \
	FINISH(0, shift, Y8, Y9, Y12, Y13, Y5); \
	FINISH(64, shift, Y4, Y6, Y5, Y14, Y7); \
	FINISH(128, shift, Y1, Y3, Y4, Y6, Y7); \
	FINISH(192, shift, Y0, Y2, Y7, Y8, Y9)

// STORE writes two rows of 8 samples of each block from the lanes of y.
#define STORE(x, y) \
	VPADDB       Y15, y, y; \
	VEXTRACTI128 $1, y, X14; \
	VMOVQ        x, (DI); \
	VMOVHPS      x, (DI)(R8*1); \
	VMOVQ        X14, (SI); \
	VMOVHPS      X14, (SI)(R9*1); \
	LEAQ         (DI)(R8*2), DI; \
	LEAQ         (SI)(R9*2), SI

// func idct8AVX2(a, b, quantA, quantB *[64]int16, dstA, dstB *byte, strideA, strideB int)
TEXT ·idct8AVX2(SB), NOSPLIT, $256-64
	MOVQ a+0(FP), AX
	MOVQ b+8(FP), BX
	MOVQ quantA+16(FP), CX
	MOVQ quantB+24(FP), DX
	MOVQ dstA+32(FP), DI
	MOVQ dstB+40(FP), SI
	MOVQ strideA+48(FP), R8
	MOVQ strideB+56(FP), R9

	LOAD(0, X0, Y0)
	LOAD(1, X1, Y1)
	LOAD(2, X2, Y2)
	LOAD(3, X3, Y3)
	LOAD(4, X4, Y4)
	LOAD(5, X5, Y5)
	LOAD(6, X6, Y6)
	LOAD(7, X7, Y7)
	PASS(round11, 11)

	// Transpose rows Y12, Y5, Y4, Y7, Y8, Y6, Y14, Y13 to columns Y0..Y7.
	VPUNPCKLWD  Y5, Y12, Y0
	VPUNPCKHWD  Y5, Y12, Y1
	VPUNPCKLWD  Y7, Y4, Y2
	VPUNPCKHWD  Y7, Y4, Y3
	VPUNPCKLWD  Y6, Y8, Y9
	VPUNPCKHWD  Y6, Y8, Y10
	VPUNPCKLWD  Y13, Y14, Y11
	VPUNPCKHWD  Y13, Y14, Y12
	VPUNPCKLDQ  Y2, Y0, Y4
	VPUNPCKHDQ  Y2, Y0, Y5
	VPUNPCKLDQ  Y3, Y1, Y6
	VPUNPCKHDQ  Y3, Y1, Y7
	VPUNPCKLDQ  Y11, Y9, Y8
	VPUNPCKHDQ  Y11, Y9, Y13
	VPUNPCKLDQ  Y12, Y10, Y14
	VPUNPCKHDQ  Y12, Y10, Y15
	VPUNPCKLQDQ Y8, Y4, Y0
	VPUNPCKHQDQ Y8, Y4, Y1
	VPUNPCKLQDQ Y13, Y5, Y2
	VPUNPCKHQDQ Y13, Y5, Y3
	VPUNPCKLQDQ Y14, Y6, Y4
	VPUNPCKHQDQ Y14, Y6, Y5
	VPUNPCKLQDQ Y15, Y7, Y6
	VPUNPCKHQDQ Y15, Y7, Y7
	PASS(round18, 18)

	// Columns Y12, Y5, Y4, Y7, Y8, Y6, Y14, Y13: to bytes, transposed back.
	VPACKSSWB  Y8, Y12, Y0
	VPACKSSWB  Y6, Y5, Y1
	VPACKSSWB  Y14, Y4, Y2
	VPACKSSWB  Y13, Y7, Y3
	VPUNPCKLBW Y1, Y0, Y4
	VPUNPCKHBW Y1, Y0, Y5
	VPUNPCKLBW Y3, Y2, Y6
	VPUNPCKHBW Y3, Y2, Y7
	VPUNPCKLWD Y6, Y4, Y0
	VPUNPCKHWD Y6, Y4, Y1
	VPUNPCKLWD Y7, Y5, Y2
	VPUNPCKHWD Y7, Y5, Y3
	VPUNPCKLDQ Y2, Y0, Y4
	VPUNPCKHDQ Y2, Y0, Y5
	VPUNPCKLDQ Y3, Y1, Y6
	VPUNPCKHDQ Y3, Y1, Y7
	VMOVDQU    byte128<>(SB), Y15
	STORE(X4, Y4)
	STORE(X5, Y5)
	STORE(X6, Y6)
	STORE(X7, Y7)
	VZEROUPPER
	RET

// HALF makes two rows of reduce4 from the even part (elo, ehi) and the odd part
// (olo, ohi), destroying the even part.
#define HALF(elo, ehi, olo, ohi, sum, tmp, diff) \
	VPADDD    olo, elo, sum; \
	VPADDD    ohi, ehi, tmp; \
	VPSRAD    $12, sum, sum; \
	VPSRAD    $12, tmp, tmp; \
	VPACKSSDW tmp, sum, sum; \
	VPSUBD    olo, elo, elo; \
	VPSUBD    ohi, ehi, ehi; \
	VPSRAD    $12, elo, elo; \
	VPSRAD    $12, ehi, ehi; \
	VPACKSSDW ehi, elo, diff

// func idct4AVX2(a, b, quantA, quantB *[64]int16, dstA, dstB *byte, strideA, strideB int)
TEXT ·idct4AVX2(SB), NOSPLIT, $0-64
	MOVQ a+0(FP), AX
	MOVQ b+8(FP), BX
	MOVQ quantA+16(FP), CX
	MOVQ quantB+24(FP), DX
	MOVQ dstA+32(FP), DI
	MOVQ dstB+40(FP), SI
	MOVQ strideA+48(FP), R8
	MOVQ strideB+56(FP), R9

	LOAD(0, X0, Y0)
	LOAD(1, X1, Y1)
	LOAD(2, X2, Y2)
	LOAD(3, X3, Y3)
	LOAD(5, X5, Y5)
	LOAD(6, X6, Y6)
	LOAD(7, X7, Y7)

	// Odd part: Y8, Y9 for the outer rows, Y1, Y3 for the inner ones.
	VPUNPCKLWD Y3, Y1, Y10
	VPUNPCKHWD Y3, Y1, Y11
	VPUNPCKLWD Y7, Y5, Y12
	VPUNPCKHWD Y7, Y5, Y13
	VPMADDWD   half0a<>(SB), Y10, Y8
	VPMADDWD   half0a<>(SB), Y11, Y9
	VPMADDWD   half0b<>(SB), Y12, Y14
	VPMADDWD   half0b<>(SB), Y13, Y15
	VPADDD     Y14, Y8, Y8
	VPADDD     Y15, Y9, Y9
	VPMADDWD   half1a<>(SB), Y10, Y1
	VPMADDWD   half1a<>(SB), Y11, Y3
	VPMADDWD   half1b<>(SB), Y12, Y14
	VPMADDWD   half1b<>(SB), Y13, Y15
	VPADDD     Y14, Y1, Y1
	VPADDD     Y15, Y3, Y3

	// Even part: Y4, Y5 outer, Y6, Y7 inner.
	VPXOR      Y15, Y15, Y15
	VPUNPCKLWD Y6, Y2, Y10
	VPUNPCKHWD Y6, Y2, Y11
	VPMADDWD   halfEven<>(SB), Y10, Y10
	VPMADDWD   halfEven<>(SB), Y11, Y11
	VPUNPCKLWD Y0, Y15, Y2
	VPUNPCKHWD Y0, Y15, Y0
	VMOVDQU    round12<>(SB), Y15
	VPSRAD     $2, Y2, Y2
	VPSRAD     $2, Y0, Y0
	VPADDD     Y15, Y2, Y2
	VPADDD     Y15, Y0, Y0
	VPADDD     Y10, Y2, Y4
	VPADDD     Y11, Y0, Y5
	VPSUBD     Y10, Y2, Y6
	VPSUBD     Y11, Y0, Y7
	HALF(Y4, Y5, Y8, Y9, Y10, Y14, Y13)
	HALF(Y6, Y7, Y1, Y3, Y11, Y14, Y12)

	// Rows Y10..Y13 to pairs of columns Y0 (0 1), Y1 (2 3), Y2 (4 5), Y3 (6 7).
	VPUNPCKLWD Y11, Y10, Y4
	VPUNPCKHWD Y11, Y10, Y5
	VPUNPCKLWD Y13, Y12, Y6
	VPUNPCKHWD Y13, Y12, Y7
	VPUNPCKLDQ Y6, Y4, Y0
	VPUNPCKHDQ Y6, Y4, Y1
	VPUNPCKLDQ Y7, Y5, Y2
	VPUNPCKHDQ Y7, Y5, Y3

	// Second pass: odd parts Y8 outer, Y9 inner; even parts Y4 outer, Y5 inner.
	VPUNPCKHWD Y1, Y0, Y10
	VPUNPCKHWD Y3, Y2, Y11
	VPMADDWD   half0a<>(SB), Y10, Y8
	VPMADDWD   half0b<>(SB), Y11, Y12
	VPMADDWD   half1a<>(SB), Y10, Y9
	VPMADDWD   half1b<>(SB), Y11, Y13
	VPADDD     Y12, Y8, Y8
	VPADDD     Y13, Y9, Y9
	VPXOR      Y15, Y15, Y15
	VPUNPCKLWD Y0, Y15, Y0
	VPSRAD     $2, Y0, Y0
	VPADDD     round19<>(SB), Y0, Y0
	VPUNPCKLWD Y3, Y1, Y1
	VPMADDWD   halfEven<>(SB), Y1, Y1
	VPADDD     Y1, Y0, Y4
	VPSUBD     Y1, Y0, Y5
	VPADDD     Y8, Y4, Y0
	VPADDD     Y9, Y5, Y1
	VPSUBD     Y9, Y5, Y2
	VPSUBD     Y8, Y4, Y3
	VPSRAD     $19, Y0, Y0
	VPSRAD     $19, Y1, Y1
	VPSRAD     $19, Y2, Y2
	VPSRAD     $19, Y3, Y3
	VPACKSSDW  Y2, Y0, Y0
	VPACKSSDW  Y3, Y1, Y1
	VPUNPCKLWD Y1, Y0, Y2
	VPUNPCKHWD Y1, Y0, Y3
	VPUNPCKLDQ Y3, Y2, Y0
	VPUNPCKHDQ Y3, Y2, Y1
	VPACKSSWB  Y1, Y0, Y0
	VPADDB     byte128<>(SB), Y0, Y0

	VEXTRACTI128 $1, Y0, X1
	VMOVD        X0, (DI)
	VPEXTRD      $1, X0, (DI)(R8*1)
	VMOVD        X1, (SI)
	VPEXTRD      $1, X1, (SI)(R9*1)
	LEAQ         (DI)(R8*2), DI
	LEAQ         (SI)(R9*2), SI
	VPEXTRD      $2, X0, (DI)
	VPEXTRD      $3, X0, (DI)(R8*1)
	VPEXTRD      $2, X1, (SI)
	VPEXTRD      $3, X1, (SI)(R9*1)
	VZEROUPPER
	RET

// func idct2AVX2(a, b, quantA, quantB *[64]int16, dstA, dstB *byte, strideA, strideB int)
TEXT ·idct2AVX2(SB), NOSPLIT, $0-64
	MOVQ a+0(FP), AX
	MOVQ b+8(FP), BX
	MOVQ quantA+16(FP), CX
	MOVQ quantB+24(FP), DX
	MOVQ dstA+32(FP), DI
	MOVQ dstB+40(FP), SI
	MOVQ strideA+48(FP), R8
	MOVQ strideB+56(FP), R9

	LOAD(0, X0, Y0)
	LOAD(1, X1, Y1)
	LOAD(3, X3, Y3)
	LOAD(5, X5, Y5)
	LOAD(7, X7, Y7)

	// Columns: odd part Y8, Y9, even part Y2, Y0, rows Y1 and Y3.
	VPUNPCKLWD Y3, Y1, Y8
	VPUNPCKHWD Y3, Y1, Y9
	VPUNPCKLWD Y7, Y5, Y10
	VPUNPCKHWD Y7, Y5, Y11
	VPMADDWD   quartA<>(SB), Y8, Y8
	VPMADDWD   quartA<>(SB), Y9, Y9
	VPMADDWD   quartB<>(SB), Y10, Y10
	VPMADDWD   quartB<>(SB), Y11, Y11
	VPADDD     Y10, Y8, Y8
	VPADDD     Y11, Y9, Y9
	VPXOR      Y15, Y15, Y15
	VMOVDQU    round13<>(SB), Y14
	VPUNPCKLWD Y0, Y15, Y2
	VPUNPCKHWD Y0, Y15, Y0
	VPSRAD     $1, Y2, Y2
	VPSRAD     $1, Y0, Y0
	VPADDD     Y14, Y2, Y2
	VPADDD     Y14, Y0, Y0
	VPADDD     Y8, Y2, Y1
	VPADDD     Y9, Y0, Y3
	VPSUBD     Y8, Y2, Y2
	VPSUBD     Y9, Y0, Y0
	VPSRAD     $13, Y1, Y1
	VPSRAD     $13, Y3, Y3
	VPSRAD     $13, Y2, Y2
	VPSRAD     $13, Y0, Y0
	VPACKSSDW  Y3, Y1, Y1
	VPACKSSDW  Y0, Y2, Y3

	// Rows: the odd parts of both in Y4, the even ones in Y5.
	VPMADDWD   quartRow<>(SB), Y1, Y4
	VPMADDWD   quartRow<>(SB), Y3, Y5
	VPHADDD    Y5, Y4, Y4
	VPHADDD    Y4, Y4, Y4
	VPUNPCKLWD Y3, Y1, Y5
	VPUNPCKLWD Y5, Y15, Y5
	VPSRAD     $1, Y5, Y5
	VPADDD     round20<>(SB), Y5, Y5
	VPADDD     Y4, Y5, Y6
	VPSUBD     Y4, Y5, Y7
	VPUNPCKLDQ Y7, Y6, Y6
	VPSRAD     $20, Y6, Y6
	VPACKSSDW  Y6, Y6, Y6
	VPACKSSWB  Y6, Y6, Y6
	VPADDB     byte128<>(SB), Y6, Y6

	VEXTRACTI128 $1, Y6, X7
	VPEXTRW      $0, X6, (DI)
	VPEXTRW      $1, X6, (DI)(R8*1)
	VPEXTRW      $0, X7, (SI)
	VPEXTRW      $1, X7, (SI)(R9*1)
	VZEROUPPER
	RET

// func expandRow2AVX2(dst, src *byte, n int)
// n > 0 samples, a multiple of 16; src[-1] and src[n] are read.
TEXT ·expandRow2AVX2(SB), NOSPLIT, $0-24
	MOVQ    dst+0(FP), DI
	MOVQ    src+8(FP), SI
	MOVQ    n+16(FP), CX
	VMOVDQU word1<>(SB), Y8
	VMOVDQU word2<>(SB), Y9

row2:
	VPMOVZXBW -1(SI), Y0
	VPMOVZXBW (SI), Y1
	VPMOVZXBW 1(SI), Y2
	VPADDW    Y1, Y1, Y3
	VPADDW    Y1, Y3, Y3
	VPADDW    Y8, Y0, Y0
	VPADDW    Y9, Y2, Y2
	VPADDW    Y3, Y0, Y0
	VPADDW    Y3, Y2, Y2
	VPSRLW    $2, Y0, Y0
	VPSRLW    $2, Y2, Y2
	VPSLLW    $8, Y2, Y2
	VPOR      Y2, Y0, Y0
	VMOVDQU   Y0, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $16, CX
	JNZ       row2
	VZEROUPPER
	RET

// COLUMN weighs 16 samples of the near row (SI) and the far one (DX).
#define COLUMN(off, near, far) \
	VPMOVZXBW off(SI), near; \
	VPMOVZXBW off(DX), far; \
	VPADDW    near, far, far; \
	VPADDW    near, near, near; \
	VPADDW    far, near, near

// func expandRows2x2AVX2(dst, near, far *byte, n int)
// n > 0 samples, a multiple of 16; those at -1 and n are read.
TEXT ·expandRows2x2AVX2(SB), NOSPLIT, $0-32
	MOVQ    dst+0(FP), DI
	MOVQ    near+8(FP), SI
	MOVQ    far+16(FP), DX
	MOVQ    n+24(FP), CX
	VMOVDQU word8<>(SB), Y8
	VMOVDQU word7<>(SB), Y9

rows2x2:
	COLUMN(-1, Y0, Y3)
	COLUMN(0, Y1, Y4)
	COLUMN(1, Y2, Y5)
	VPADDW  Y1, Y1, Y3
	VPADDW  Y1, Y3, Y3
	VPADDW  Y8, Y0, Y0
	VPADDW  Y9, Y2, Y2
	VPADDW  Y3, Y0, Y0
	VPADDW  Y3, Y2, Y2
	VPSRLW  $4, Y0, Y0
	VPSRLW  $4, Y2, Y2
	VPSLLW  $8, Y2, Y2
	VPOR    Y2, Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ    $16, SI
	ADDQ    $16, DX
	ADDQ    $32, DI
	SUBQ    $16, CX
	JNZ     rows2x2
	VZEROUPPER
	RET

// func expandRows1x2AVX2(dst, near, far *byte, n int, bias uint)
// n > 0 samples, a multiple of 16.
TEXT ·expandRows1x2AVX2(SB), NOSPLIT, $0-40
	MOVQ         dst+0(FP), DI
	MOVQ         near+8(FP), SI
	MOVQ         far+16(FP), DX
	MOVQ         n+24(FP), CX
	MOVQ         bias+32(FP), AX
	VMOVQ        AX, X8
	VPBROADCASTW X8, Y8

rows1x2:
	COLUMN(0, Y0, Y1)
	VPADDW       Y8, Y0, Y0
	VPSRLW       $2, Y0, Y0
	VPACKUSWB    Y0, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VMOVQ        X0, (DI)
	VMOVQ        X1, 8(DI)
	ADDQ         $16, SI
	ADDQ         $16, DX
	ADDQ         $16, DI
	SUBQ         $16, CX
	JNZ          rows1x2
	VZEROUPPER
	RET

// func yccToRGBAVX2(dst, y, cb, cr *byte, n int)
// n > 0 pixels, a multiple of 16.
//
// With 1.402 = 1 + c and 1.772 = 2 - c the products fit 16 bits; (high half of
// 2xc + 1) >> 1 is xc rounded.
TEXT ·yccToRGBAVX2(SB), NOSPLIT, $0-40
	MOVQ    dst+0(FP), DI
	MOVQ    y+8(FP), SI
	MOVQ    cb+16(FP), BX
	MOVQ    cr+24(FP), DX
	MOVQ    n+32(FP), CX
	VMOVDQU word128<>(SB), Y15
	VMOVDQU word1<>(SB), Y14
	VMOVDQU rgbRG<>(SB), Y13
	VMOVDQU rgbB<>(SB), Y12
	VMOVDQU tailRG<>(SB), Y11
	VMOVDQU tailB<>(SB), Y10

pixels:
	VPMOVZXBW (SI), Y0
	VPMOVZXBW (BX), Y1
	VPMOVZXBW (DX), Y2
	VPSUBW    Y15, Y1, Y1
	VPSUBW    Y15, Y2, Y2

	VPADDW   Y2, Y2, Y3
	VPMULHW  red<>(SB), Y3, Y3
	VPADDW   Y14, Y3, Y3
	VPSRAW   $1, Y3, Y3
	VPADDW   Y2, Y3, Y3
	VPADDW   Y0, Y3, Y3

	VPADDW   Y1, Y1, Y5
	VPMULHW  blue<>(SB), Y5, Y6
	VPADDW   Y14, Y6, Y6
	VPSRAW   $1, Y6, Y6
	VPADDW   Y5, Y6, Y5
	VPADDW   Y0, Y5, Y5

	VPUNPCKLWD Y2, Y1, Y6
	VPUNPCKHWD Y2, Y1, Y7
	VPMADDWD   green<>(SB), Y6, Y6
	VPMADDWD   green<>(SB), Y7, Y7
	VPADDD     round16<>(SB), Y6, Y6
	VPADDD     round16<>(SB), Y7, Y7
	VPSRAD     $16, Y6, Y6
	VPSRAD     $16, Y7, Y7
	VPACKSSDW  Y7, Y6, Y6
	VPSUBW     Y2, Y6, Y6
	VPADDW     Y0, Y6, Y6

	// Lanes of 8 pixels: red and green in Y3, blue in Y5; 24 bytes of RGB each.
	VPACKUSWB    Y6, Y3, Y3
	VPACKUSWB    Y5, Y5, Y5
	VPSHUFB      Y13, Y3, Y0
	VPSHUFB      Y12, Y5, Y1
	VPOR         Y1, Y0, Y0
	VPSHUFB      Y11, Y3, Y2
	VPSHUFB      Y10, Y5, Y4
	VPOR         Y4, Y2, Y2
	VEXTRACTI128 $1, Y2, X4
	VMOVDQU      X0, (DI)
	VMOVQ        X2, 16(DI)
	VEXTRACTI128 $1, Y0, 24(DI)
	VMOVQ        X4, 40(DI)
	ADDQ         $16, SI
	ADDQ         $16, BX
	ADDQ         $16, DX
	ADDQ         $48, DI
	SUBQ         $16, CX
	JNZ          pixels
	VZEROUPPER
	RET
