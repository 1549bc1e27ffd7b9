package cpu

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
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
			if got := simd.ToF16(v); got != want {
				t.Fatalf("%v is %#x, want %#x", v, got, want)
			}
			if got := simd.ToF16(-v); got != want|0x8000 {
				t.Fatalf("%v is %#x, want %#x", -v, got, want|0x8000)
			}
		}
	}
	for v, want := range map[float32]uint16{float32(math.Inf(1)): 0x7c00, 1e10: 0x7c00, 1e-30: 0, float32(math.NaN()): 0x7e00} {
		if got := simd.ToF16(v); got != want {
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
			w, err := b.Pack(tensor.KindI8, 3, in, tensor.RowsOf(m, in))
			if err != nil {
				t.Fatal(err)
			}
			p := w.Packed().(*panels)
			if p.format != asU8 {
				continue
			}
			for j := range 3 {
				want := make([]uint8, 4*p.units)
				scale, sum := quantise(want, m[j*in:(j+1)*in])
				got := make([]uint8, len(want))
				for i := range got {
					got[i] = p.data[i/4*p.stride+4*j+i%4]
				}
				params := p.f32()[p.params/4:]
				if string(got) != string(want) || params[b.kern.NR+j] != scale || int32(math.Float32bits(params[j])) != 128*sum {
					t.Errorf("%s, %d columns, row %d: scale %v, want %v", name, in, j, params[b.kern.NR+j], scale)
				}
			}
		}
	}
}

// TestPacking holds the bytes of packed weights: files of the cache are told apart by
// Format, so that other bytes need another number there. If a change is meant, raise
// packing and put what this test prints into its table.
func TestPacking(t *testing.T) {
	want := map[string]string{
		"cpu generic 1":    "47dec37d559f850e",
		"cpu sse 1":        "3b01f029037d4dc2",
		"cpu avx2 1":       "f623d31c1692b396",
		"cpu avxvnni 1":    "76688423fc9cfd7a",
		"cpu avx512 1":     "ace6bd85ef08dd21",
		"cpu avx512vnni 1": "291d7691ad23b74d",
		"cpu avx512bf16 1": "d1e4d3c67f8753e5",
		"cpu amx 1":        "d1e4d3c67f8753e5",
	}
	const out, in = 37, 50
	m := make([]float32, out*in)
	for i := range m {
		m[i] = float32(i%23)/7 - float32(i%11)/3
	}
	for _, name := range simd.Names() {
		if name == "neon" {
			continue // its packing is the twins', by other sizes
		}
		b, err := New(Options{Kernels: name, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		for _, kind := range []tensor.Kind{tensor.KindF32, tensor.KindF16, tensor.KindBF16, tensor.KindI8, tensor.KindI4} {
			w, err := b.Pack(kind, out, in, tensor.RowsOf(m, in))
			if err != nil {
				t.Fatal(err)
			}
			sum.Write(b.Kept(w))
		}
		if got := fmt.Sprintf("%x", sum.Sum(nil)[:8]); got != want[b.Format()] {
			t.Errorf("%q: %q", b.Format(), got)
		}
	}
}

// TestAdopt: a weight and a tensor in lent memory compute what the originals do.
func TestAdopt(t *testing.T) {
	b, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	const out, in = 70, 48
	m := make([]float32, out*in)
	for i := range m {
		m[i] = float32(i%19) - 9
	}
	for _, kind := range []tensor.Kind{tensor.KindF32, tensor.KindI8} {
		dev := tensor.NewDevice(b)
		pool := dev.NewPool()
		w, err := pool.Pack(kind, out, in, tensor.RowsOf(m, in))
		if err != nil {
			t.Fatal(err)
		}
		bias, err := pool.Constant(m[:out], out)
		if err != nil {
			t.Fatal(err)
		}
		lent, err := allocate(len(b.Kept(w)))
		if err != nil {
			t.Fatal(err)
		}
		copy(lent.data, b.Kept(w))
		twin, err := pool.Adopt(b, kind, out, in, lent.data)
		if err != nil {
			t.Fatal(err)
		}
		table, err := pool.AdoptTensor(b, tensor.F32, b.KeptBuffer(bias.Buffer()), out)
		if err != nil {
			t.Fatal(err)
		}
		var results [2][]float32
		for i, layer := range []tensor.Linear{{W: w, Bias: bias}, {W: twin, Bias: table}} {
			results[i] = make([]float32, 5*out)
			err := dev.Run(context.Background(), tensor.Interactive, func(s *tensor.Stream) error {
				x, y := s.New(tensor.F32, 5, in), s.New(tensor.F32, 5, out)
				tensor.Put(s, x, m[:5*in])
				layer.X, layer.Y = x, y
				s.Do(&layer)
				return tensor.Get(s, results[i], y)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(results[0], results[1]) {
			t.Errorf("%v: other numbers", kind)
		}
		if _, err := pool.Adopt(b, kind, out, in, lent.data[:64]); err == nil {
			t.Error("too little memory is adopted")
		}
		if _, err := pool.Adopt(b, kind, out, in, lent.data[1:]); err == nil {
			t.Error("memory at an odd address is adopted")
		}
		pool.Close()
		if len(lent.data) == 0 {
			t.Error("lent memory was freed")
		}
		lent.free()
	}
}
