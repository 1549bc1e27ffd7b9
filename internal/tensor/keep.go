package tensor

import (
	"fmt"
	"io"
)

// Keeper is a backend whose packed weights can be written to a file and used from
// there, mapped into memory, by another process of the same machine.
type Keeper interface {
	// Format names how weights are packed: the same name, the same bytes.
	Format() string
	// Kept is a weight's memory, padded to 64 bytes.
	Kept(Weight) []byte
	// KeptBuffer is a buffer's memory, padded to 64 bytes.
	KeptBuffer(Buffer) []byte
	// Adopt makes a weight of what Kept gave. The memory starts at a multiple of 64,
	// is readable for Guard bytes past its end, is only read, and outlives the weight.
	Adopt(kind Kind, out, in int, mem []byte) (Weight, error)
	// AdoptBuffer makes a buffer of what KeptBuffer gave, on the same terms.
	AdoptBuffer(mem []byte) (Buffer, error)
	// Guard is how far past memory a kernel may read.
	Guard() int
}

// Adopt adds a weight in memory that another process packed; see [Keeper].
func (p *Pool) Adopt(k Keeper, kind Kind, out, in int, mem []byte) (Weight, error) {
	w, err := k.Adopt(kind, out, in, mem)
	if err == nil {
		p.addWeight(w)
	}
	return w, err
}

// AdoptTensor adds a dense tensor in such memory.
func (p *Pool) AdoptTensor(k Keeper, d DType, mem []byte, shape ...int) (Tensor, error) {
	t := View(nil, 0, d, shape...)
	bytes := t.Len() * d.Size()
	if len(mem) < bytes {
		return Tensor{}, fmt.Errorf("tensor: %d bytes for %v of %v", len(mem), d, shape)
	}
	b, err := k.AdoptBuffer(mem[:bytes])
	if err != nil {
		return Tensor{}, err
	}
	p.addBuffer(b, bytes)
	t.buf = b
	return t, nil
}

// Own has the pool close c when it has freed everything.
func (p *Pool) Own(c io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owned = append(p.owned, c)
}

// Hold keeps the pool's memory until release, also if the pool is closed before.
func (p *Pool) Hold() (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.holds--; p.closed {
			p.free()
		}
	}
}
