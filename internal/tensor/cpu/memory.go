package cpu

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/emblem-search/emblem/internal/tensor"
)

// memory is a buffer outside the Go heap, so that gigabytes of weights neither
// move nor count for the garbage collector.
type memory struct {
	data []byte
	size int
	lent bool // it belongs to somebody else, and may only be read
}

// guard is readable memory after every buffer: kernels may load whole registers
// past a row's end, and addresses to prefetch must not stray into others' memory,
// where the garbage collector would take them for pointers.
const guard = 2 * lead

func allocate(bytes int) (*memory, error) {
	if bytes < 0 || bytes > math.MaxInt-guard {
		return nil, fmt.Errorf("cpu: cannot allocate %d bytes", bytes)
	}
	data, err := mapMemory(bytes + guard)
	if err != nil {
		return nil, fmt.Errorf("cpu: no memory for %d MB: %w", bytes>>20, err)
	}
	return &memory{data: data, size: bytes}, nil
}

// Size implements tensor.Buffer.
func (m *memory) Size() int { return m.size }

func (m *memory) ptr() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(m.data)) }

func (m *memory) f32() []float32 { return unsafe.Slice((*float32)(m.ptr()), m.size/4) }

func (m *memory) free() {
	if !m.lent {
		unmapMemory(m.data)
	}
	m.data = nil
}

// Poison implements tensor.Poisoner: NaN in every dtype of two bytes and more.
func (m *memory) Poison(lo, hi int) {
	for i := lo; i < hi; i++ {
		m.data[i] = 0xff
	}
}

// rowPtr is the address of row r of t.
func rowPtr(t tensor.Tensor, r int) unsafe.Pointer {
	return unsafe.Add(t.Buffer().(*memory).ptr(), (t.Offset()+r*t.LD())*t.DType().Size())
}

// rows views a tensor's rows by address, for loops that would otherwise look the
// tensor's fields up at every row.
type rows struct {
	p      unsafe.Pointer
	stride int // bytes
	cols   int
	dtype  tensor.DType
}

func view(t tensor.Tensor) rows {
	if !t.Ok() {
		return rows{}
	}
	return rows{rowPtr(t, 0), t.LD() * t.DType().Size(), t.Cols(), t.DType()}
}

// at is the address of row r.
func (v rows) at(r int) unsafe.Pointer { return unsafe.Add(v.p, r*v.stride) }

// from narrows v to n columns from col on.
func (v rows) from(col, n int) rows {
	v.p, v.cols = unsafe.Add(v.p, col*v.dtype.Size()), n
	return v
}

// f32 is row r of an F32 tensor.
func (v rows) f32(r int) []float32 { return unsafe.Slice((*float32)(v.at(r)), v.cols) }

// read copies row r into dst as float32.
func (v rows) read(dst []float32, r int) {
	if v.dtype == tensor.F32 {
		copy(dst, v.f32(r))
		return
	}
	for i, b := range unsafe.Slice((*uint16)(v.at(r)), v.cols) {
		dst[i] = tensor.FromBF16(b)
	}
}

// write stores src as row r.
func (v rows) write(r int, src []float32) {
	if v.dtype == tensor.F32 {
		copy(v.f32(r), src)
		return
	}
	row := unsafe.Slice((*uint16)(v.at(r)), v.cols)
	for i, f := range src {
		row[i] = tensor.ToBF16(f)
	}
}

// scratch is memory that grows to what was asked for and is kept.
type scratch struct{ m *memory }

// ptr is the memory that get returned last, or nil.
func (s *scratch) ptr() unsafe.Pointer {
	if s.m == nil {
		return nil
	}
	return s.m.ptr()
}

// get returns at least n bytes, aligned to 64, with undefined contents.
func (s *scratch) get(n int) unsafe.Pointer {
	if s.m == nil || s.m.size < n {
		if s.m != nil {
			s.m.free()
			s.m = nil
		}
		m, err := allocate(n + n/4)
		if err != nil {
			panic(err) // becomes the run's error
		}
		s.m = m
	}
	return s.m.ptr()
}
