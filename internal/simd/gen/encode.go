package main

import (
	"fmt"
	"strings"
)

// The Go assembler lacks a few instructions; they are written as bytes, after
// the Intel manual, volume 2A, section 2.7 (EVEX) and 2.3.5 (VEX).

// vdpbf16ps is EVEX.512.F3.0F38.W0 52 /r: dst += a·b over pairs of bf16.
func vdpbf16ps(dst, a, b int) string { return evex512(0x52, 2, 2, dst, a, b) }

// vcvtneps2bf16 is EVEX.512.F3.0F38.W0 72 /r: ymm dst = bf16(zmm src).
func vcvtneps2bf16(dst, src int) string { return evex512(0x72, 2, 2, dst, 0, src) }

// evex512 encodes a register form: mm selects the opcode map (2 is 0F38), pp the
// prefix (2 is F3).
func evex512(op byte, mm, pp byte, reg, vvvv, rm int) string {
	not := func(v, bit int) byte { return byte(^v>>bit) & 1 }
	p0 := not(reg, 3)<<7 | not(rm, 4)<<6 | not(rm, 3)<<5 | not(reg, 4)<<4 | mm
	p1 := byte(^vvvv&15)<<3 | 4 | pp
	p2 := byte(2)<<5 | not(vvvv, 4)<<3
	modrm := byte(0xc0 | reg&7<<3 | rm&7)
	return bytesDirective(0x62, p0, p1, p2, op, modrm)
}

// vpdpbusdVEX is VEX.256.66.0F38.W0 50 /r (AVX-VNNI): dst += a (u8) · b (s8).
func vpdpbusdVEX(dst, a, b int) string {
	not := func(v, bit int) byte { return byte(^v>>bit) & 1 }
	p0 := not(dst, 3)<<7 | 1<<6 | not(b, 3)<<5 | 2
	p1 := byte(^a&15)<<3 | 1<<2 | 1
	return bytesDirective(0xc4, p0, p1, 0x50, byte(0xc0|dst&7<<3|b&7))
}

func bytesDirective(bs ...byte) string {
	var s []string
	for _, b := range bs {
		s = append(s, fmt.Sprintf("BYTE $0x%02x", b))
	}
	return strings.Join(s, "; ")
}

// General registers as instructions number them.
const (
	gAX  = 0
	gCX  = 1
	gBX  = 3
	gSI  = 6
	gR8  = 8
	gR9  = 9
	gR11 = 11
	gR12 = 12
)

var generalNames = map[int]string{gAX: "AX", gCX: "CX", gBX: "BX", gSI: "SI", gR8: "R8", gR9: "R9", gR11: "R11", gR12: "R12"}

// tileLoad is TILELOADD: VEX.128.F2.0F38.W0 4B /r, rows at base + off, a stride apart.
func tileLoad(reg, base, stride, off int) string {
	return tileMove(3, reg, base, stride, off) + fmt.Sprintf(" // TILELOADD %d(%s)(%s*1), T%d", off, generalNames[base], generalNames[stride], reg)
}

// tileStore is TILESTORED: VEX.128.F3.0F38.W0 4B /r.
func tileStore(reg, base, stride, off int) string {
	return tileMove(2, reg, base, stride, off) + fmt.Sprintf(" // TILESTORED T%d, %d(%s)(%s*1)", reg, off, generalNames[base], generalNames[stride])
}

// tileMove encodes a tile's move by prefix pp; a displacement byte is always there.
func tileMove(pp byte, reg, base, stride, off int) string {
	return bytesDirective(0xc4, 0x82|byte(^stride>>3&1)<<6|byte(^base>>3&1)<<5, 0x78|pp, 0x4b,
		byte(0x44|reg<<3), byte(stride&7<<3|base&7), byte(off))
}

// tileDot encodes dst += a·b with tiles in registers.
func tileDot(pp, op byte, dst, a, b int) string {
	return bytesDirective(0xc4, 0xe2, byte(^b&15)<<3|pp, op, byte(0xc0|dst<<3|a))
}

// tdpbf16ps is VEX.128.F3.0F38.W0 5C /r: pairs of bf16.
func tdpbf16ps(dst, a, b int) string { return tileDot(2, 0x5c, dst, a, b) }

// tdpbusd is VEX.128.66.0F38.W0 5E /r: fours of a (u8) and b (s8).
func tdpbusd(dst, a, b int) string { return tileDot(1, 0x5e, dst, a, b) }

// tileZero is VEX.128.F2.0F38.W0 49 /r.
func tileZero(reg int) string { return bytesDirective(0xc4, 0xe2, 0x7b, 0x49, byte(0xc0|reg<<3)) }

// loadTileConfig is VEX.128.NP.0F38.W0 49 /0 with the address in AX.
func loadTileConfig() string { return bytesDirective(0xc4, 0xe2, 0x78, 0x49, 0x00) }

// tileRelease is VEX.128.NP.0F38.W0 49 C0.
func tileRelease() string { return bytesDirective(0xc4, 0xe2, 0x78, 0x49, 0xc0) }
