package tensor_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/tensor/cpu"
)

func openCPU(t *testing.T, o cpu.Options) *tensor.Device {
	t.Helper()
	b, err := cpu.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return tensor.NewDevice(b)
}

// TestOvertake starts a bulk run that ends only once an interactive one has gone
// through between its ops.
func TestOvertake(t *testing.T) {
	dev := openCPU(t, cpu.Options{})
	started, overtaken := make(chan struct{}), atomic.Bool{}
	bulk := make(chan error)
	pass := func(s *tensor.Stream) error {
		x := s.New(tensor.F32, 64, 1024)
		tensor.Put(s, x, make([]float32, 64*1024))
		s.Do(&tensor.Unary{X: x, Act: tensor.GELU, Y: x})
		return s.Err()
	}
	go func() {
		bulk <- dev.Run(context.Background(), tensor.Bulk, func(s *tensor.Stream) error {
			for i := 0; !overtaken.Load(); i++ {
				m := s.Mark()
				if err := pass(s); err != nil {
					return err
				}
				s.Release(m)
				if i == 0 {
					close(started)
				}
			}
			return nil
		})
	}()
	<-started
	for range 20 {
		if err := dev.Run(context.Background(), tensor.Interactive, pass); err != nil {
			t.Error(err)
		}
	}
	overtaken.Store(true)
	if err := <-bulk; err != nil {
		t.Error(err)
	}
}

// TestSplit gives the bits of an interactive run to a bulk one, whose large ops
// are cut into parts.
func TestSplit(t *testing.T) {
	dev := openCPU(t, cpu.Options{Kernels: "generic", Workers: 1}) // whose parts are the smallest
	pool := dev.NewPool()
	defer pool.Close()
	const m, n, k = 1000, 64, 1000
	w, err := pool.Pack(tensor.KindF32, n, k, func(lo, hi int, dst []float32) {
		for i := range dst {
			dst[i] = float32((lo*k+i)%97) / 97
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	host := make([]float32, m*k)
	for i := range host {
		host[i] = float32(i%101)/101 - 0.5
	}
	res := make([]float32, 40*n) // repeats 25 times
	for i := range res {
		res[i] = float32(i)
	}
	run := func(lane tensor.Lane) []float32 {
		out := make([]float32, m*n)
		err := dev.Run(context.Background(), lane, func(s *tensor.Stream) error {
			x, r, y := s.New(tensor.F32, m, k), s.New(tensor.F32, 40, n), s.New(tensor.F32, m, n)
			tensor.Put(s, x, host)
			tensor.Put(s, r, res)
			s.Do(&tensor.Linear{X: x, W: w, Act: tensor.SiLU, Res: r, Y: y})
			return tensor.Get(s, out, y)
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want, got := run(tensor.Interactive), run(tensor.Bulk)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("value %d is %v in parts, %v whole", i, got[i], want[i])
		}
	}
}
