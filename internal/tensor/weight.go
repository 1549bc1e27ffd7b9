package tensor

import "fmt"

// Kind is the format that a weight matrix is stored and multiplied in.
type Kind uint8

// The weight formats. KindI8 has a scale per output channel and multiplies
// activations quantised per row on the fly. The kinds of 4 bits have a scale per group
// of input channels of one output channel, and multiply activations as they are.
const (
	KindF32 Kind = iota + 1
	KindF16
	KindBF16
	KindI8
	KindI4    // groups of 64
	KindI4x32 // of 32
	KindI4x128
)

// Group is how many weights share a scale in the kinds of 4 bits; 0 for others.
func (k Kind) Group() int {
	switch k {
	case KindI4:
		return 64
	case KindI4x32:
		return 32
	case KindI4x128:
		return 128
	}
	return 0
}

func (k Kind) String() string {
	switch k {
	case KindF32:
		return "f32"
	case KindF16:
		return "f16"
	case KindBF16:
		return "bf16"
	case KindI8:
		return "int8"
	case KindI4:
		return "int4"
	case KindI4x32:
		return "int4-32"
	case KindI4x128:
		return "int4-128"
	}
	return "invalid"
}

// ParseKind reads a --dtype value, short or long. "auto" is the caller's to resolve.
func ParseKind(s string) (Kind, error) {
	switch s {
	case "f32", "float32", "fp32":
		return KindF32, nil
	case "f16", "float16", "fp16", "half":
		return KindF16, nil
	case "bf16", "bfloat16":
		return KindBF16, nil
	case "int8", "i8":
		return KindI8, nil
	case "int4", "i4", "int4-64":
		return KindI4, nil
	case "int4-32":
		return KindI4x32, nil
	case "int4-128":
		return KindI4x128, nil
	}
	return 0, fmt.Errorf("dtype %q is none of auto, f32, f16, bf16, int8, int4, int4-32, int4-128", s)
}

// Weight is a matrix (Out, In) in the layout of the backend that packed it.
type Weight struct {
	kind    Kind
	out, in int
	bytes   int
	packed  any
}

// NewWeight is for backends: it wraps what Pack made.
func NewWeight(kind Kind, out, in, bytes int, packed any) Weight {
	return Weight{kind, out, in, bytes, packed}
}

// Ok tells whether the weight is present.
func (w Weight) Ok() bool { return w.kind != 0 }

// Kind is the stored format.
func (w Weight) Kind() Kind { return w.kind }

// Out is the number of output features.
func (w Weight) Out() int { return w.out }

// In is the number of input features.
func (w Weight) In() int { return w.in }

// Bytes is the memory it takes.
func (w Weight) Bytes() int { return w.bytes }

// Packed is what the backend made; only that backend can read it.
func (w Weight) Packed() any { return w.packed }

func (w Weight) String() string { return fmt.Sprintf("%v[%d %d]", w.kind, w.out, w.in) }

// Rows hands out rows lo to hi of a host matrix as float32, (hi-lo, In), into
// dst. It is how a backend reads a weight once, a panel at a time.
type Rows func(lo, hi int, dst []float32)

// RowsOf serves a dense host matrix with in columns.
func RowsOf(m []float32, in int) Rows {
	return func(lo, hi int, dst []float32) { copy(dst, m[lo*in:hi*in]) }
}
