package dry_test

import (
	"context"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/tensor/dry"
)

// TestCost prices each op by hand.
func TestCost(t *testing.T) {
	b := dry.New()
	pool := tensor.NewDevice(b).NewPool()
	of := func(d tensor.DType, shape ...int) tensor.Tensor {
		x, err := pool.New(d, shape...)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	pack := func(k tensor.Kind, out, in int) tensor.Weight {
		w, err := pool.Pack(k, out, in, nil)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	f, h, ids := tensor.F32, tensor.BF16, of(tensor.I32, 6)
	for _, c := range []struct {
		op           tensor.Op
		flops, bytes int
	}{
		{&tensor.Linear{X: of(f, 6, 8), W: pack(tensor.KindF32, 5, 8), Y: of(f, 6, 5)}, 2 * 6 * 5 * 8, 4 * (6*8 + 5*8 + 6*5)},
		{&tensor.Linear{X: of(h, 2, 3, 8), W: pack(tensor.KindI8, 5, 8), Bias: of(f, 5), Res: of(f, 3, 5), Y: of(h, 2, 3, 5)},
			2 * 6 * 5 * 8, 2*6*8 + 5*8 + 4*5 + 4*5 + 4*15 + 2*30},
		{&tensor.Attention{Q: of(h, 2, 3, 8), K: of(h, 2, 7, 4), V: of(h, 2, 7, 4), Heads: 2, KVHeads: 1, Y: of(f, 2, 3, 8)},
			2 * 2 * (2 * 2 * 3 * 7 * 4), 2*(48+56+56) + 4*48},
		{&tensor.Attention{Q: of(h, 2, 3, 8), K: of(h, 9, 16, 4), V: of(h, 9, 16, 4), Heads: 2, KVHeads: 1, Lens: of(tensor.I32, 2), Pages: of(tensor.I32, 2, 2), Y: of(f, 2, 3, 8)},
			2 * 2 * (2 * 2 * 3 * 32 * 4), 2*48 + 2*2*(2*32*4) + 4*2 + 4*4 + 4*48},
		{&tensor.Scatter{X: of(f, 2, 3, 8), At: ids, Y: of(h, 90, 8)}, 48, 4*48 + 4*6 + 2*48},
		{&tensor.LayerNorm{X: of(f, 6, 8), W: of(f, 8), B: of(f, 8), Y: of(h, 6, 8)}, 48, 4*48 + 64 + 2*48},
		{&tensor.RMSNorm{X: of(f, 6, 8), Y: of(h, 6, 8)}, 48, 4*48 + 2*48},
		{&tensor.Rope{X: of(h, 2, 3, 8), Heads: 2, Cos: of(f, 9, 2), Sin: of(f, 9, 2), Y: of(f, 2, 3, 8)}, 48, 2*48 + 2*4*6 + 4*48},
		{&tensor.Embed{Table: of(h, 1000, 8), IDs: ids, Add: of(f, 3, 8), Y: of(f, 2, 3, 8)}, 48, 2*48 + 4*6 + 4*24 + 4*48},
		{&tensor.Patchify{X: of(tensor.U8, 2, 4, 12), Patch: 2, Lead: 1, Y: of(f, 2, 5, 12)}, 120, 96 + 4*120},
		{&tensor.Unary{X: of(f, 6, 8), Act: tensor.GELU, Y: of(f, 6, 8)}, 48, 8 * 48},
		{&tensor.GLU{X: of(f, 6, 16), Act: tensor.SiLU, Y: of(f, 6, 8)}, 48, 4*96 + 4*48},
		{&tensor.Copy{X: of(f, 6, 8), Y: of(h, 6, 8)}, 48, 6 * 48},
		{&tensor.Normalize{X: of(f, 6, 8), Y: of(f, 6, 8)}, 48, 8 * 48},
		{&tensor.MeanPool{X: of(f, 2, 3, 8), Y: of(f, 2, 8)}, 16, 4*48 + 4*16},
	} {
		b.Reset()
		if err := b.Exec(tensor.Bulk, c.op); err != nil {
			t.Fatal(err)
		}
		r := b.Report()
		if r.FLOPs != c.flops || r.Bytes != c.bytes || len(r.Ops) != 1 || r.Ops[0].Calls != 1 || r.Ops[0].Op != dry.Name(c.op) {
			t.Errorf("%s: %+v, want %d FLOPs, %d bytes", dry.Name(c.op), r, c.flops, c.bytes)
		}
	}
}

// TestBlock runs the ops of a ViT-B block: all are counted, nothing computed.
func TestBlock(t *testing.T) {
	const b, l, c = 2, 50, 768
	backend := dry.New()
	dev := tensor.NewDevice(backend)
	pool := dev.NewPool()
	pack := func(out, in int) tensor.Weight {
		w, err := pool.Pack(tensor.KindBF16, out, in, nil)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	qkv, proj, fc1, fc2 := pack(3*c, c), pack(c, c), pack(4*c, c), pack(c, 4*c)
	err := dev.Run(context.Background(), tensor.Bulk, func(s *tensor.Stream) error {
		act := s.Activations(tensor.KindBF16)
		x, h := s.New(tensor.F32, b, l, c), s.New(act, b, l, c)
		m := s.Mark()
		heads, y := s.New(act, b, l, 3*c), s.New(act, b, l, c)
		s.Do(&tensor.LayerNorm{X: x, Y: h})
		s.Do(&tensor.Linear{X: h, W: qkv, Y: heads})
		s.Do(&tensor.Attention{Q: heads.ColSlice(0, c), K: heads.ColSlice(c, 2*c), V: heads.ColSlice(2*c, 3*c), Heads: 12, Y: y})
		s.Do(&tensor.Linear{X: y, W: proj, Res: x, Y: x})
		s.Release(m)
		s.Do(&tensor.LayerNorm{X: x, Y: h})
		mid := s.New(act, b, l, 4*c)
		s.Do(&tensor.Linear{X: h, W: fc1, Act: tensor.GELU, Y: mid})
		s.Do(&tensor.Linear{X: mid, W: fc2, Res: x, Y: x})
		return tensor.Get(s, make([]float32, b*l*c), x)
	})
	if err != nil {
		t.Fatal(err)
	}
	r := backend.Report()
	calls := map[string]int{}
	for _, line := range r.Ops {
		calls[line.Op] = line.Calls
	}
	if calls["linear"] != 4 || calls["attention"] != 1 || calls["layernorm"] != 2 {
		t.Errorf("calls %v", calls)
	}
	const linear, attention, norms = 2 * b * l * 12 * c * c, 4 * b * l * l * c, 2 * b * l * c
	if r.FLOPs != linear+attention+norms {
		t.Errorf("%d FLOPs, want %d", r.FLOPs, linear+attention+norms)
	}
	if len(r.Weights) != 1 || r.Weights[0] != (dry.KindBytes{Kind: tensor.KindBF16, Bytes: 2 * 12 * c * c}) {
		t.Errorf("weights %v", r.Weights)
	}
	// x in float32 and, in bf16, the normed input and the inside of the MLP, whose
	// rows of 6144 bytes get a gap.
	if got, want := dev.Peak(tensor.Bulk), b*l*(4*c+2*c+(8*c+64)); got != want {
		t.Errorf("peak %d, want %d", got, want)
	}
	if dev.Peak(tensor.Interactive) != 0 {
		t.Error("the idle lane has used memory")
	}
	if s := r.String(); !strings.Contains(s, "attention") || !strings.Contains(s, "weights bf16: 14.2 MB") {
		t.Errorf("table:\n%s", s)
	}
	pool.Close()
	if r := backend.Report(); r.Weights != nil {
		t.Errorf("weights after Close: %v", r.Weights)
	}
}

// TestRefuses shows what is found out without computing.
func TestRefuses(t *testing.T) {
	b, other := dry.New(), dry.New()
	pool := tensor.NewDevice(b).NewPool()
	dead := tensor.NewDevice(b).NewPool()
	alien := tensor.NewDevice(other).NewPool()
	x, _ := pool.New(tensor.F32, 2, 4)
	gone, _ := dead.New(tensor.F32, 2, 4)
	away, _ := alien.New(tensor.F32, 2, 4)
	w, _ := dead.Pack(tensor.KindF32, 4, 4, nil)
	dead.Close()
	long := tensor.View(x.Buffer(), 1, tensor.F32, 2, 4)
	for _, c := range []struct {
		op   tensor.Op
		want string
	}{
		{&tensor.Unary{X: gone, Y: x}, "freed memory"},
		{&tensor.Unary{X: away, Y: x}, "another backend's"},
		{&tensor.Unary{X: x, Y: long}, "ends at byte 36 of a buffer of 32"},
		{&tensor.Linear{X: x, W: w, Y: x}, "w f32[4 4] is freed"},
		{unknown{}, "no rule for op"},
	} {
		if err := b.Exec(tensor.Bulk, c.op); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v, want %q", c.op, err, c.want)
		}
	}
	if r := b.Report(); len(r.Ops) != 0 {
		t.Errorf("refused ops were counted: %v", r.Ops)
	}
	if _, err := b.Pack(tensor.Kind(9), 1, 1, nil); err == nil {
		t.Error("packed a kind that there is not")
	}
	if err := b.Upload(x, make([]byte, 3)); err == nil {
		t.Error("uploaded 3 bytes into 32")
	}
}

type unknown struct{}

func (unknown) Check() error { return nil }
