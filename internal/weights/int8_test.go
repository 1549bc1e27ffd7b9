package weights

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/tensor"
)

func (c checkpoint) addInt8(name string, q []byte, shape ...int) {
	c[name] = safetensors.View{Name: name, DType: safetensors.I8, Shape: shape, Data: q}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestInt8Rows(t *testing.T) {
	c := checkpoint{}
	c.add("top", 1, 3)
	c.add("blocks.1.w", 20, 2, 3)
	c.addInt8("blocks.0.w", []byte{1, 0, 255, 128, 127, 2}, 2, 3)
	if _, err := Match(c, Layout{}, newModule()); err == nil || !strings.Contains(err.Error(), "no blocks.0.w_scale") {
		t.Errorf("without scales: %v", err)
	}
	c.add("blocks.0.w_scale", 2, 2, 1) // 2 and 3
	m := newModule()
	must(t, Bind(nil, c, Layout{}, m))
	if want := []float32{2, 0, -2, -384, 381, 6}; !slices.Equal(m.Blocks[0].W.Data, want) {
		t.Errorf("%v, want %v", m.Blocks[0].W.Data, want)
	}
	c.add("blocks.0.w_scale", 2) // one for all
	must(t, Bind(nil, c, Layout{}, m))
	if want := []float32{2, 0, -2, -256, 254, 4}; !slices.Equal(m.Blocks[0].W.Data, want) {
		t.Errorf("one scale: %v, want %v", m.Blocks[0].W.Data, want)
	}
	c.add("blocks.1.w_scale", 2, 2, 1)
	if _, err := Match(c, Layout{}, newModule()); err == nil || !strings.Contains(err.Error(), "not used by the model: blocks.1.w_scale") {
		t.Errorf("scales of what is not int8: %v", err)
	}
	delete(c, "blocks.1.w_scale")
	nan := safetensors.View{Name: "blocks.0.w_scale", DType: safetensors.BF16, Shape: []int{2}, Data: []byte{0xc0, 0x7f, 0, 0x40}}
	c[nan.Name] = nan
	if err := Bind(nil, c, Layout{}, m); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("a scale that is no number: %v", err)
	}
}

// TestDequantise reads a matrix from any row on.
func TestDequantise(t *testing.T) {
	q, scales := []byte{1, 2, 3, 4, 5, 6, 7, 8}, []float32{1, 10, 100, 1000}
	all := make([]float32, 8)
	if top := dequantise(all, q, scales, 8, 0); top != 8000 {
		t.Errorf("the largest is %g", top)
	}
	for first := range 8 {
		part := make([]float32, 8-first)
		dequantise(part, q[first:], scales, 8, first)
		if !slices.Equal(part, all[first:]) {
			t.Errorf("from %d on %v, want %v", first, part, all[first:])
		}
	}
	if top := dequantise(all[:2], q[:2], []float32{float32(math.Inf(1)), 1, 1, 1}, 8, 0); !math.IsInf(top, 1) {
		t.Errorf("infinite: %g", top)
	}
}

// TestInt8Names: what becomes int8 row by row, and is not also needed otherwise.
func TestInt8Names(t *testing.T) {
	type net struct {
		QKV   Matrix `weight:"qkv"`
		Q     Matrix `weight:"q"`
		KV    Matrix `weight:"kv"`
		Turn  Matrix `weight:"turn"`
		Out   Matrix `weight:"out"`
		Exact Matrix `weight:"exact"`
	}
	i8 := tensor.KindI8
	m := &net{Matrix{3, 2, i8, tensor.Weight{}}, Matrix{1, 2, tensor.KindF32, tensor.Weight{}}, Matrix{2, 2, i8, tensor.Weight{}},
		Matrix{2, 3, i8, tensor.Weight{}}, Matrix{2, 2, i8, tensor.Weight{}}, Matrix{2, 2, tensor.KindF32, tensor.Weight{}}}
	c := checkpoint{}
	for _, n := range []string{"a", "b", "c"} {
		c.add(n, 1, 1, 2)
	}
	c.add("in", 1, 3, 2)
	c.add("turn", 1, 3, 2)
	c.add("out", 1, 2, 2)
	c.add("by", 1, 2)
	c.add("exact", 1, 2, 2)
	l := Layout{Rules: []Rule{
		{To: "qkv", From: From("a", "b", "c"), Op: Cat},
		{To: "q", From: From("in"), Op: Split, Part: Part{0, 1, 3}},
		{To: "kv", From: From("in"), Op: Split, Part: Part{1, 3, 3}},
		{To: "turn", From: From("turn"), Op: Transpose},
		{To: "out", From: From("out", "by"), Op: Scale},
	}}
	plan, err := Match(c, l, m)
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.Int8(); !slices.Equal(got, []string{"a", "b", "c", "out"}) {
		t.Errorf("%v", got)
	}
}
