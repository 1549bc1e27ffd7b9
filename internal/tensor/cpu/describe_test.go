package cpu

import (
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// TestDescribe: what is said of the kernels is what Pack chooses, for every set of
// this machine.
func TestDescribe(t *testing.T) {
	for _, name := range simd.Names() {
		b, err := New(Options{Kernels: name})
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []tensor.Kind{tensor.KindF32, tensor.KindF16, tensor.KindBF16, tensor.KindI8} {
			got := b.Describe(k)
			w, err := b.Pack(k, 3, 5, tensor.RowsOf(make([]float32, 15), 5))
			if err != nil {
				t.Fatal(err)
			}
			p := w.Packed().(*panels)
			rounded := p.format == asF32 && k != tensor.KindF32
			if !strings.HasPrefix(got, name+": ") || !rounded && !strings.Contains(got, products[p.format]) || rounded != strings.Contains(got, "rounded to "+k.String()) {
				t.Errorf("%s for %v: %s", name, k, got)
			}
			b.Unpack(w)
		}
	}
	if testing.Verbose() {
		t.Log(simd.Processor())
	}
}
