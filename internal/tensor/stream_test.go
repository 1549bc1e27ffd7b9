package tensor

import (
	"slices"
	"testing"
)

// TestRoundTrip puts values into tensors with gaps and parts of them, and gets
// them back dense.
func TestRoundTrip(t *testing.T) {
	err := NewDevice(&fake{}).Run(background, Bulk, func(s *Stream) error {
		x := s.New(F32, 3, 512)
		if x.LD() != 512+16 {
			t.Errorf("row stride %d of rows of 2048 bytes, want a gap of 64", x.LD())
		}
		if d := s.NewDense(F32, 3, 512); !d.Dense() {
			t.Errorf("row stride %d of a dense tensor", d.LD())
		}
		want := make([]float32, x.Len())
		for i := range want {
			want[i] = float32(i)
		}
		Put(s, x, want)
		got := make([]float32, x.Len())
		if err := Get(s, got, x); err != nil || !slices.Equal(got, want) {
			t.Errorf("whole: %v %v", got[:4], err)
		}
		part := make([]float32, 4)
		if err := Get(s, part, x.Slice(1, 3).ColSlice(5, 7)); err != nil || !slices.Equal(part, []float32{517, 518, 1029, 1030}) {
			t.Errorf("part: %v %v", part, err)
		}
		flat := x.Reshape(3, 1, 512)
		Put(s, flat.Slice(2, 3).ColSlice(0, 1), []float32{-1})
		if err := Get(s, part[:1], x.Slice(2, 3).ColSlice(0, 1)); err != nil || part[0] != -1 {
			t.Errorf("through a reshaped view: %v %v", part[0], err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestViews refuses views that do not exist.
func TestViews(t *testing.T) {
	x := View(nil, 0, F32, 2, 3, 4)
	gaps := x.ColSlice(0, 2)
	for name, f := range map[string]func(){
		"rank 0":          func() { View(nil, 0, F32) },
		"negative":        func() { View(nil, 0, F32, 2, -1) },
		"slice":           func() { x.Slice(1, 3) },
		"backwards":       func() { x.Slice(1, 0) },
		"columns":         func() { x.ColSlice(0, 5) },
		"reshape":         func() { x.Reshape(5, 5) },
		"reshape of gaps": func() { gaps.Reshape(12) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
	if y := gaps.Reshape(6, 2); y.LD() != 4 || y.Rows() != 6 || y.Dense() {
		t.Errorf("reshape of rows with gaps: %v, stride %d", y, y.LD())
	}
	if v := View(nil, 0, I32, 9).Slice(2, 5); v.Offset() != 2 || v.Len() != 3 || !v.Dense() {
		t.Errorf("slice of a vector: %v at %d", v, v.Offset())
	}
	if x.Dim(-1) != 4 || x.Dim(0) != 2 || x.Rows() != 6 || x.Len() != 24 {
		t.Errorf("sizes of %v", x)
	}
	if (Tensor{}).Ok() || (Tensor{}).Len() != 0 || (Weight{}).Ok() {
		t.Error("the zero values are present")
	}
}

// TestPool gives back all that a pool holds.
func TestPool(t *testing.T) {
	b := &fake{}
	p := NewDevice(b).NewPool()
	c, err := p.Constant([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 24)
	if err := b.Download(got, c); err != nil || !slices.Equal(got, bytesOf([]float32{1, 2, 3, 4, 5, 6})) {
		t.Errorf("constant %v %v", got, err)
	}
	if _, err := p.Constant([]float32{1}, 2); err == nil {
		t.Error("one value for two")
	}
	if _, err := p.Pack(KindI8, 3, 5, nil); err != nil {
		t.Fatal(err)
	}
	if p.Bytes() != 24+8+15 {
		t.Errorf("%d bytes", p.Bytes())
	}
	p.Close()
	if p.Bytes() != 0 || b.alive != 0 {
		t.Errorf("after Close: %d bytes, %d alive", p.Bytes(), b.alive)
	}
}

// TestBF16 rounds as the hardware does.
func TestBF16(t *testing.T) {
	for _, c := range []struct {
		in   float32
		want uint16
	}{{1, 0x3f80}, {1.00390625, 0x3f80}, {1.01171875, 0x3f82}, {1.004, 0x3f81}, {-2, 0xc000}, {3.4e38, 0x7f80}} {
		if got := ToBF16(c.in); got != c.want {
			t.Errorf("%v is %#x, want %#x", c.in, got, c.want)
		}
	}
	nan := FromBF16(0x7fc0)
	if got := FromBF16(ToBF16(nan)); got == got {
		t.Errorf("NaN became %v", got)
	}
	for i := range 1 << 16 {
		f := FromBF16(uint16(i))
		if f == f && ToBF16(f) != uint16(i) {
			t.Fatalf("%#x does not round to itself", i)
		}
	}
}

// TestChecks tries operands that do not fit, op by op.
func TestChecks(t *testing.T) {
	f := func(shape ...int) Tensor { return View(nil, 0, F32, shape...) }
	ints := View(nil, 0, I32, 2)
	w := NewWeight(KindF32, 4, 3, 48, nil)
	for name, op := range map[string]Op{
		"linear without weight":  &Linear{X: f(2, 3), Y: f(2, 4)},
		"linear width":           &Linear{X: f(2, 5), W: w, Y: f(2, 4)},
		"linear rows":            &Linear{X: f(2, 3), W: w, Y: f(3, 4)},
		"linear bias":            &Linear{X: f(2, 3), W: w, Bias: f(3), Y: f(2, 4)},
		"linear residual":        &Linear{X: f(4, 3), W: w, Res: f(3, 4), Y: f(4, 4)},
		"linear ints":            &Linear{X: View(nil, 0, I32, 2, 3), W: w, Y: f(2, 4)},
		"attention heads":        &Attention{Q: f(1, 2, 8), K: f(1, 2, 8), V: f(1, 2, 8), Heads: 3, Y: f(1, 2, 8)},
		"attention no heads":     &Attention{Q: f(1, 2, 8), K: f(1, 2, 8), V: f(1, 2, 8), Y: f(1, 2, 8)},
		"attention key heads":    &Attention{Q: f(1, 2, 8), K: f(1, 2, 6), V: f(1, 2, 6), Heads: 4, KVHeads: 3, Y: f(1, 2, 8)},
		"attention batch":        &Attention{Q: f(2, 2, 8), K: f(1, 2, 8), V: f(1, 2, 8), Heads: 2, Y: f(2, 2, 8)},
		"attention causal":       &Attention{Q: f(1, 3, 8), K: f(1, 2, 8), V: f(1, 2, 8), Heads: 2, Causal: true, Y: f(1, 3, 8)},
		"attention lengths":      &Attention{Q: f(1, 2, 8), K: f(1, 2, 8), V: f(1, 2, 8), Heads: 2, Lens: ints, Y: f(1, 2, 8)},
		"layernorm weight":       &LayerNorm{X: f(2, 3), W: f(2), Y: f(2, 3)},
		"rmsnorm rows":           &RMSNorm{X: f(2, 3), Y: f(3, 3)},
		"embed width":            &Embed{Table: f(5, 3), IDs: ints, Y: f(2, 4)},
		"embed count":            &Embed{Table: f(5, 3), IDs: ints, Y: f(3, 3)},
		"embed positions":        &Embed{Table: f(5, 3), IDs: View(nil, 0, I32, 4), Add: f(3, 3), Y: f(4, 3)},
		"patchify lead":          &Patchify{X: View(nil, 0, U8, 1, 4, 12), Patch: 2, Lead: 1, Y: f(1, 4, 12)},
		"patchify rank":          &Patchify{X: View(nil, 0, U8, 4, 12), Patch: 2, Y: f(1, 4, 12)},
		"unary width":            &Unary{X: f(2, 3), Y: f(2, 4)},
		"glu width":              &GLU{X: f(2, 7), Y: f(2, 3)},
		"copy dtype":             &Copy{X: ints, Y: f(2)},
		"normalize dtype":        &Normalize{X: View(nil, 0, BF16, 2, 3), Y: f(2, 3)},
		"meanpool lead":          &MeanPool{X: f(1, 2, 3), Lead: 2, Y: f(1, 3)},
		"meanpool rank":          &MeanPool{X: f(2, 3), Y: f(1, 3)},
		"meanpool other lengths": &MeanPool{X: f(1, 2, 3), Lens: ints, Y: f(1, 3)},
	} {
		if err := op.Check(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
