package weights

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// Matrix is a weight (Out, In) that Bind packs in Kind.
type Matrix struct {
	Out, In int
	Kind    tensor.Kind
	W       tensor.Weight
}

// Constant is an F32 tensor on the device: a bias, a norm's weight, positions.
type Constant struct {
	Shape []int
	T     tensor.Tensor
}

// Table is a matrix (Rows, Cols) whose rows are gathered; it is stored in DType.
type Table struct {
	Rows, Cols int
	DType      tensor.DType
	Scale      float32 // that it is multiplied by; 0: 1
	T          tensor.Tensor
}

// Host is a float32 array in Go memory, for tables that are worked on at load.
type Host struct {
	Shape []int
	Data  []float32
}

// leaf is a field that wants one tensor.
type leaf interface {
	// wants is the expected shape, or nil when the field is not part of the module.
	wants() []int
	// load fills the field from m, whose shape is the wanted one as a matrix.
	load(p *tensor.Pool, m matrix) error
	// stores is the dtype that numbers are stored in, and what they have to be below.
	stores() (dtype string, limit float64)
	// packs is what of the field, besides its shape, decides how it is kept.
	packs() string
	// kept is the loaded field's memory, padded to 64 bytes, or a copy of what the
	// module will change; adopt fills the field from it.
	kept(tensor.Keeper) []byte
	adopt(*tensor.Pool, tensor.Keeper, []byte) error
}

func (w *Matrix) wants() []int   { return nonzero(w.Out, w.In) }
func (c *Constant) wants() []int { return c.Shape }
func (t *Table) wants() []int    { return nonzero(t.Rows, t.Cols) }
func (h *Host) wants() []int     { return h.Shape }

func (w *Matrix) stores() (string, float64) {
	switch w.Kind {
	case tensor.KindF16:
		return "f16", limitF16
	case tensor.KindBF16:
		return "bf16", limitBF16
	}
	return "f32", limitF32
}

func (t *Table) stores() (string, float64) {
	if t.DType == tensor.BF16 {
		return "bf16", limitBF16
	}
	return "f32", limitF32
}

func (c *Constant) stores() (string, float64) { return "f32", limitF32 }
func (h *Host) stores() (string, float64)     { return "f32", limitF32 }

func nonzero(r, c int) []int {
	if r == 0 || c == 0 {
		return nil
	}
	return []int{r, c}
}

func (w *Matrix) load(p *tensor.Pool, m matrix) (err error) {
	w.W, err = p.Pack(w.Kind, w.Out, w.In, m.read)
	return err
}

func (c *Constant) load(p *tensor.Pool, m matrix) (err error) {
	v := make([]float32, m.rows*m.cols)
	m.readAll(v)
	c.T, err = p.Constant(v, c.Shape...)
	return err
}

func (t *Table) load(p *tensor.Pool, m matrix) (err error) {
	if t.T, err = p.New(t.DType, t.Rows, t.Cols); err != nil {
		return err
	}
	step := m.piece()
	buf := make([]float32, min(step, t.Rows)*t.Cols)
	for lo := 0; lo < t.Rows; lo += step {
		hi := min(lo+step, t.Rows)
		v := buf[:(hi-lo)*t.Cols]
		m.read(lo, hi, v)
		for i := range v {
			if t.Scale != 0 {
				v[i] *= t.Scale
			}
		}
		if err := upload(p, t.T.Slice(lo, hi), v); err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) load(_ *tensor.Pool, m matrix) error {
	h.Data = make([]float32, m.rows*m.cols)
	m.readAll(h.Data)
	return nil
}

func (w *Matrix) packs() string   { return w.Kind.String() }
func (c *Constant) packs() string { return "f32" }
func (h *Host) packs() string     { return "host" }

func (t *Table) packs() string {
	if t.Scale != 0 {
		return fmt.Sprint(t.DType, t.Scale)
	}
	return t.DType.String()
}

func (w *Matrix) kept(k tensor.Keeper) []byte   { return k.Kept(w.W) }
func (c *Constant) kept(k tensor.Keeper) []byte { return k.KeptBuffer(c.T.Buffer()) }
func (t *Table) kept(k tensor.Keeper) []byte    { return k.KeptBuffer(t.T.Buffer()) }

func (h *Host) kept(tensor.Keeper) []byte {
	b := bytesOf(h.Data)
	return append(slices.Clone(b), make([]byte, -len(b)&63)...)
}

func (w *Matrix) adopt(p *tensor.Pool, k tensor.Keeper, mem []byte) (err error) {
	w.W, err = p.Adopt(k, w.Kind, w.Out, w.In, mem)
	return err
}

func (c *Constant) adopt(p *tensor.Pool, k tensor.Keeper, mem []byte) (err error) {
	c.T, err = p.AdoptTensor(k, tensor.F32, mem, c.Shape...)
	return err
}

func (t *Table) adopt(p *tensor.Pool, k tensor.Keeper, mem []byte) (err error) {
	t.T, err = p.AdoptTensor(k, t.DType, mem, t.Rows, t.Cols)
	return err
}

// adopt copies: the module works on its own array.
func (h *Host) adopt(_ *tensor.Pool, _ tensor.Keeper, mem []byte) error {
	h.Data = make([]float32, elements(h.Shape))
	if n := copy(bytesOf(h.Data), mem); n < 4*len(h.Data) {
		return fmt.Errorf("weights: %d bytes for %d numbers", n, len(h.Data))
	}
	return nil
}

// upload stores v in t's own dtype.
func upload(p *tensor.Pool, t tensor.Tensor, v []float32) error {
	b := p.Device().Backend()
	if t.DType() == tensor.F32 {
		return b.Upload(t, bytesOf(v))
	}
	k, err := simd.Best()
	if err != nil {
		return err
	}
	half := make([]uint16, len(v))
	nv := len(v) / k.Lanes
	if nv > 0 {
		k.Convert(unsafe.Pointer(&v[0]), unsafe.Pointer(&half[0]), uintptr(nv))
	}
	for i := nv * k.Lanes; i < len(v); i++ {
		half[i] = tensor.ToBF16(v[i])
	}
	return b.Upload(t, bytesOf(half))
}
