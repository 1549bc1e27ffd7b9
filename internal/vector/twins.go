package vector

import (
	"bytes"
	"hash/maphash"
	"math"
)

// twins are rows that equal another bit for bit. The first of them is linked, for
// all; walks reach the others through it. A Graph without any has first nil.
type twins struct {
	first []uint32            // by row: the linked one; itself if it has no twin before it
	next  []uint32            // by row: the next twin, 0 after the last
	rings map[uint32]twinRing // by first row, where there are others
}

type twinRing struct {
	last  uint32
	alive int // live rows, the first included
}

// pair says that a row equals a linked one before it.
type pair struct{ id, first uint32 }

// extend makes room for the rows below n, each on its own.
func (t *twins) extend(n int) {
	for id := len(t.first); id < n; id++ {
		t.first = append(t.first, uint32(id))
	}
	t.next = append(t.next, make([]uint32, n-len(t.next))...)
}

// chain puts a pair's row at the end of its ring.
func (t *twins) chain(p pair, dead Bitmap) {
	if t.rings == nil {
		t.rings = map[uint32]twinRing{}
	}
	ring, ok := t.rings[p.first]
	if !ok {
		ring.last = p.first
		if !dead.Has(p.first) {
			ring.alive = 1
		}
	}
	t.first[p.id], t.next[ring.last], ring.last = p.first, p.id, p.id
	if !dead.Has(p.id) {
		ring.alive++
	}
	t.rings[p.first] = ring
}

// bury notes that a row was deleted and says whether its ring, or itself without
// one, has no live row any more.
func (t *twins) bury(id uint32) bool {
	if int(id) >= len(t.first) {
		return true
	}
	first := t.first[id]
	ring, ok := t.rings[first]
	if ok {
		ring.alive--
		t.rings[first] = ring
	}
	return ring.alive == 0
}

// after is the next twin of a row, 0 after the last.
func (t *twins) after(id uint32) uint32 {
	if int(id) >= len(t.next) {
		return 0
	}
	return t.next[id]
}

// linked is the row that is linked for a row.
func (t *twins) linked(id uint32) uint32 {
	if int(id) >= len(t.first) {
		return id
	}
	return t.first[id]
}

// follows says whether a row has a twin before it.
func (t *twins) follows(id uint32) bool { return int(id) < len(t.first) && t.first[id] != id }

// gone says whether a row is deleted and no live twin needs its links.
func (g *Graph) gone(id uint32) bool {
	if !g.dead.Has(id) {
		return false
	}
	ring, ok := g.twins.rings[id]
	return !ok || ring.alive == 0
}

// census finds twins: a table of the linked rows by the hash of their codes, since
// equal rows have equal codes.
type census struct {
	seed  maphash.Seed
	slots []uint32 // id+1, 0 where free; more than twice as many as rows
	used  int
}

// pairs returns which of the rows from..to equal a linked one or one another, in
// order, and enters the others. It is called by one change at a time.
func (g *Graph) pairs(from, to int) []pair {
	if g.census == nil || g.census.used+to-from > len(g.census.slots)/2 {
		g.census = g.count(from + max(to-from, from/8))
	}
	g.lock.RLock()
	defer g.lock.RUnlock()
	var out []pair
	for id := from; id < to; id++ {
		slot := g.census.find(g, uint32(id))
		if first := *slot; first != 0 && !g.gone(first-1) {
			out = append(out, pair{uint32(id), first - 1})
			continue
		}
		if *slot == 0 {
			g.census.used++
		}
		*slot = uint32(id) + 1
	}
	return out
}

// count makes a table with room for n rows and enters what is linked.
func (g *Graph) count(n int) *census {
	size := 64
	for size < 2*n {
		size *= 2
	}
	c := &census{seed: maphash.MakeSeed(), slots: make([]uint32, size)}
	for id := range uint32(g.linked) {
		if !g.twins.follows(id) { // of equal ones, the last: those before it were gone when it came
			*c.find(g, id) = id + 1
			c.used++
		}
	}
	return c
}

// find returns the slot of a row that equals row id, or the free one where id
// belongs.
func (c *census) find(g *Graph, id uint32) *uint32 {
	code := g.codes.row(id)
	mask := uint64(len(c.slots) - 1)
	for at := maphash.Bytes(c.seed, code) & mask; ; at = (at + 1) & mask {
		s := &c.slots[at]
		if *s == 0 || bytes.Equal(code, g.codes.row(*s-1)) && sameBits(g.rows, *s-1, id) {
			return s
		}
	}
}

// sameBits compares two rows bit by bit.
func sameBits(rows Rows, a, b uint32) bool {
	x := append([]float32(nil), rows.Row(a)...)
	for i, v := range rows.Row(b) {
		if math.Float32bits(v) != math.Float32bits(x[i]) {
			return false
		}
	}
	return true
}
