package answer

import (
	"container/list"
	"context"
	"errors"
	"sync"

	"github.com/emblem-search/emblem/internal/tensor"
)

// sights keeps what BLIP's question encoder looks at of pictures, keys and values of all
// layers: most of the work of a first question, next to nothing of the next.
type sights struct {
	b    *blip
	most int // pictures

	mu    sync.Mutex
	order *list.List // of *sight, the one used last in front
	byKey map[Key]*list.Element
}

// sight is one picture's.
type sight struct {
	key   Key
	pool  *tensor.Pool
	kv    []tensor.Tensor // for each layer (1, L, 2·C)
	users int
	gone  bool // nobody finds it any more
	ready chan struct{}
	err   error
}

// sightBytes bounds what is kept: a dozen pictures of BLIP-base in bf16.
const sightBytes = 256 << 20

func newSights(b *blip) *sights {
	each := b.tower.Tokens() * 2 * b.config.width * b.config.layers * b.activations().Size()
	return &sights{b: b, most: max(1, sightBytes/max(each, 1)), order: list.New(), byKey: map[Key]*list.Element{}}
}

// activations is what the question encoder computes in.
func (b *blip) activations() tensor.DType {
	return b.pool.Device().Backend().Activations(b.question.Blocks[0].KV.Weight.Kind)
}

// of is what is seen of a picture; release lets it go.
func (c *sights) of(ctx context.Context, state *ImageState) (kv []tensor.Tensor, release func(), err error) {
	if len(state.Features) == 0 || len(state.Features)%c.b.config.picture != 0 {
		return nil, nil, errors.New("answer: a state is not of this model")
	}
	c.mu.Lock()
	e := c.byKey[state.Key]
	found := e != nil
	if !found {
		e = c.order.PushFront(&sight{key: state.Key, ready: make(chan struct{})})
		c.byKey[state.Key] = e
	}
	c.order.MoveToFront(e)
	s := e.Value.(*sight)
	s.users++
	for len(c.byKey) > c.most {
		c.drop(c.order.Back())
	}
	c.mu.Unlock()
	if !found {
		s.err = c.b.see(context.WithoutCancel(ctx), state, s) // others wait for it too
		close(s.ready)
	}
	release = func() { c.release(s) }
	select {
	case <-s.ready:
	case <-ctx.Done():
		release()
		return nil, nil, context.Cause(ctx)
	}
	if s.err != nil {
		c.forget(s)
		release()
		return nil, nil, s.err
	}
	return s.kv, release, nil
}

// drop takes a sight away; its memory goes with its last user. It is called with mu held.
func (c *sights) drop(e *list.Element) {
	s := c.order.Remove(e).(*sight)
	delete(c.byKey, s.key)
	if s.gone = true; s.users == 0 && s.pool != nil {
		s.pool.Close()
	}
}

// forget takes one away that could not be computed.
func (c *sights) forget(s *sight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[s.key]; e != nil && e.Value == s {
		c.drop(e)
	}
}

func (c *sights) release(s *sight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.users--; s.users == 0 && s.gone && s.pool != nil {
		s.pool.Close()
	}
}

func (c *sights) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.order.Len() > 0 {
		c.drop(c.order.Back())
	}
}

// see computes a sight.
func (b *blip) see(ctx context.Context, state *ImageState, s *sight) error {
	n := len(state.Features) / b.config.picture
	s.pool = b.pool.Device().NewPool()
	for range b.question.Blocks {
		t, err := s.pool.New(b.activations(), 1, n, 2*b.config.width)
		if err != nil {
			return err
		}
		s.kv = append(s.kv, t)
	}
	return b.run(ctx, func(st *tensor.Stream) error {
		x := st.NewDense(tensor.F32, n, b.config.picture) // (P, In)
		tensor.Put(st, x, state.Features)
		b.question.see(st, x, s.kv)
		return st.Err()
	})
}
