package index

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/cockroachdb/pebble/v2"
)

// moment is the index as it was after a write, read from one state of the store.
type moment struct {
	store   pebble.Reader
	seq     uint64
	next    uint32          // ordinals from it on came later
	touched *roaring.Bitmap // ordinals below next that later writes changed or ended
}

// momentOf finds a moment in the store, or ErrTrimmed.
func momentOf(r pebble.Reader, seq uint64) (*moment, error) {
	from, err1 := horizonOf(r)
	now, err2 := counterOf(r, keySeq)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	switch {
	case seq > now:
		return nil, fmt.Errorf("index: no sequence %d yet; the last is %d", seq, now)
	case seq < from.seq:
		return nil, fmt.Errorf("%w: the oldest sequence that can be asked for is %d", ErrTrimmed, from.seq)
	}
	m := &moment{store: r, seq: seq, next: from.next, touched: roaring.New()}
	if seq > from.seq {
		t, err := turnOf(r, seq)
		if err != nil {
			return nil, err
		}
		m.next = t.next
	}
	return m, m.collect()
}

func turnOf(r pebble.Reader, seq uint64) (turn, error) {
	value, err := read(r, turnKey(seq))
	if err != nil {
		return turn{}, errors.Join(errDamagedPast, err)
	}
	return decodeTurn(value)
}

// collect finds what later writes touched.
func (m *moment) collect() error {
	return eachIn(m.store, turnKey(m.seq+1), after([]byte(prefixTurn)), func(_, value []byte) error {
		t, err := decodeTurn(value)
		if err != nil {
			return err
		}
		for _, ord := range t.changed {
			if ord < m.next {
				m.touched.Add(ord)
			}
		}
		return nil
	})
}

// same says whether what the present holds of an ordinal held then too.
func (m *moment) same(ord uint32) bool { return ord < m.next && !m.touched.Contains(ord) }

// record returns the document that an ordinal had, or ErrNotFound.
func (m *moment) record(ord uint32) (rec record, hidden bool, err error) {
	if ord >= m.next {
		return record{}, false, ErrNotFound
	}
	err = eachIn(m.store, pastKey(ord, m.seq+1), after(pastPrefix(ord)), func(_, value []byte) error {
		var err error
		if rec, hidden, err = decodePast(value); err == nil {
			err = errStop
		}
		return err
	})
	if err != nil { // errStop: there is a version that ended since
		return rec, hidden, ignoreStop(err)
	}
	if rec, _, err = recordOf(m.store, ord); err != nil {
		return record{}, false, err
	}
	hidden, err = isHidden(m.store, ord)
	return rec, hidden, err
}

// ordinal returns the ordinal that an id had, or ErrNotFound.
func (m *moment) ordinal(id string) (uint32, error) {
	ord, err := uint32(0), error(nil)
	err = eachIn(m.store, wasKey(id, m.seq+1), after(wasPrefix(id)), func(_, value []byte) error {
		if len(value) != 4 {
			return errDamagedPast
		}
		ord = binary.BigEndian.Uint32(value)
		return errStop
	})
	if err == nil {
		ord, err = ordinalOf(m.store, id)
	}
	if err := ignoreStop(err); err != nil {
		return 0, err
	}
	if ord >= m.next { // the id came back later
		return 0, ErrNotFound
	}
	return ord, nil
}

// GetAsOf returns a document with its vectors as it was after a write, or
// ErrNotFound; 0 means now. Of a time that is no longer kept the error is
// ErrTrimmed, which names the oldest sequence.
func (ix *Index) GetAsOf(id string, seq uint64) (Document, error) {
	if seq == 0 {
		return ix.Get(id)
	}
	leave, err := ix.enter()
	if err != nil {
		return Document{}, err
	}
	defer leave()
	snap := ix.db.NewSnapshot()
	defer snap.Close()
	m, err := momentOf(snap, seq)
	if err != nil {
		return Document{}, err
	}
	ord, err := m.ordinal(id)
	if err != nil {
		return Document{}, err
	}
	rec, hidden, err := m.record(ord)
	if err != nil {
		return Document{}, err
	}
	return ix.document(snap, ord, rec, hidden)
}
