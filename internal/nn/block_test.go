package nn

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/tensor/cpu"
	"github.com/emblem-search/emblem/internal/weights"
)

func device(t *testing.T) *tensor.Device {
	t.Helper()
	b, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return tensor.NewDevice(b)
}

// fill gives a linear random weights and returns them: (Out, In) and (Out).
func fill(t *testing.T, p *tensor.Pool, r *rand.Rand, l *Linear) (w, b []float32) {
	t.Helper()
	w, b = make([]float32, l.Weight.Out*l.Weight.In), make([]float32, l.Weight.Out)
	for _, s := range [][]float32{w, b} {
		for i := range s {
			s[i] = r.Float32() - 0.5
		}
	}
	var err error
	if l.Weight.W, err = p.Pack(l.Weight.Kind, l.Weight.Out, l.Weight.In, tensor.RowsOf(w, l.Weight.In)); err == nil {
		l.Bias.T, err = p.Constant(b, l.Weight.Out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w, b
}

func apply(w, b, x []float32) []float64 {
	y := make([]float64, len(b))
	for i := range y {
		y[i] = float64(b[i])
		for k := range x {
			y[i] += float64(w[i*len(x)+k]) * float64(x[k])
		}
	}
	return y
}

// TestGatedMLP holds a gated MLP to its formula: y = x + W2·(silu(a)·b) + b2
// with (a, b) = W1·x + b1. No family of this build has one.
func TestGatedMLP(t *testing.T) {
	const c, hidden = 5, 7
	d := device(t)
	p := d.NewPool()
	defer p.Close()
	r := rand.New(rand.NewPCG(1, 2))
	m := NewMLP(c, hidden, tensor.SiLU, true, tensor.KindF32)
	w1, b1 := fill(t, p, r, &m.FC1)
	w2, b2 := fill(t, p, r, &m.FC2)
	x := make([]float32, c)
	for i := range x {
		x[i] = r.Float32() - 0.5
	}
	g := make([]float32, hidden)
	for i, a := range apply(w1, b1, x)[:hidden] {
		g[i] = float32(a / (1 + math.Exp(-a)) * apply(w1, b1, x)[hidden+i])
	}
	want := apply(w2, b2, g)
	got := make([]float32, c)
	err := d.Run(context.Background(), tensor.Interactive, func(s *tensor.Stream) error {
		h, y := s.New(tensor.F32, 1, c), s.New(tensor.F32, 1, c)
		tensor.Put(s, h, x)
		tensor.Put(s, y, x)
		m.Forward(s, h, y)
		return tensor.Get(s, got, y)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if d := math.Abs(float64(got[i]) - want[i] - float64(x[i])); d > 1e-5 {
			t.Errorf("element %d: %v, want %v", i, got[i], want[i]+float64(x[i]))
		}
	}
}

// TestBlockShapes: what a block asks a checkpoint for.
func TestBlockShapes(t *testing.T) {
	c := BlockConfig{Width: 6, Heads: 2, Hidden: 10, Gated: true, NoQKVBias: true}
	b := NewBlock(c, Precision{Block: tensor.KindF32})
	if b.MLP.FC1.Weight.Out != 20 || b.MLP.FC2.Weight.In != 10 || b.Attn.QKV.Weight.Out != 18 {
		t.Errorf("%+v", b)
	}
	if b.Attn.QKV.Bias.Shape != nil || b.Attn.Proj.Bias.Shape == nil {
		t.Error("only q, k and v go without bias")
	}
	_, err := weights.Match(none{}, weights.Layout{}, &b)
	e, ok := err.(*weights.Error)
	if !ok || len(e.Missing) != 11 {
		t.Errorf("%v", err)
	}
}

func TestPrecision(t *testing.T) {
	d := device(t)
	half := d.Backend().(*cpu.Backend).PreferBF16()
	auto := map[bool]string{false: "f32", true: "bf16"}[half]
	for dtype, want := range map[string]string{"": auto, "auto": auto, "float32": "f32", "bfloat16": "bf16", "half": "f16", "int8": "int8"} {
		p, err := NewPrecision(d, dtype)
		if err != nil || p.Name != want {
			t.Errorf("%q: %+v, %v; want %s", dtype, p, err, want)
		}
		if p.Edge == tensor.KindI8 {
			t.Errorf("%q: the sensitive layers are int8", dtype)
		}
	}
	if _, err := NewPrecision(d, "f8"); err == nil {
		t.Error("f8 was accepted")
	}
	if _, err := Activation("foo"); err == nil {
		t.Error("an unknown activation was accepted")
	}
}

// none is a checkpoint without tensors.
type none struct{}

func (none) Names() []string                          { return nil }
func (none) Get(string) (v safetensors.View, ok bool) { return }
func (none) Want(safetensors.View)                    {}
func (none) Drop(safetensors.View, int, int)          {}

// TestBiasKV: a query sees one more key and value than there are tokens, as
// torch.nn.MultiheadAttention(add_bias_kv=True) has it, in every sequence of a batch
// and whatever the last row holds.
func TestBiasKV(t *testing.T) {
	const batch, tokens, c, heads = 3, 4, 6, 2
	d := device(t)
	p := d.NewPool()
	defer p.Close()
	r := rand.New(rand.NewPCG(3, 4))
	block := NewBlock(BlockConfig{Width: c, Heads: heads, Hidden: 1, BiasKV: true}, Precision{Block: tensor.KindF32})
	a := &block.Attn
	w, bias := fill(t, p, r, &a.QKV)
	wp, bp := fill(t, p, r, &a.Proj)
	kv := random(r, 2*c)
	var err error
	if a.BiasKV.T, err = p.Constant(kv, a.BiasKV.Shape...); err != nil {
		t.Fatal(err)
	}
	x, got := random(r, batch*(tokens+1)*c), make([]float32, batch*(tokens+1)*c)
	err = d.Run(context.Background(), tensor.Interactive, func(s *tensor.Stream) error {
		h, y := s.New(tensor.F32, batch, tokens+1, c), s.New(tensor.F32, batch, tokens+1, c)
		tensor.Put(s, h, x)
		tensor.Put(s, y, make([]float32, len(x)))
		a.Forward(s, h, Mask{}, y)
		return tensor.Get(s, got, y)
	})
	if err != nil {
		t.Fatal(err)
	}
	for b := range batch {
		keys := [][]float32{}
		for l := range tokens {
			keys = append(keys, narrow(apply(w, bias, x[(b*(tokens+1)+l)*c:][:c])))
		}
		keys = append(keys, append(make([]float32, c), kv...)) // no query, then the key and the value
		for l := range tokens {
			want := apply(wp, bp, attendTo(keys[l][:c], keys, heads))
			for i, v := range want {
				if g := got[(b*(tokens+1)+l)*c+i]; math.Abs(float64(g)-v) > 1e-5 {
					t.Fatalf("sequence %d, row %d: %v, want %v", b, l, g, v)
				}
			}
		}
	}
}

func random(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = r.Float32() - 0.5
	}
	return v
}

func narrow(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

// attendTo is what a query reads of rows (query, key, value), head by head.
func attendTo(q []float32, rows [][]float32, heads int) []float32 {
	c := len(q)
	d, out := c/heads, make([]float64, c)
	for h := range heads {
		sum, part := 0.0, make([]float64, d)
		for _, r := range rows {
			dot := 0.0
			for i := h * d; i < (h+1)*d; i++ {
				dot += float64(q[i]) * float64(r[c+i])
			}
			e := math.Exp(dot / math.Sqrt(float64(d)))
			sum += e
			for i := range part {
				part[i] += e * float64(r[2*c+h*d+i])
			}
		}
		for i := range part {
			out[h*d+i] = part[i] / sum
		}
	}
	return narrow(out)
}
