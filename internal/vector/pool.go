package vector

import "math"

// A key orders candidates of a walk in one comparison: the estimate's bits, turned
// so that the best is smallest, then 31 bits of id, then whether it was expanded.
type key uint64

func newKey(estimate float32, id uint32) key {
	b := math.Float32bits(estimate)
	if b>>31 != 0 {
		b = ^b
	} else {
		b |= 1 << 31
	}
	return key(^b)<<32 | key(id)<<1
}

func (k key) id() uint32 { return uint32(k) >> 1 }

func (k key) estimate() float32 {
	b := ^uint32(k >> 32)
	if b>>31 != 0 {
		return math.Float32frombits(b &^ (1 << 31))
	}
	return math.Float32frombits(^b)
}

// pool holds the best candidates of a walk, best first.
type pool struct {
	keys  []key
	limit int
	depth int   // how many of the best are expanded
	next  int   // all before it are expanded
	trail []key // all that were taken, in that order
}

func (p *pool) reset(limit int) {
	p.keys, p.limit, p.depth, p.next, p.trail = p.keys[:0], limit, limit, 0, p.trail[:0]
}

// add takes a candidate that is not in the pool yet.
func (p *pool) add(k key) {
	n := len(p.keys)
	if n == p.limit {
		if k >= p.keys[n-1] {
			return
		}
		n--
	} else {
		p.keys = append(p.keys, 0)
	}
	lo, hi := 0, n
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if p.keys[mid] < k {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	copy(p.keys[lo+1:n+1], p.keys[lo:n])
	p.keys[lo] = k
	p.next = min(p.next, lo)
}

// take returns the best candidate that is not expanded yet and marks it.
func (p *pool) take() (uint32, bool) {
	end := min(len(p.keys), p.depth)
	for p.next < end && p.keys[p.next]&1 != 0 {
		p.next++
	}
	if p.next >= end {
		return 0, false
	}
	p.keys[p.next] |= 1
	p.trail = append(p.trail, p.keys[p.next])
	return p.keys[p.next].id(), true
}
