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
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
}
