//go:build invariants

package tensor_test

import (
	"context"
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/tensor/cpu"
)

// TestPoison reads memory after its mark was released and after its run: NaN.
func TestPoison(t *testing.T) {
	dev := openCPU(t, cpu.Options{})
	read := func(x tensor.Tensor) []float32 {
		out := make([]float32, x.Len())
		if err := dev.Run(context.Background(), tensor.Bulk, func(s *tensor.Stream) error { return tensor.Get(s, out, x) }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	dead := func(x tensor.Tensor) {
		t.Helper()
		for _, v := range read(x) {
			if v == v {
				t.Errorf("released memory still holds %v", v)
			}
		}
	}
	var kept tensor.Tensor
	run := func(floats int) {
		err := dev.Run(context.Background(), tensor.Interactive, func(s *tensor.Stream) error {
			kept = s.New(tensor.F32, 5)
			tensor.Put(s, kept, []float32{1, 2, 3, 4, 5})
			m := s.Mark()
			near, far := s.New(tensor.F32, 5), s.New(tensor.F32, floats)
			end := far.Slice(floats-1, floats)
			tensor.Put(s, near, []float32{1, 2, 3, 4, 5})
			tensor.Put(s, end, []float32{1})
			s.Release(m)
			dead(near)
			dead(end)
			for i, v := range read(kept) {
				if v != float32(i+1) {
					t.Errorf("living memory holds %v", v)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	run(1 << 20) // more than the first chunk
	run(5)       // in the one that joined them, which outlives the run
	dead(kept)
}
