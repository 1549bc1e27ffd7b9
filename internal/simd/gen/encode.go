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
