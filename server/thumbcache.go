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

// thumbnails makes small pictures, one a core at once, each once however many
// ask for it, and remembers the last ones.
type thumbnails struct {
	making singleflight.Group
	cores  *semaphore.Weighted

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
	return &thumbnails{cores: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))), at: map[batch.Key]*list.Element{}}
}

// make returns a thumbnail, made now or before.
func (t *thumbnails) make(ctx context.Context, key batch.Key, render func() ([]byte, error)) ([]byte, error) {
	if jpeg := t.get(key); jpeg != nil {
		return jpeg, nil
	}
	if err := t.cores.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer t.cores.Release(1)
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
