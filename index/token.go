package index

import (
	"context"
	"fmt"
	"sync"
)

// bell wakes those who wait for a write.
type bell struct {
	mu   sync.Mutex
	rung chan struct{} // closed at the next ring; nil while nobody waits
}

func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}

// await returns when searches see the write with a sequence, ErrClosed when the index
// is closed before. It may be called before enter, so that Close need not wait for it.
func (ix *Index) await(ctx context.Context, seq uint64) error {
	for {
		rung := ix.writes.next()
		if ix.view.Load().seq >= seq {
			return nil
		}
		if ix.isClosed() {
			return ErrClosed
		}
		select {
		case <-rung:
		case <-ctx.Done():
			return fmt.Errorf("index: write %d is not there yet: %w", seq, context.Cause(ctx))
		}
	}
}

func (ix *Index) isClosed() bool {
	ix.life.Lock()
	defer ix.life.Unlock()
	return ix.closed
}
