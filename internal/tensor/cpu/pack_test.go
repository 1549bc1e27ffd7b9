package cpu

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// TestToF16: every half comes back, what lies between two goes to the nearer, and
// from the middle to the even one.
func TestToF16(t *testing.T) {
	for h := uint16(0); h < 0x7c00; h++ {
		at, next := simd.FromF16(h), simd.FromF16(h+1)
		if h == 0x7bff {
			next = 65536
		}
		middle := at/2 + next/2
		even := h + h&1
		for v, want := range map[float32]uint16{
			at: h, middle: even, math.Nextafter32(middle, 0): h, math.Nextafter32(middle, 70_000): h + 1,
		} {
			if got := toF16(v); got != want {
				t.Fatalf("%v is %#x, want %#x", v, got, want)
			}
			if got := toF16(-v); got != want|0x8000 {
				t.Fatalf("%v is %#x, want %#x", -v, got, want|0x8000)
			}
		}
	}
	for v, want := range map[float32]uint16{float32(math.Inf(1)): 0x7c00, 1e10: 0x7c00, 1e-30: 0, float32(math.NaN()): 0x7e00} {
		if got := toF16(v); got != want {
			t.Errorf("%v is %#x, want %#x", v, got, want)
		}
	}
}

// TestQuantise: the kernel and its twin give the same bytes and scale, and the sum
// of the bytes is that which the products are corrected by.
func TestQuantise(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, name := range simd.Names() {
		b, err := New(Options{Kernels: name, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range []int{16, 31, 1_600} {
			m := make([]float32, 3*in)
			for i := range m {
				m[i] = float32(r.NormFloat64())
			}
			p := &panels{}
			if p.tiles, p.format = b.choose(tensor.KindI8); p.format != asU8 {
				continue
			}
			p.units, p.stride = (in+3)/4, 4*b.kern.NR
			if err := p.allocate(1, b.kern.NR); err != nil {
				t.Fatal(err)
			}
			k := newPacker(p, b.kern, tensor.KindI8, in)
			k.panel(0, 3, func(lo, hi int, dst []float32) { copy(dst, m) })
			for j := range 3 {
				want := make([]uint8, 4*p.units)
				scale, sum := quantise(want, m[j*in:(j+1)*in])
				got := make([]uint8, len(want))
				for i := range got {
					got[i] = p.data[i/4*p.stride+4*j+i%4]
				}
				params := p.params.f32()
				if string(got) != string(want) || params[b.kern.NR+j] != scale || int32(math.Float32bits(params[j])) != 128*sum {
					t.Errorf("%s, %d columns, row %d: scale %v, want %v", name, in, j, params[b.kern.NR+j], scale)
				}
			}
		}
	}
}
