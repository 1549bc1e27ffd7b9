package nn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Precision says what the parts of a model are stored in.
type Precision struct {
	Name  string       // the --dtype that it answers to: f32, f16, bf16, int8, int4
	Block tensor.Kind  // the blocks' linears, nearly all of the weights
	Edge  tensor.Kind  // what int8 and int4 would hurt: patch embedding, projections, heads
	Table tensor.DType // embedding tables
}

// NewPrecision reads a --dtype. "auto", or none, is bf16 where the device's
// silicon is good at it and else f32; it is never int8 or int4.
func NewPrecision(d *tensor.Device, dtype string) (Precision, error) {
	b, _ := d.Backend().(interface{ PreferBF16() bool })
	half := b != nil && b.PreferBF16()
	if dtype == "" || dtype == "auto" {
		dtype = "f32"
		if half {
			dtype = "bf16"
		}
	}
	kind, err := tensor.ParseKind(dtype)
	if err != nil {
		return Precision{}, err
	}
	p := Precision{Name: kind.String(), Block: kind, Edge: kind, Table: tensor.F32}
	switch kind {
	case tensor.KindBF16:
		p.Table = tensor.BF16
	case tensor.KindI8, tensor.KindI4, tensor.KindI4x32, tensor.KindI4x128:
		p.Table, p.Edge = tensor.BF16, tensor.KindF32
		if half {
			p.Edge = tensor.KindBF16
		}
	}
	return p, nil
}

// activations are the names that configurations use.
var activations = map[string]tensor.Act{
	"quick_gelu": tensor.QuickGELU, "gelu": tensor.GELU, "gelu_python": tensor.GELU,
	"gelu_pytorch_tanh": tensor.GELUTanh, "gelu_new": tensor.GELUTanh, "gelu_fast": tensor.GELUTanh,
	"silu": tensor.SiLU, "swish": tensor.SiLU, "relu": tensor.ReLU,
}

// Activation finds an activation by the name that transformers gives it.
func Activation(name string) (tensor.Act, error) {
	if a, ok := activations[name]; ok {
		return a, nil
	}
	var known []string
	for n := range activations {
		known = append(known, n)
	}
	slices.Sort(known)
	return 0, fmt.Errorf("activation %q is not one of %s", name, strings.Join(known, ", "))
}
