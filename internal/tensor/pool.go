package tensor

import (
	"fmt"
	"io"
	"sync"
)

// Pool owns what outlives a run: a model's packed weights and constant tables,
// caches. Closing it returns all of it. It is safe for concurrent use.
type Pool struct {
	device  *Device
	mu      sync.Mutex
	buffers []Buffer
	weights []Weight
	bytes   int
	owned   []io.Closer // of memory that was adopted
	holds   int
	closed  bool
}

// NewPool starts an empty pool.
func (d *Device) NewPool() *Pool { return &Pool{device: d} }

// Device is where the pool's memory lives.
func (p *Pool) Device() *Device { return p.device }

// New allocates a dense, zeroed tensor.
func (p *Pool) New(d DType, shape ...int) (Tensor, error) {
	t := View(nil, 0, d, shape...)
	bytes := t.Len() * d.Size()
	b, err := p.device.backend.Alloc(bytes)
	if err != nil {
		return Tensor{}, fmt.Errorf("tensor: %v of %v: %w", d, shape, err)
	}
	p.addBuffer(b, bytes)
	t.buf = b
	return t, nil
}

func (p *Pool) addBuffer(b Buffer, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buffers, p.bytes = append(p.buffers, b), p.bytes+bytes
}

func (p *Pool) addWeight(w Weight) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weights, p.bytes = append(p.weights, w), p.bytes+w.bytes
}

// Constant allocates an F32 tensor and fills it.
func (p *Pool) Constant(v []float32, shape ...int) (Tensor, error) {
	t, err := p.New(F32, shape...)
	if err != nil {
		return t, err
	}
	if t.Len() != len(v) {
		return t, fmt.Errorf("tensor: %d values for shape %v", len(v), shape)
	}
	return t, p.device.backend.Upload(t, bytesOf(v))
}

// Pack lays out a weight (out, in) for multiplication.
func (p *Pool) Pack(kind Kind, out, in int, rows Rows) (Weight, error) {
	w, err := p.device.backend.Pack(kind, out, in, rows)
	if err != nil {
		return w, err
	}
	p.addWeight(w)
	return w, nil
}

// Bytes is the memory that the pool holds.
func (p *Pool) Bytes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes
}

// Close frees everything, or sees to it that the last holder does. Tensors and
// weights of the pool must not be used again.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.free()
}

// free frees everything that nobody holds.
func (p *Pool) free() {
	if p.holds > 0 {
		return
	}
	for _, b := range p.buffers {
		p.device.backend.Free(b)
	}
	for _, w := range p.weights {
		p.device.backend.Unpack(w)
	}
	for _, c := range p.owned {
		c.Close()
	}
	p.buffers, p.weights, p.owned, p.bytes = nil, nil, nil, 0
}
