package index

import (
	"sync/atomic"
	"time"
)

// commitCrowd counts the writers that are under way, so that those who were woken by
// a sync can join the next one, instead of the one after it.
type commitCrowd struct {
	writers atomic.Int64
}

func (c *commitCrowd) enter() (leave func()) {
	c.writers.Add(1)
	return func() { c.writers.Add(-1) }
}

const (
	commitStage = 20 * time.Microsecond // that a writer needs to come again
	commitPause = time.Millisecond
)

// pause is how long the store waits between two syncs. Few writers do not wait.
func (c *commitCrowd) pause() time.Duration {
	n := c.writers.Load()
	if n < 4 {
		return 0
	}
	return min(time.Duration(n)*commitStage, commitPause)
}
