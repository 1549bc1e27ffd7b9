package tensor

import (
	"context"
	"fmt"
	"unsafe"
)

// Stream is one run on one lane. Its first error sticks: later calls do nothing,
// so forward code has no error handling and Run returns what went wrong.
type Stream struct {
	ctx    context.Context
	device *Device
	lane   Lane
	arena  *arena
	err    error
}

// Do executes an op. It panics when the operands do not fit.
func (s *Stream) Do(op Op) {
	if s.err != nil {
		return
	}
	if err := op.Check(); err != nil {
		panic(opPanic{err})
	}
	if s.err = s.ctx.Err(); s.err == nil {
		s.err = s.device.backend.Exec(s.lane, op)
	}
}

// Err is the first error of the run.
func (s *Stream) Err() error { return s.err }

// Activations is the dtype to store the inputs of weights of that kind in.
func (s *Stream) Activations(k Kind) DType { return s.device.backend.Activations(k) }

// New takes a tensor from the arena; its contents are undefined. Rows whose
// length is a multiple of 2 kB get a gap after them, since many rows of that
// stride would fall into the same few sets of a first-level cache.
func (s *Stream) New(d DType, shape ...int) Tensor {
	t := View(nil, 0, d, shape...)
	size := d.Size()
	if t.Rows() > 1 && t.Cols() > 0 && t.Cols()*size%2048 == 0 {
		t.ld += arenaAlign / size
	}
	return s.place(t)
}

// NewDense takes a tensor without gaps between rows, to be reshaped at will.
func (s *Stream) NewDense(d DType, shape ...int) Tensor { return s.place(View(nil, 0, d, shape...)) }

func (s *Stream) place(t Tensor) Tensor {
	size := t.dtype.Size()
	buf, off, err := s.arena.alloc(t.Rows() * t.ld * size)
	if err != nil {
		panic(opPanic{err})
	}
	t.buf, t.off = buf, off/size
	return t
}

// Mark remembers the arena's state; Release frees everything made since.
func (s *Stream) Mark() Mark { return s.arena.mark() }

// Release returns to a mark: defer s.Release(s.Mark()).
func (s *Stream) Release(m Mark) { s.arena.release(m) }

// Put copies a host slice, dense rows, into t.
func Put[T float32 | int32 | uint8 | uint16](s *Stream, t Tensor, src []T) {
	if len(src) != t.Len() || int(unsafe.Sizeof(*new(T))) != t.dtype.Size() {
		panic(opPanic{fmt.Errorf("tensor: put %d values of %T into %v", len(src), *new(T), t)})
	}
	if s.err == nil {
		s.err = s.device.backend.Upload(t, bytesOf(src))
	}
}

// Get waits for the ops so far and copies t's rows, dense, into dst.
func Get[T float32 | int32 | uint8 | uint16](s *Stream, dst []T, t Tensor) error {
	if len(dst) != t.Len() || int(unsafe.Sizeof(*new(T))) != t.dtype.Size() {
		panic(opPanic{fmt.Errorf("tensor: get %v into %d values of %T", t, len(dst), *new(T))})
	}
	if s.err == nil {
		s.err = s.device.backend.Sync(s.lane)
	}
	if s.err == nil {
		s.err = s.device.backend.Download(bytesOf(dst), t)
	}
	return s.err
}

func bytesOf[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}
