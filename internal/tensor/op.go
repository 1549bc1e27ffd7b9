package tensor

import "fmt"

// Op is one step of a forward pass, as data. The set is closed: every backend
// switches over it. Check reports operands that do not fit together; that is a
// bug in the caller, and Stream.Do panics with it.
type Op interface {
	Check() error
}

// Act is an activation function, applied elementwise.
type Act uint8

// The activations. GELU is the exact one (erf), GELUTanh the tanh
// approximation, QuickGELU x·sigmoid(1.702x) as in OpenAI's CLIP.
const (
	NoAct Act = iota
	GELU
	GELUTanh
	QuickGELU
	SiLU
	ReLU
)

func (a Act) String() string {
	return [...]string{"none", "gelu", "gelu_tanh", "quick_gelu", "silu", "relu"}[a]
}

// want builds an error out of the first condition that does not hold.
func want(op string, conds ...cond) error {
	for _, c := range conds {
		if !c.ok {
			return fmt.Errorf("tensor: %s: %s", op, fmt.Sprintf(c.format, c.args...))
		}
	}
	return nil
}

type cond struct {
	ok     bool
	format string
	args   []any
}

func must(ok bool, format string, args ...any) cond { return cond{ok, format, args} }

// floats tells whether t can hold activations.
func floats(t Tensor) bool { return t.dtype == F32 || t.dtype == BF16 }

// vector tells whether t is absent or a dense F32 vector of n elements.
func vector(t Tensor, n int) bool {
	return !t.Ok() || t.dtype == F32 && t.Len() == n && t.Rows() == 1
}

func sameShape(a, b Tensor) bool { return a.rank == b.rank && a.shape == b.shape }
