package simd

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// each runs f for every kernel set of this machine beside its twin.
func each(t *testing.T, f func(t *testing.T, k, twin *Kernels)) {
	for _, name := range Names() {
		k, err := ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { f(t, k, generic("twin", k.Lanes, k.NR)) })
	}
}

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func ptr[T any](s []T) unsafe.Pointer { return unsafe.Pointer(&s[0]) }

// near fails unless got is within tol·(1 + |want|).
func near(t *testing.T, what string, got, want []float32, tol float64) {
	t.Helper()
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if math.IsNaN(g) != math.IsNaN(w) || math.Abs(g-w) > tol*(1+math.Abs(w)) {
			t.Fatalf("%s[%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestTiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows = 512 // of the tallest tile
	each(t, func(t *testing.T, k, twin *Kernels) {
		for _, units := range []int{1, 3, 4, 16, 17, 64} {
			testTiles(t, "f32", k.F32, twin.F32, k, words(random(r, rows*units)), words(random(r, units*k.NR)), units, 4)
			testTiles(t, "f16", k.F16, twin.F16, k, words(random(r, rows*units)), halves(r, units*k.NR), units, 2)
			testTiles(t, "bf16", k.BF16, twin.BF16, k, bf16s(r, 2*rows*units), bf16s(r, 2*units*k.NR), units, 4)
		}
	})
}

func words(x []float32) []byte { return unsafe.Slice((*byte)(ptr(x)), 4*len(x)) }

func bf16s(r *rand.Rand, n int) []byte {
	out := make([]uint16, n)
	for i, v := range random(r, n) {
		out[i] = bf16(v)
	}
	return unsafe.Slice((*byte)(ptr(out)), 2*n)
}

func halves(r *rand.Rand, n int) []byte {
	out := make([]uint16, n)
	for i := range out {
		out[i] = uint16(r.IntN(0x4800)) | uint16(r.IntN(2))<<15 // up to 8 in size
	}
	return unsafe.Slice((*byte)(ptr(out)), 2*n)
}

// testTiles compares tiles of every height with the twin, and demands that a row's
// bits do not depend on the height it was computed in. Each runs twice, the second
// time on top of its sums.
func testTiles(t *testing.T, kind string, tiles, twins []Tile, k *Kernels, a, b []byte, units, width int) {
	if len(tiles) == 0 {
		return
	}
	lda, ldb, ldc := uintptr(4*units), uintptr(width*k.NR), uintptr(4*k.NR)
	var want, first [2][]float32
	for acc := range want {
		want[acc] = make([]float32, len(tiles)*k.NR)
		for i := range tiles {
			if acc > 0 {
				copy(want[1][i*k.NR:], want[0][i*k.NR:(i+1)*k.NR])
			}
			twins[0](ptr(a[4*units*i:]), ptr(b), ptr(want[acc][i*k.NR:]), lda, ldb, ldc, uintptr(units), uintptr(acc), ptr(a), 0)
		}
	}
	for _, m := range heights(tiles) {
		got := make([]float32, m*k.NR+1)
		got[m*k.NR] = 42
		for acc := range want {
			tiles[m-1](ptr(a), ptr(b), ptr(got), lda, ldb, ldc, uintptr(units), uintptr(acc), ptr(a), 16)
			near(t, fmt.Sprintf("%s m=%d k=%d acc=%d", kind, m, units, acc), got[:m*k.NR], want[acc][:m*k.NR], 2e-5)
			known := min(len(first[acc]), m*k.NR)
			if !slices.Equal(got[:known], first[acc][:known]) {
				t.Fatalf("%s k=%d acc=%d: rows differ between tiles of %d and fewer rows", kind, units, acc, m)
			}
			first[acc] = append(first[acc], got[known:m*k.NR]...)
		}
		if got[m*k.NR] != 42 {
			t.Fatalf("%s k=%d: a tile of %d rows writes past its end", kind, units, m)
		}
	}
}

// heights are those of tiles worth testing: of very tall ones, two blocks of 32 and
// more, and the last.
func heights(tiles []Tile) (out []int) {
	for m := range tiles {
		if m < 70 || m+1 == len(tiles) {
			out = append(out, m+1)
		}
	}
	return out
}

func TestInt8(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	each(t, func(t *testing.T, k, twin *Kernels) {
		for _, m := range heights(k.I8) {
			testInt8(t, r, k, m, 64)
			testInt8(t, r, k, m, 176)
		}
	})
}

// testInt8 runs quantise, multiply and dequantise of n values along k against float64
// arithmetic on the quantised values.
func testInt8(t *testing.T, r *rand.Rand, k *Kernels, m, n int) {
	group := 4
	if k.WideI8 {
		group = 2
	}
	size := 4 / group
	q, scales := make([]byte, m*n*size), make([]float32, m)
	in := random(r, m*n)
	for i := range m {
		k.Quantize(ptr(in[i*n:]), ptr(q[i*n*size:]), ptr(scales[i:]), uintptr(n/k.Lanes))
	}
	w := make([]int8, n*k.NR)
	for i := range w {
		w[i] = int8(r.IntN(255) - 127)
	}
	panel, x := make([]int8, n*k.NR), make([]float32, 2*k.NR)
	corr := unsafe.Slice((*int32)(ptr(x)), k.NR)
	for j := range k.NR {
		x[k.NR+j] = 0.01
		for l := range n {
			panel[l/group*group*k.NR+j*group+l%group] = w[j*n+l]
			if !k.WideI8 {
				corr[j] += 128 * int32(w[j*n+l])
			}
		}
	}
	c := make([]float32, m*k.NR)
	k.I8[m-1](ptr(q), ptr(panel), ptr(c), uintptr(n*size), uintptr(k.NR*group), uintptr(4*k.NR), uintptr(n/group), 0, ptr(q), 0)
	ld := uintptr(4 * k.NR)
	k.ToF32.FinishInt[0](ptr(c), ptr(make([]float32, k.NR)), nil, ptr(c), ld, 0, ld, uintptr(m), ptr(x), ptr(scales))
	for i := range m {
		for j := range k.NR {
			want := 0.0
			for l := range n {
				v := math.RoundToEven(float64(in[i*n+l] * (127 / (scales[i] * 127))))
				want += v * float64(w[j*n+l])
			}
			want *= float64(scales[i]) * 0.01
			if got := float64(c[i*k.NR+j]); math.Abs(got-want) > 2e-3*(1+math.Abs(want)) {
				t.Fatalf("m=%d: c[%d %d] = %v, want %v", m, i, j, got, want)
			}
		}
	}
}

func TestFinish(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	each(t, func(t *testing.T, k, twin *Kernels) {
		for act := range Acts {
			for _, withRes := range []bool{false, true} {
				testFinish(t, r, k, twin, act, withRes)
			}
		}
	})
}

func testFinish(t *testing.T, r *rand.Rand, k, twin *Kernels, act int, withRes bool) {
	const rows, gap = 3, 5 // elements between rows of y and res
	n := k.NR
	c, bias, res := random(r, rows*n), random(r, n), random(r, rows*(n+gap))
	c[0], c[1], c[2], c[3] = 30, -30, 90, -90
	y := make([][]float32, 2)
	z := make([][]uint16, 2)
	for i, s := range []*Kernels{k, twin} {
		y[i], z[i] = make([]float32, rows*(n+gap)), make([]uint16, rows*(n+gap))
		var p unsafe.Pointer
		if withRes {
			p = ptr(res)
		}
		s.ToF32.Finish[act](ptr(c), ptr(bias), p, ptr(y[i]), uintptr(4*n), uintptr(4*(n+gap)), uintptr(4*(n+gap)), rows)
		s.ToBF16.Finish[act](ptr(c), ptr(bias), p, ptr(z[i]), uintptr(4*n), uintptr(4*(n+gap)), uintptr(2*(n+gap)), rows)
	}
	near(t, fmt.Sprintf("act %d", act), y[0], y[1], 1e-6)
	for i := range z[0] {
		near(t, fmt.Sprintf("act %d bf16", act), []float32{fromBF16(z[0][i])}, []float32{fromBF16(z[1][i])}, 1.0/128)
	}
}

func TestRows(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	each(t, func(t *testing.T, k, twin *Kernels) {
		const nv = 5
		n := nv * k.Lanes
		x, w, b := random(r, n), random(r, n), random(r, n)
		x[3] = -1000
		x[n-1] = float32(math.Inf(-1)) // a masked score
		run := func(k *Kernels) (out [][]float32) {
			for range 5 {
				out = append(out, make([]float32, n+2))
			}
			soft, norm := []float32{0.125, 0}, []float32{1e-5, 1 / float32(n)}
			k.ToF32.Softmax(ptr(x), ptr(out[0]), ptr(soft), nv)
			out[0][n] = soft[1]
			finite := append([]float32{}, x...)
			finite[n-1] = 1
			k.ToF32.LayerNorm(ptr(finite), ptr(w), ptr(b), ptr(out[1]), ptr(norm), nv)
			k.ToF32.RMSNorm(ptr(finite), ptr(w), ptr(out[2]), ptr(norm), nv)
			k.ToF32.ScaleRows(ptr(finite), ptr(w), ptr(out[3]), uintptr(4*k.Lanes), 0, nv, 1)
			k.Dot(ptr(w), ptr(b), ptr(out[4]), nv)
			return out
		}
		got, want := run(k), run(twin)
		for i, what := range []string{"softmax", "layernorm", "rmsnorm", "scalerows", "dot"} {
			near(t, what, got[i], want[i], 3e-6)
		}
		if got[0][n-1] != 0 {
			t.Errorf("a masked score has probability %v, want exactly 0", got[0][n-1])
		}
	})
}

func TestTranspose(t *testing.T) {
	each(t, func(t *testing.T, k, _ *Kernels) {
		if k.Transpose == nil {
			t.Skip("this set has none")
		}
		x := random(rand.New(rand.NewPCG(9, 9)), 16*20)
		y := make([]float32, 16*18)
		k.Transpose(ptr(x), ptr(y), 4*20, 4*18)
		for i := range 16 {
			for j := range 16 {
				if y[j*18+i] != x[i*20+j] {
					t.Fatalf("y[%d][%d] = %v, want %v", j, i, y[j*18+i], x[i*20+j])
				}
			}
		}
	})
}

func TestQuantizeBF16(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	each(t, func(t *testing.T, k, _ *Kernels) {
		if k.QuantizeBF16 == nil {
			t.Skip("this set has none")
		}
		for nv := 1; nv < 6; nv++ {
			n := nv * k.Lanes
			wide, half := random(r, n), make([]uint16, n)
			for i := range wide {
				half[i] = bf16(wide[i])
				wide[i] = fromBF16(half[i])
			}
			var scale, want [1]float32
			got, twin := make([]byte, n), make([]byte, n)
			k.QuantizeBF16(ptr(half), ptr(got), ptr(scale[:]), uintptr(nv))
			k.Quantize(ptr(wide), ptr(twin), ptr(want[:]), uintptr(nv))
			if scale != want || !slices.Equal(got, twin) {
				t.Fatalf("n=%d: scale %v, want %v; %v, want %v", n, scale, want, got, twin)
			}
		}
	})
}

// TestWiden reads every half and a sample of the other dtypes, and finds the largest
// of them and the one that is not finite.
func TestWiden(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const n = 1 << 16
	each(t, func(t *testing.T, k, _ *Kernels) {
		for name, c := range map[string]struct {
			widen func(x, y, s unsafe.Pointer, nv uintptr)
			size  int
			bits  func(i int) uint32
			value func(bits uint32) float32
		}{
			"f32":  {k.FromF32, 4, func(int) uint32 { return r.Uint32() }, math.Float32frombits},
			"f16":  {k.FromF16, 2, func(i int) uint32 { return uint32(i) }, func(b uint32) float32 { return FromF16(uint16(b)) }},
			"bf16": {k.FromBF16, 2, func(i int) uint32 { return uint32(i) }, func(b uint32) float32 { return fromBF16(uint16(b)) }},
		} {
			if c.widen == nil {
				continue
			}
			src, got, tops := make([]byte, n*c.size+1), make([]float32, n), make([]float32, k.Lanes)
			x, want := src[1:], make([]float32, n) // at an odd address
			put := func(i int, bits uint32) {
				copy(x[i*c.size:], binary.LittleEndian.AppendUint32(nil, bits)[:c.size])
				want[i] = c.value(bits)
			}
			for i := range n {
				bits := c.bits(i)
				for v := c.value(bits); v-v != 0; v = c.value(bits) {
					bits ^= 1 << (8*c.size - 2) // the exponent's highest bit
				}
				put(i, bits)
			}
			c.widen(ptr(x), ptr(got), ptr(tops), uintptr(n/k.Lanes))
			if top := max(slices.Max(want), -slices.Min(want)); !slices.Equal(got, want) || slices.Max(tops) != top {
				t.Errorf("%s: other numbers, or %v in the place of %v", name, slices.Max(tops), top)
			}
			for i := range 2 * k.Lanes {
				before := want[i]
				put(i, map[string]uint32{"f32": 0x7f800000, "f16": 0xfc00, "bf16": 0x7fc0}[name])
				c.widen(ptr(x), ptr(got), ptr(tops), 2)
				if top := tops[i%k.Lanes]; top-top == 0 {
					t.Errorf("%s: %v is taken for finite at %d", name, want[i], i)
				}
				put(i, 0)
				want[i] = before
			}
		}
	})
}

// TestUnpack compares 4-bit weights as tiles get them with the twin, bit for bit, and
// the twin with the formula.
func TestUnpack(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	each(t, func(t *testing.T, k, twin *Kernels) {
		for _, rows := range []int{1, 3, 16} {
			q, s := make([]uint32, rows*k.NR), random(r, k.NR)
			for i := range q {
				q[i] = r.Uint32()
			}
			got, want := make([]float32, 8*rows*k.NR+1), make([]float32, 8*rows*k.NR+1)
			k.UnpackF32(ptr(q), ptr(s), ptr(got), uintptr(rows))
			twin.UnpackF32(ptr(q), ptr(s), ptr(want), uintptr(rows))
			if !slices.Equal(got, want) {
				t.Errorf("%d rows of float32 differ from the twin's", rows)
			}
			for i, v := range want[:len(want)-1] {
				col, at := i%k.NR, i/k.NR
				if w := int32(q[at/8*k.NR+col]>>(at%8*4)&15) - 8; v != float32(w)*s[col] {
					t.Fatalf("weight %d of column %d is %v, want %d times %v", at, col, v, w, s[col])
				}
			}
			half, wanted := make([]uint16, len(got)), make([]uint16, len(got))
			k.UnpackBF16(ptr(q), ptr(s), ptr(half), uintptr(rows))
			twin.UnpackBF16(ptr(q), ptr(s), ptr(wanted), uintptr(rows))
			if !slices.EqualFunc(half, wanted, func(a, b uint16) bool { return fromBF16(a) == fromBF16(b) }) { // zeros have signs
				t.Errorf("%d rows of bf16 differ from the twin's", rows)
			}
			for i, v := range want[:len(want)-1] {
				h := fromBF16(half[(i/k.NR/2*k.NR+i%k.NR)*2+i/k.NR%2])
				if math.Abs(float64(h-v)) > math.Abs(float64(v))/128 {
					t.Fatalf("weight %d as bf16 is %v, want %v", i, h, v)
				}
			}
		}
	})
}

// TestSoftmaxVanishes: what is too small for a normal number is exactly zero, since
// subnormal ones are slow to add.
func TestSoftmaxVanishes(t *testing.T) {
	each(t, func(t *testing.T, k, _ *Kernels) {
		if k.Name == "generic" {
			return
		}
		scores := []float32{0, -20, -86, -87.2, -88.1, -90, -95, -100, -103, -103.9, -150, float32(math.Inf(-1))}
		x := make([]float32, 16)
		for i := range x {
			x[i] = scores[min(i, len(scores)-1)]
		}
		y, s := make([]float32, 16), []float32{1, 0}
		k.ToF32.Softmax(ptr(x), ptr(y), ptr(s), uintptr(16/k.Lanes))
		for i, v := range y {
			want := math.Exp(float64(x[i]))
			if x[i] < -88 {
				want = 0
			}
			if math.Abs(float64(v)-want) > 1e-5*want {
				t.Errorf("e^%v is %v, want %v", x[i], v, want)
			}
		}
	})
}
