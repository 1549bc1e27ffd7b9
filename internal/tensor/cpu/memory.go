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
	return &memory{data, bytes}, nil
}

// Size implements tensor.Buffer.
func (m *memory) Size() int { return m.size }

func (m *memory) ptr() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(m.data)) }

func (m *memory) f32() []float32 { return unsafe.Slice((*float32)(m.ptr()), m.size/4) }

func (m *memory) free() {
	unmapMemory(m.data)
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

// rowF32 and its kin view row r of a tensor of that dtype.
func rowF32(t tensor.Tensor, r int) []float32 {
	return unsafe.Slice((*float32)(rowPtr(t, r)), t.Cols())
}

func rowBF16(t tensor.Tensor, r int) []uint16 {
	return unsafe.Slice((*uint16)(rowPtr(t, r)), t.Cols())
}

func rowI32(t tensor.Tensor, r int) []int32 { return unsafe.Slice((*int32)(rowPtr(t, r)), t.Cols()) }

// readRow copies row r into dst as float32.
func readRow(dst []float32, t tensor.Tensor, r int) {
	if t.DType() == tensor.F32 {
		copy(dst, rowF32(t, r))
		return
	}
	for i, v := range rowBF16(t, r) {
		dst[i] = tensor.FromBF16(v)
	}
}

// writeRow stores src as row r.
func writeRow(t tensor.Tensor, r int, src []float32) {
	if t.DType() == tensor.F32 {
		copy(rowF32(t, r), src)
		return
	}
	row := rowBF16(t, r)
	for i, v := range src {
		row[i] = tensor.ToBF16(v)
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
