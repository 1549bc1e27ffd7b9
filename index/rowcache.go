package index

import (
	"sync"
	"sync/atomic"
)

// rowBlock is some rows that were read and checked.
type rowBlock struct {
	vectors []float32
	used    atomic.Bool // since the hand came by
	slot    *atomic.Pointer[rowBlock]
}

func (b *rowBlock) bytes() int { return 4*len(b.vectors) + 64 }

// slots hold the blocks of a space that are in the cache, in chunks that never move.
type slots []*[slotChunk]atomic.Pointer[rowBlock]

const slotChunk = 1 << 10

func (s slots) of(block uint32) *atomic.Pointer[rowBlock] {
	return &s[block/slotChunk][block%slotChunk]
}

// cover returns slots for n blocks.
func (s slots) cover(n int) slots {
	for len(s)*slotChunk < n {
		s = append(s[:len(s):len(s)], new([slotChunk]atomic.Pointer[rowBlock]))
	}
	return s
}

// rowCache bounds the memory of all blocks. Which one makes room is found by a hand
// that goes round and takes the first that was not used since it last came by.
type rowCache struct {
	budget int

	mu   sync.Mutex
	size int
	ring []*rowBlock
	hand int
}

// add keeps a block, in its slot, and returns it, or the one that came before it.
func (c *rowCache) add(b *rowBlock) *rowBlock {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !b.slot.CompareAndSwap(nil, b) {
		return b.slot.Load()
	}
	c.size += b.bytes()
	c.ring = append(c.ring, b)
	for c.size > c.budget && len(c.ring) > 1 {
		c.evict()
	}
	return b
}

// evict lets go of one block, not of the last one that came.
func (c *rowCache) evict() {
	last := len(c.ring) - 1
	for {
		if c.hand >= last {
			c.hand = 0
		}
		if !c.ring[c.hand].used.Swap(false) {
			break
		}
		c.hand++
	}
	b := c.ring[c.hand]
	b.slot.Store(nil)
	c.size -= b.bytes()
	c.ring[c.hand], c.ring[last] = c.ring[last], nil
	c.ring = c.ring[:last]
	c.hand++
}

// forget lets go of all blocks of slots that nobody reads any more.
func (c *rowCache) forget(s slots) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.ring[:0]
	gone := map[*atomic.Pointer[rowBlock]]bool{}
	for _, chunk := range s {
		for i := range chunk {
			if chunk[i].Load() != nil {
				gone[&chunk[i]] = true
			}
		}
	}
	for _, b := range c.ring {
		if gone[b.slot] {
			c.size -= b.bytes()
			b.slot.Store(nil)
			continue
		}
		kept = append(kept, b)
	}
	clear(c.ring[len(kept):])
	c.ring, c.hand = kept, 0
}
