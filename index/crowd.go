package index

import "sync"

// crowd knows which readers were there before a moment, so that what they may still
// use can be taken away once they have left.
type crowd struct {
	mu  sync.Mutex
	now *gathering
}

// gathering is the readers that came between two moments.
type gathering struct {
	n    int
	over bool // no more will come
	gone chan struct{}
}

// enter counts a reader until the returned function is called.
func (c *crowd) enter() (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil {
		c.now = &gathering{gone: make(chan struct{})}
	}
	g := c.now
	g.n++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		g.n--
		g.close()
	}
}

// turn returns a channel that is closed when all readers that are there now have
// left. What is published before the call is seen by all who come after it.
func (c *crowd) turn() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.now
	if g == nil {
		g = &gathering{gone: make(chan struct{})}
	}
	c.now, g.over = nil, true
	g.close()
	return g.gone
}

func (g *gathering) close() {
	if g.over && g.n == 0 {
		close(g.gone)
	}
}
