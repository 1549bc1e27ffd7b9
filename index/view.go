package index

import (
	"maps"
	"sync/atomic"
)

// view is the index at one sequence. Views are immutable but for the marks of
// ordinals, which are read against the view's sequence.
type view struct {
	seq     uint64
	next    uint32 // ordinals from it on come later
	schema  []Space
	shelves map[string]*shelf // by space, as far as they are loaded; nil until the first search or write
	marks   marks
	facts   *facts // nil until they are read, after the first filter or write
}

func (v *view) clone() *view {
	c := *v
	c.shelves = maps.Clone(v.shelves)
	return &c
}

// visible says whether the document with this ordinal can be found in v.
func (v *view) visible(ord uint32) bool {
	m := &v.marks[ord/markChunk][ord%markChunk]
	ended := m.ended.Load()
	return (ended == 0 || ended > v.seq) && !m.hidden.Load()
}

// ended says whether the document with this ordinal is gone in v.
func (v *view) ended(ord uint32) bool {
	if ord >= v.next {
		return false
	}
	ended := v.marks[ord/markChunk][ord%markChunk].ended.Load()
	return ended != 0 && ended <= v.seq
}

const markChunk = 1 << 14

// mark is what can happen to an ordinal after it was given.
type mark struct {
	ended  atomic.Uint64 // sequence of the write that deleted or replaced it, or 0
	hidden atomic.Bool
}

// marks are kept in chunks that never move, shared between views.
type marks []*[markChunk]mark

// cover returns marks for all ordinals below next.
func (m marks) cover(next uint32) marks {
	for uint64(len(m))*markChunk < uint64(next) {
		m = append(m[:len(m):len(m)], new([markChunk]mark))
	}
	return m
}

func (m marks) hide(ord uint32, hidden bool) { m[ord/markChunk][ord%markChunk].hidden.Store(hidden) }
func (m marks) end(ord uint32, seq uint64)   { m[ord/markChunk][ord%markChunk].ended.Store(seq) }
