package server

import (
	"container/list"
	"context"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/emblem-search/emblem/internal/batch"
)

const thumbnailBytes = 64 << 20 // of thumbnails that are remembered

// thumbnails makes small pictures, one a core at once and within a budget of
// memory, each once however many ask for it, and remembers the last ones.
type thumbnails struct {
	making singleflight.Group
	cores  *semaphore.Weighted // files that are read or made small
	memory *semaphore.Weighted // bytes of them and of what they decode to

	mu    sync.Mutex
	order list.List // of thumb, the most recent first
	at    map[batch.Key]*list.Element
	bytes int
}

type thumb struct {
	key  batch.Key
	jpeg []byte
}

func newThumbnails() *thumbnails {
	return &thumbnails{cores: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))), memory: semaphore.NewWeighted(decodeBudget), at: map[batch.Key]*list.Element{}}
}

// turn waits for one: what is read and made in it is bounded by the cores.
func (t *thumbnails) turn(ctx context.Context) (end func(), err error) {
	if err := t.cores.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { t.cores.Release(1) }, nil
}

// make returns a thumbnail, made now or before.
func (t *thumbnails) make(key batch.Key, render func() ([]byte, error)) ([]byte, error) {
	if jpeg := t.get(key); jpeg != nil {
		return jpeg, nil
	}
	made, err, _ := t.making.Do(string(key[:]), func() (any, error) {
		jpeg, err := render()
		if err == nil {
			t.put(thumb{key, jpeg})
		}
		return jpeg, err
	})
	if err != nil {
		return nil, err
	}
	return made.([]byte), nil
}

func (t *thumbnails) get(key batch.Key) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.at[key]
	if e == nil {
		return nil
	}
	t.order.MoveToFront(e)
	return e.Value.(thumb).jpeg
}

func (t *thumbnails) put(th thumb) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at[th.key] != nil {
		return
	}
	t.at[th.key] = t.order.PushFront(th)
	t.bytes += len(th.jpeg)
	for t.bytes > thumbnailBytes {
		last := t.order.Remove(t.order.Back()).(thumb)
		delete(t.at, last.key)
		t.bytes -= len(last.jpeg)
	}
}
