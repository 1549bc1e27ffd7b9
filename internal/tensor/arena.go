package tensor

import "fmt"

// arena is a stack of memory: New pushes, Release pops. It grows by chunks while
// a shape is new and, once empty, joins them into one of the size that was
// needed, so that a repeated forward pass allocates nothing.
type arena struct {
	backend Backend
	chunks  []Buffer
	chunk   int // index of the chunk in use
	used    int // bytes used of it
	full    int // bytes used of the earlier ones
	peak    int
}

const arenaAlign = 64 // bytes: a cache line and a zmm register

// Mark is a place in a stream's arena to return to.
type Mark struct{ chunk, used, full int }

func (a *arena) alloc(bytes int) (Buffer, int, error) {
	bytes = (bytes + arenaAlign - 1) &^ (arenaAlign - 1)
	for a.chunk < len(a.chunks) && a.used+bytes > a.chunks[a.chunk].Size() {
		a.full += a.used
		a.chunk, a.used = a.chunk+1, 0
	}
	if a.chunk == len(a.chunks) {
		b, err := a.backend.Alloc(max(bytes, a.total(), 1<<20))
		if err != nil {
			return nil, 0, fmt.Errorf("tensor: %d MB of working memory: %w", bytes>>20, err)
		}
		a.chunks = append(a.chunks, b)
	}
	off := a.used
	a.used += bytes
	a.peak = max(a.peak, a.full+a.used)
	return a.chunks[a.chunk], off, nil
}

func (a *arena) total() (n int) {
	for _, c := range a.chunks {
		n += c.Size()
	}
	return n
}

func (a *arena) mark() Mark { return Mark{a.chunk, a.used, a.full} }

func (a *arena) release(m Mark) {
	if invariants {
		a.poison(m)
	}
	a.chunk, a.used, a.full = m.chunk, m.used, m.full
}

// poison fills what m frees with NaN, where the backend's memory allows it.
func (a *arena) poison(m Mark) {
	for i := m.chunk; i <= a.chunk && i < len(a.chunks); i++ {
		lo, hi := 0, a.chunks[i].Size()
		if i == m.chunk {
			lo = m.used
		}
		if i == a.chunk {
			hi = a.used
		}
		if p, ok := a.chunks[i].(Poisoner); ok && lo < hi {
			p.Poison(lo, hi)
		}
	}
}

// Poisoner is a Buffer that can be filled with NaN, for -tags invariants.
type Poisoner interface {
	Poison(lo, hi int) // bytes
}

// reset empties the arena and joins its chunks.
func (a *arena) reset() {
	a.release(Mark{})
	if len(a.chunks) < 2 {
		return
	}
	a.free()
	if b, err := a.backend.Alloc(a.peak + a.peak/8); err == nil {
		a.chunks = []Buffer{b}
	}
}

func (a *arena) free() {
	for _, c := range a.chunks {
		a.backend.Free(c)
	}
	a.chunks = nil
}
