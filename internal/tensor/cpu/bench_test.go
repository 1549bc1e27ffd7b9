package cpu

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
)

// tower is twelve blocks of a transformer with random weights.
type tower struct {
	dev    *tensor.Device
	wide   int
	kind   tensor.Kind
	blocks [12]struct{ qkv, out, fc1, fc2 tensor.Weight }
	bias   tensor.Tensor
}

func newTower(b *testing.B, kind tensor.Kind, wide int) *tower {
	backend, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	t := &tower{dev: tensor.NewDevice(backend), wide: wide, kind: kind}
	pool := t.dev.NewPool()
	b.Cleanup(pool.Close)
	pack := func(out, in int) tensor.Weight {
		r := rand.New(rand.NewPCG(1, 1))
		w, err := pool.Pack(kind, out, in, func(lo, hi int, dst []float32) {
			for i := range dst {
				dst[i] = (r.Float32() - 0.5) / 16
			}
		})
		if err != nil {
			b.Fatal(err)
		}
		return w
	}
	for i := range t.blocks {
		t.blocks[i].qkv, t.blocks[i].out = pack(3*wide, wide), pack(wide, wide)
		t.blocks[i].fc1, t.blocks[i].fc2 = pack(4*wide, wide), pack(wide, 4*wide)
	}
	t.bias, err = pool.New(tensor.F32, 4*wide)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// forward runs the blocks, or only their matrix products.
func (t *tower) forward(b *testing.B, batch, l int, products bool) {
	err := t.dev.Run(context.Background(), tensor.Interactive, func(s *tensor.Stream) error {
		act, wide := s.Activations(t.kind), t.wide
		x, h := s.New(tensor.F32, batch, l, wide), s.New(act, batch, l, wide)
		qkv, a, mid := s.New(act, batch, l, 3*wide), s.New(act, batch, l, wide), s.New(act, batch, l, 4*wide)
		for _, blk := range &t.blocks {
			if !products {
				s.Do(&tensor.LayerNorm{X: x, W: t.bias.Slice(0, wide), B: t.bias.Slice(0, wide), Eps: 1e-5, Y: h})
			}
			s.Do(&tensor.Linear{X: h, W: blk.qkv, Bias: t.bias.Slice(0, 3*wide), Y: qkv})
			if !products {
				s.Do(&tensor.Attention{Q: qkv.ColSlice(0, wide), K: qkv.ColSlice(wide, 2*wide), V: qkv.ColSlice(2*wide, 3*wide),
					Heads: wide / 64, Scale: 0.125, Causal: l == 8, Y: a})
			}
			s.Do(&tensor.Linear{X: a, W: blk.out, Bias: t.bias.Slice(0, wide), Res: x, Y: x})
			if !products {
				s.Do(&tensor.LayerNorm{X: x, W: t.bias.Slice(0, wide), B: t.bias.Slice(0, wide), Eps: 1e-5, Y: h})
			}
			fc1 := &tensor.Linear{X: h, W: blk.fc1, Bias: t.bias, Act: tensor.QuickGELU, Y: mid}
			if products {
				fc1.Act = tensor.NoAct
			}
			s.Do(fc1)
			s.Do(&tensor.Linear{X: mid, W: blk.fc2, Bias: t.bias.Slice(0, wide), Res: x, Y: x})
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func BenchmarkTower(b *testing.B) {
	for _, kind := range []tensor.Kind{tensor.KindF32, tensor.KindBF16, tensor.KindI8} {
		for _, shape := range [][3]int{{768, 1, 50}, {768, 8, 50}, {512, 1, 8}} { // width, batch, length
			t := newTower(b, kind, shape[0])
			for _, products := range []bool{true, false} {
				b.Run(fmt.Sprintf("%v/%dx%dx%d/products=%v", kind, shape[1], shape[2], shape[0], products), func(b *testing.B) {
					for b.Loop() {
						t.forward(b, shape[1], shape[2], products)
					}
					weights := 12 * 12 * float64(shape[0]*shape[0]) * float64(b.N) / b.Elapsed().Seconds()
					b.ReportMetric(2*weights*float64(shape[1]*shape[2])/1e9, "GFLOP/s")
					b.ReportMetric(weights/1e9, "Gweights/s")
					b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N), "ms")
				})
			}
		}
	}
}
