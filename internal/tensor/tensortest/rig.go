package tensortest

import (
	"context"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/emblem-search/emblem/internal/tensor"
)

// rig makes operands on a device and remembers their exact values for the oracle.
type rig struct {
	t      testing.TB
	dev    *tensor.Device
	pool   *tensor.Pool
	r      *rand.Rand
	values map[place][]float64
	weight map[any][]float64
	gap    int // elements between rows
}

// place identifies a tensor: its memory and extent.
type place struct {
	buf  tensor.Buffer
	off  int
	len  int
	cols int
}

func at(t tensor.Tensor) place { return place{t.Buffer(), t.Offset(), t.Len(), t.Cols()} }

func newRig(t testing.TB, b tensor.Backend, seed uint64) *rig {
	dev := tensor.NewDevice(b)
	g := &rig{t: t, dev: dev, pool: dev.NewPool(), r: rand.New(rand.NewPCG(seed, 1)),
		values: map[place][]float64{}, weight: map[any][]float64{}, gap: 3}
	t.Cleanup(g.pool.Close)
	return g
}

// tensor makes random values of a dtype, exactly representable in it.
func (g *rig) tensor(d tensor.DType, shape ...int) tensor.Tensor {
	return g.fill(g.empty(d, shape...), func(int) float64 { return g.r.NormFloat64() })
}

// empty makes a tensor whose rows have a gap between them, as arenas make them.
func (g *rig) empty(d tensor.DType, shape ...int) tensor.Tensor {
	wide := append([]int{}, shape...)
	n := wide[len(wide)-1]
	if len(shape) > 1 {
		wide[len(wide)-1] += g.gap
	}
	t, err := g.pool.New(d, wide...)
	if err != nil {
		g.t.Fatal(err)
	}
	return t.ColSlice(0, n)
}

func (g *rig) fill(t tensor.Tensor, f func(i int) float64) tensor.Tensor {
	exact := make([]float64, t.Len())
	var host []byte
	for i := range exact {
		v := f(i)
		switch t.DType() {
		case tensor.F32:
			x := float32(v)
			exact[i], host = float64(x), append(host, bytesOf(&x)...)
		case tensor.BF16:
			x := tensor.ToBF16(float32(v))
			exact[i], host = float64(tensor.FromBF16(x)), append(host, bytesOf(&x)...)
		case tensor.I32:
			x := int32(v)
			exact[i], host = float64(x), append(host, bytesOf(&x)...)
		case tensor.U8:
			exact[i], host = float64(uint8(v)), append(host, uint8(v))
		}
	}
	if err := g.dev.Backend().Upload(t, host); err != nil {
		g.t.Fatal(err)
	}
	g.values[at(t)] = exact
	return t
}

func bytesOf[T any](p *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p))
}

func (g *rig) ints(n, below int) tensor.Tensor {
	return g.fill(g.empty(tensor.I32, n), func(int) float64 { return float64(g.r.IntN(below)) })
}

// pack makes a weight of values that its kind holds exactly, except int8, whose
// error the bounds allow for.
func (g *rig) pack(k tensor.Kind, out, in int) tensor.Weight {
	host, exact := make([]float32, out*in), make([]float64, out*in)
	for i := range host {
		host[i] = tensor.FromBF16(tensor.ToBF16(float32(g.r.NormFloat64())))
		if k == tensor.KindF16 {
			host[i] = float32(g.r.IntN(2048)-1024) / 512
		}
		if n := k.Group(); n > 0 { // steps of an eighth, the largest in each group -8 of them
			host[i] = float32(g.r.IntN(16)-8) / 8
			if i%in%n == 0 {
				host[i] = -1
			}
		}
		exact[i] = float64(host[i])
	}
	w, err := g.pool.Pack(k, out, in, tensor.RowsOf(host, in))
	if err != nil {
		g.t.Fatal(err)
	}
	g.weight[w.Packed()] = exact
	return w
}

func (g *rig) oracle(op tensor.Op) []float64 { return Oracle(op, g.known()) }

// known are the values of all operands.
func (g *rig) known() Values {
	return Values{
		Tensor: func(t tensor.Tensor) []float64 {
			if !t.Ok() {
				return nil
			}
			return g.values[at(t)]
		},
		Weight: func(w tensor.Weight) []float64 { return g.weight[w.Packed()] },
	}
}

// run executes an op and reads y.
func (g *rig) run(op tensor.Op, y tensor.Tensor) []float64 {
	g.t.Helper()
	err := g.dev.Run(context.Background(), tensor.Interactive, func(s *tensor.Stream) error {
		s.Do(op)
		return s.Err()
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return g.read(y)
}

func (g *rig) read(t tensor.Tensor) []float64 {
	host := make([]byte, t.Len()*t.DType().Size())
	if err := g.dev.Backend().Download(host, t); err != nil {
		g.t.Fatal(err)
	}
	out := make([]float64, t.Len())
	for i := range out {
		if t.DType() == tensor.BF16 {
			out[i] = float64(tensor.FromBF16(*(*uint16)(unsafe.Pointer(&host[2*i]))))
		} else {
			out[i] = float64(*(*float32)(unsafe.Pointer(&host[4*i])))
		}
	}
	return out
}
