package index

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
)

// rows gives the vectors of a space by row, for the second pass of searches
// (vector.Rows): the last ones from the tail in memory, others from files through a
// cache of blocks whose sums were checked, and what no file has, or has damaged, from
// the truth.
type rows struct {
	ix    *Index
	space Space
	shift uint // a block is 1<<shift rows
	state atomic.Pointer[rowState]

	failures atomic.Int64 // rows that could not be read anywhere
	failure  atomic.Pointer[error]
}

// gate keeps the store and the files open while rows are read. What reads rows after
// it is shut, such as a graph that learns when the index is closed, gets zeros.
type gate struct {
	mu   sync.RWMutex
	shut bool
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
}

// rowState is where the rows are; it is replaced as a whole, with the write lock
// held.
type rowState struct {
	tail    tail
	ordinal table // by row
	first   table // by ordinal: its first row + 1, or 0
	files   []*rowFile
	slots   slots // of the rows before the tail
}

// blockBytes is about how much is read at once.
const blockBytes = 8 << 10

func newRows(ix *Index, s Space) *rows {
	r := &rows{ix: ix, space: s, shift: uint(bits.Len(uint(max(1, blockBytes/4/s.Dim))) - 1)}
	r.state.Store(&rowState{tail: tail{dim: s.Dim}})
	return r
}

// whole is the last border of blocks at or before a row.
func (r *rows) whole(row int) int { return row >> r.shift << r.shift }

// Row returns a row. What a reader in the crowd got stays as it is until it leaves.
func (r *rows) Row(id uint32) []float32 {
	s := r.state.Load()
	if int(id) >= s.tail.from {
		return s.tail.row(int(id))
	}
	slot := s.slots.of(id >> r.shift)
	b := slot.Load()
	if b == nil {
		b = r.fetch(s, int(id), slot)
	} else if !b.used.Load() {
		b.used.Store(true)
	}
	at := int(id&(1<<r.shift-1)) * r.space.Dim
	return b.vectors[at : at+r.space.Dim : at+r.space.Dim]
}

// fetch reads the block of a row and keeps it.
func (r *rows) fetch(s *rowState, row int, slot *atomic.Pointer[rowBlock]) *rowBlock {
	from := r.whole(row)
	b := &rowBlock{vectors: make([]float32, r.space.Dim<<r.shift), slot: slot}
	g := &r.ix.tender.gate
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.shut || !r.read(s, from, from+1<<r.shift, b.vectors) {
		return b
	}
	return r.ix.rowCache.add(b)
}

// read fills out with rows and says whether all of them could be read.
func (r *rows) read(s *rowState, from, to int, out []float32) bool {
	ok := true
	for from < to {
		n := 1
		if f := fileOf(s.files, from); f != nil {
			n = min(to, f.to) - from
			if f.read(from, from+n, out) {
				out, from = out[n*r.space.Dim:], from+n
				continue
			}
			r.ix.tender.awake()
		}
		for range n {
			if err := r.fromTruth(s, uint32(from), out[:r.space.Dim]); err != nil {
				ok = false
				r.failure.Store(&err)
				r.failures.Add(1)
			}
			out, from = out[r.space.Dim:], from+1
		}
	}
	return ok
}

// fromTruth reads a row from the store. Rows of documents that are forgotten are
// left as zeros: nothing returns them.
func (r *rows) fromTruth(s *rowState, row uint32, out []float32) error {
	ord := s.ordinal.at(row)
	value, err := r.ix.get(vecKey(r.space.Name, ord, int(row-(s.first.at(ord)-1))))
	if errors.Is(err, ErrNotFound) {
		if _, err = r.ix.get(docKey(ord)); errors.Is(err, ErrNotFound) {
			return nil
		}
		return fmt.Errorf("index: the vector of a document is missing: %w", errors.Join(errDamagedVector, err))
	}
	if err == nil && !decodeVector(out, value) {
		err = errDamagedVector
	}
	return err
}

// sinceThen returns an error if rows could not be read since there were so many
// failures.
func (r *rows) sinceThen(failures int64) error {
	if r.failures.Load() == failures {
		return nil
	}
	return *r.failure.Load()
}

// retire closes the files; what is read later comes from the truth.
func (r *rows) retire() {
	s := r.state.Load()
	for _, f := range s.files {
		f.bad.Store(true)
		f.close()
	}
	r.ix.rowCache.forget(s.slots)
}
