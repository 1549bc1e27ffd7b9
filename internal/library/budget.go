package library

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// budget bounds the memory of decoded pictures that wait to be embedded.
type budget struct {
	sem     *semaphore.Weighted
	size    int64
	waiting atomic.Int32
	// pressed wakes whoever holds pictures back for a full batch.
	pressed chan struct{}
}

func newBudget(size int64) *budget {
	return &budget{sem: semaphore.NewWeighted(size), size: size, pressed: make(chan struct{}, 1)}
}

// take waits for n bytes and returns how many it took: a picture over the whole
// budget takes all of it and is alone.
func (b *budget) take(ctx context.Context, n int64) (int64, error) {
	n = max(1, min(n, b.size))
	if b.sem.TryAcquire(n) {
		return n, nil
	}
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	select {
	case b.pressed <- struct{}{}:
	default:
	}
	if err := b.sem.Acquire(ctx, n); err != nil {
		return 0, context.Cause(ctx)
	}
	return n, nil
}

func (b *budget) give(n int64) { b.sem.Release(n) }
