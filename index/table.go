package index

import "sync/atomic"

// table is a list of numbers in chunks that never move, shared between views; it
// grows at its end. One goroutine changes it while others read.
type table []*[tableChunk]uint32

const tableChunk = 1 << 13

// cover returns the table with room for n numbers, 0 at first.
func (t table) cover(n int) table {
	for len(t)*tableChunk < n {
		t = append(t[:len(t):len(t)], new([tableChunk]uint32))
	}
	return t
}

// at returns the i-th number, 0 past the end.
func (t table) at(i uint32) uint32 {
	if int(i/tableChunk) >= len(t) {
		return 0
	}
	return atomic.LoadUint32(&t[i/tableChunk][i%tableChunk])
}

func (t table) set(i, x uint32) { atomic.StoreUint32(&t[i/tableChunk][i%tableChunk], x) }
