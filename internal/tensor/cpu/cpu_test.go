package cpu

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/tensor/tensortest"
)

// TestConformance judges every kernel set that this machine has, on one worker
// and on several.
func TestConformance(t *testing.T) {
	for _, name := range simd.Names() {
		t.Run(name, func(t *testing.T) {
			b, err := New(Options{Kernels: name, Workers: 3})
			if err != nil {
				t.Fatal(err)
			}
			tensortest.Run(t, b)
		})
	}
}

// TestWorkers demands the same bits from 1, 2 and 7 workers.
func TestWorkers(t *testing.T) {
	var want []float32
	for _, n := range []int{1, 2, 7} {
		b, err := New(Options{Workers: n})
		if err != nil {
			t.Fatal(err)
		}
		got := block(t, tensor.NewDevice(b), tensor.Bulk)
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d workers give other bits than one", n)
		}
	}
}

// TestManyWorkers: whatever number of rows there is for many workers, each gets some, and
// none gets rows that are not there.
func TestManyWorkers(t *testing.T) {
	b, err := New(Options{Workers: 13})
	if err != nil {
		t.Fatal(err)
	}
	dev := tensor.NewDevice(b)
	pool := dev.NewPool()
	defer pool.Close()
	ones := make([]float32, 700*8)
	for i := range ones {
		ones[i] = 1
	}
	w, err := pool.Pack(tensor.KindF32, 3, 8, tensor.RowsOf(ones[:3*8], 8))
	if err != nil {
		t.Fatal(err)
	}
	for m := 1; m <= 700; m += 1 + m/60 {
		y := make([]float32, m*3)
		if err := dev.Run(t.Context(), tensor.Interactive, func(s *tensor.Stream) error {
			x, out := s.NewDense(tensor.F32, m, 8), s.NewDense(tensor.F32, m, 3)
			tensor.Put(s, x, ones[:m*8])
			s.Do(&tensor.Linear{X: x, W: w, Y: out})
			return tensor.Get(s, y, out)
		}); err != nil {
			t.Fatalf("%d rows: %v", m, err)
		}
		if slices.Min(y) != 8 || slices.Max(y) != 8 {
			t.Errorf("%d rows: %g to %g, want 8", m, slices.Min(y), slices.Max(y))
		}
	}
}

// block runs a transformer block's kind of ops in every weight kind.
func block(t *testing.T, dev *tensor.Device, lane tensor.Lane) []float32 {
	const b, l, c = 3, 50, 96
	r := rand.New(rand.NewPCG(1, 1))
	values := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	pool := dev.NewPool()
	defer pool.Close()
	var out []float32
	for _, kind := range []tensor.Kind{tensor.KindF32, tensor.KindF16, tensor.KindBF16, tensor.KindI8} {
		qkv, err := pool.Pack(kind, 3*c, c, tensor.RowsOf(values(3*c*c), c))
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float32, b*l*c)
		err = dev.Run(context.Background(), lane, func(s *tensor.Stream) error {
			x, h := s.New(tensor.F32, b, l, c), s.New(s.Activations(kind), b, l, c)
			heads, a := s.New(s.Activations(kind), b, l, 3*c), s.New(tensor.F32, b, l, c)
			tensor.Put(s, x, values(b*l*c))
			s.Do(&tensor.LayerNorm{X: x, Eps: 1e-5, Y: h})
			s.Do(&tensor.Linear{X: h, W: qkv, Act: tensor.QuickGELU, Y: heads})
			s.Do(&tensor.Attention{Q: heads.ColSlice(0, c), K: heads.ColSlice(c, 2*c), V: heads.ColSlice(2*c, 3*c), Heads: 3, Scale: 0.1, Y: a})
			return tensor.Get(s, y, a)
		})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, y...)
	}
	return out
}
