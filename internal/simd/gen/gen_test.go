package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestCommitted holds the committed files against what the generator writes.
func TestCommitted(t *testing.T) {
	files := Files()
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what gen writes; run go generate ./internal/simd", name)
		}
	}
	committed, _ := filepath.Glob("../*_*.s")
	for _, f := range committed {
		name := filepath.Base(f)
		if _, ok := files[name]; !ok && name != "cpu_amd64.s" && name != "cpu_arm64.s" {
			t.Errorf("%s is no longer generated; delete it", name)
		}
	}
}

// TestEncodings checks the instructions written as bytes against encodings that
// binutils 2.40 disassembles to the named operands.
func TestEncodings(t *testing.T) {
	for _, c := range []struct{ name, got, want string }{
		{"vdpbf16ps zmm0, zmm4, zmm2", vdpbf16ps(0, 4, 2), bytesDirective(0x62, 0xf2, 0x5e, 0x48, 0x52, 0xc2)},
		{"vdpbf16ps zmm27, zmm30, zmm29", vdpbf16ps(27, 30, 29), bytesDirective(0x62, 0x02, 0x0e, 0x40, 0x52, 0xdd)},
		{"vpdpbusd ymm0, ymm6, ymm4", vpdpbusdVEX(0, 6, 4), bytesDirective(0xc4, 0xe2, 0x4d, 0x50, 0xc4)},
		{"vpdpbusd ymm11, ymm14, ymm13", vpdpbusdVEX(11, 14, 13), bytesDirective(0xc4, 0x42, 0x0d, 0x50, 0xdd)},
		{"tileloadd tmm6, [rbx+r12]", tileMove(3, 6, gBX, gR12, 0), bytesDirective(0xc4, 0xa2, 0x7b, 0x4b, 0x74, 0x23, 0x00)},
		{"tileloadd tmm5, [r9+r8]", tileMove(3, 5, gR9, gR8, 0), bytesDirective(0xc4, 0x82, 0x7b, 0x4b, 0x6c, 0x01, 0x00)},
		{"tileloadd tmm3, [rax+rcx+64]", tileMove(3, 3, gAX, gCX, 64), bytesDirective(0xc4, 0xe2, 0x7b, 0x4b, 0x5c, 0x08, 0x40)},
		{"tilestored [r11+rcx+64], tmm2", tileMove(2, 2, gR11, gCX, 64), bytesDirective(0xc4, 0xc2, 0x7a, 0x4b, 0x54, 0x0b, 0x40)},
		{"tdpbf16ps tmm3, tmm5, tmm7", tdpbf16ps(3, 5, 7), bytesDirective(0xc4, 0xe2, 0x42, 0x5c, 0xdd)},
		{"tdpbusd tmm0, tmm4, tmm6", tdpbusd(0, 4, 6), bytesDirective(0xc4, 0xe2, 0x49, 0x5e, 0xc4)},
		{"tilezero tmm3", tileZero(3), bytesDirective(0xc4, 0xe2, 0x7b, 0x49, 0xd8)},
		{"ldtilecfg [rax]", loadTileConfig(), bytesDirective(0xc4, 0xe2, 0x78, 0x49, 0x00)},
		{"tilerelease", tileRelease(), bytesDirective(0xc4, 0xe2, 0x78, 0x49, 0xc0)},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
}
