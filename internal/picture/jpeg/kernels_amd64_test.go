package jpeg

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"testing"
)

// generic runs f with the plain Go code.
func generic(f func()) {
	defer func(was bool) { useAVX2 = was }(useAVX2)
	useAVX2 = false
	f()
}

func needAVX2(t testing.TB) {
	if !useAVX2 {
		t.Skip("no AVX2, or EMBLEM_KERNELS=generic")
	}
}

// TestGoldenGeneric compares the plain Go code with Pillow too.
func TestGoldenGeneric(t *testing.T) {
	for _, g := range readGoldens(t, *goldens) {
		data, err := os.ReadFile(g.path)
		if err != nil {
			t.Fatal(err)
		}
		generic(func() { err = checkGolden(data, g) })
		if err != nil {
			t.Errorf("%s at 1/%d: %v", g.file, g.scale, err)
		}
	}
}

type pairKernel func(a, b, quantA, quantB *[64]int16, dstA, dstB []byte, strideA, strideB int)

// checkPair compares a transform's two implementations on two blocks.
func checkPair(t testing.TB, name string, k pairKernel, size int, blk, quant *[2][64]int16) {
	t.Helper()
	const strideA, strideB = 11, 9
	run := func() []byte {
		out := make([]byte, 2*8*11)
		a, b := out[:8*11], out[8*11:]
		k(&blk[0], &blk[1], &quant[0], &quant[1], a[:(size-1)*strideA+size], b[:(size-1)*strideB+size], strideA, strideB)
		return out
	}
	got := run()
	var want []byte
	generic(func() { want = run() })
	if !bytes.Equal(got, want) {
		t.Errorf("%s of %v by %v:\n got %v\nwant %v", name, blk, quant, got, want)
	}
}

// checkTransforms compares all of them.
func checkTransforms(t testing.TB, blk, quant *[2][64]int16) {
	t.Helper()
	checkPair(t, "idct8", idct8Pair, 8, blk, quant)
	checkPair(t, "idct4", idct4Pair, 4, blk, quant)
	checkPair(t, "idct2", idct2Pair, 2, blk, quant)
}

// TestTransformKernels compares on blocks from sparse and small to full and
// beyond what any encoder writes.
func TestTransformKernels(t *testing.T) {
	needAVX2(t)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		var blk, quant [2][64]int16
		most, share, factor := 1<<rng.IntN(16), rng.Float64(), 1+rng.IntN(1<<rng.IntN(9))
		for i := range blk {
			for k := range blk[i] {
				quant[i][k] = int16(1 + rng.IntN(factor))
				if rng.Float64() < share {
					blk[i][k] = int16(rng.IntN(2*most) - most)
				}
			}
		}
		checkTransforms(t, &blk, &quant)
		if t.Failed() {
			return
		}
	}
}

// FuzzTransformKernels looks for blocks on which the implementations differ.
func FuzzTransformKernels(f *testing.F) {
	needAVX2(f)
	f.Add(bytes.Repeat([]byte{0xFF, 0x7F}, 256))
	f.Add([]byte{0, 0x80, 1, 0, 2, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var blk, quant [2][64]int16
		for i := 0; i+1 < len(data) && i < 512; i += 2 {
			v := int16(binary.LittleEndian.Uint16(data[i:]))
			if j := i / 2; j < 128 {
				blk[j/64][j%64] = v
			} else {
				quant[j/64-2][j%64] = v
			}
		}
		checkTransforms(t, &blk, &quant)
	})
}

// TestRowKernels compares the filters and the colour conversion at every width
// up to three vectors and a half.
func TestRowKernels(t *testing.T) {
	needAVX2(t)
	rng := rand.New(rand.NewPCG(5, 6))
	row := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32() >> rng.IntN(9))
			if rng.IntN(3) == 0 {
				b[i] = 255
			}
		}
		return b
	}
	for n := 3; n < 56; n++ {
		for range 40 {
			a, b, c := row(n), row(n), row(n)
			for name, f := range map[string]func(dst []byte){
				"expandRow2":    func(dst []byte) { expandRow2(dst[:2*n], a) },
				"expandRows2x2": func(dst []byte) { expandRows2x2(dst[:2*n], a, b) },
				"expandRows1x2": func(dst []byte) { expandRows1x2(dst[:n], a, b, n%2 == 0) },
				"yccToRGB":      func(dst []byte) { yccToRGB(dst[:3*n], a, b, c) },
			} {
				got, want := make([]byte, 3*n+64), make([]byte, 3*n+64)
				f(got)
				generic(func() { f(want) })
				if !bytes.Equal(got, want) {
					t.Fatalf("%s of %d samples differs:\n got %v\nwant %v", name, n, got, want)
				}
			}
		}
	}
}

// TestColourKernel compares every pair of chroma samples.
func TestColourKernel(t *testing.T) {
	needAVX2(t)
	y, cb, cr := make([]byte, 256), make([]byte, 256), make([]byte, 256)
	for v := range 256 {
		for i := range y {
			y[i], cb[i], cr[i] = byte(i*7), byte(i), byte(v)
		}
		got, want := make([]byte, 3*256), make([]byte, 3*256)
		yccToRGB(got, y, cb, cr)
		yccToRGBFrom(want, y, cb, cr, 0)
		if !bytes.Equal(got, want) {
			t.Fatalf("cr = %d: the kernel differs", v)
		}
	}
}
