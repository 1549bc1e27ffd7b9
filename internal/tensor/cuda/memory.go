package cuda

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/emblem-search/emblem/internal/tensor"
)

// memory is a buffer on the card.
type memory struct {
	at    address
	size  int
	owner *pool
	lane  atomic.Int32 // the tensor.Lane that last used it
}

// Size implements tensor.Buffer.
func (m *memory) Size() int { return m.size }

// pool counts what is held on the card against a budget: other programs use it too,
// and a driver that runs out in the middle of a forward pass says so too late.
type pool struct {
	*worker
	mu     sync.Mutex
	held   int
	budget int
}

// budgetOf is the budget that was asked for, or nine tenths of what is free now.
func (w *worker) budgetOf(asked int) (int, error) {
	if asked > 0 {
		return asked, nil
	}
	var free, total uint64
	err := w.do(func() error { return w.check("cuMemGetInfo", w.MemoryLeft(&free, &total)) })
	return int(free / 10 * 9), err
}

// alloc takes zeroed memory. The card hands out multiples of 256 bytes, aligned to as
// many.
func (p *pool) alloc(bytes int) (*memory, error) {
	if bytes < 0 {
		return nil, fmt.Errorf("cuda: cannot allocate %d bytes", bytes)
	}
	m := &memory{size: bytes, owner: p}
	if err := p.take(m.taken()); err != nil {
		return nil, err
	}
	err := p.do(func() error {
		if err := p.check("cuMemAlloc", p.Alloc(&m.at, uint64(m.taken()))); err != nil {
			return err
		}
		s := p.lanes[tensor.Interactive].stream
		err := p.check("cuMemsetD8Async", p.Fill(m.at, 0, uint64(m.taken()), s))
		if err == nil {
			err = p.check("cuStreamSynchronize", p.SyncStream(s))
		}
		if err != nil {
			p.Free(m.at)
		}
		return err
	})
	if err != nil {
		p.give(m.taken())
		return nil, err
	}
	return m, nil
}

// taken is what the buffer costs, which is never nothing.
func (m *memory) taken() int { return (max(m.size, 1) + 255) &^ 255 }

func (p *pool) take(bytes int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held+bytes > p.budget {
		return fmt.Errorf("cuda: %d MB more on card %s: %d of the budget of %d MB are in use; use a smaller model, batch or dtype, or free the card of other programs",
			(bytes+1<<20-1)>>20, p.card, p.held>>20, p.budget>>20)
	}
	p.held += bytes
	return nil
}

func (p *pool) give(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held -= bytes
}

// free gives memory back. The driver waits for what still runs on it; memory of a
// lost card went with it.
func (p *pool) free(m *memory) {
	if m.at == 0 {
		return
	}
	at := m.at
	m.at = 0
	p.do(func() error { return p.check("cuMemFree", p.Free(at)) })
	p.give(m.taken())
}

// addressOf is where t's first element is on the card.
func (p *pool) addressOf(t tensor.Tensor) (address, error) {
	if !t.Ok() {
		return 0, nil
	}
	m, ok := t.Buffer().(*memory)
	if !ok || m.owner != p || m.at == 0 {
		return 0, fmt.Errorf("cuda: %v is in freed memory or another device's", t)
	}
	size := t.DType().Size()
	if end := (t.Offset() + (t.Rows()-1)*t.LD() + t.Cols()) * size; t.Len() > 0 && (t.Offset() < 0 || end > m.size) {
		return 0, fmt.Errorf("cuda: %v ends at byte %d of a buffer of %d", t, end, m.size)
	}
	return m.at + address(t.Offset()*size), nil
}
