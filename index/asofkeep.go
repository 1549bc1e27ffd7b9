package index

import (
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

var errDamagedPast = errors.New("index: what is kept of the past is damaged")

// keep stores a document as it was before this write, once. What the write itself
// made has no past.
func (w *writer) keep(ord uint32, stored []byte) {
	if ord >= w.ix.next || w.kept[ord] {
		return
	}
	w.kept[ord] = true
	w.set(pastKey(ord, w.seq), encodePast(w.wasHidden(ord), stored))
	w.turn.changed = append(w.turn.changed, ord)
}

// end closes an ordinal whose document is kept.
func (w *writer) end(id string, ord uint32) {
	w.set(endKey(ord), binary.BigEndian.AppendUint64(nil, w.seq))
	w.set(wasKey(id, w.seq), binary.BigEndian.AppendUint32(nil, ord))
	w.turn.ended = append(w.turn.ended, ord)
}

func (w *writer) wasHidden(ord uint32) bool {
	return w.old.marks[ord/markChunk][ord%markChunk].hidden.Load()
}

// A past record is a byte, whether the document was hidden, and the record as it
// was under doc/.
func encodePast(hidden bool, stored []byte) []byte {
	flag := byte(0)
	if hidden {
		flag = 1
	}
	return append([]byte{flag}, stored...)
}

func decodePast(value []byte) (rec record, hidden bool, err error) {
	if len(value) == 0 || value[0] > 1 {
		return rec, false, errDamagedPast
	}
	rec, err = decodeRecord(value[1:])
	return rec, value[0] == 1, err
}

// turn is what a write did to the ordinals: next is the first that is free after
// it; ended and changed are those that had been given before it.
type turn struct {
	next    uint32
	changed []uint32 // the ended ones too
	ended   []uint32
}

func (t turn) encode() []byte {
	out := make([]byte, 0, 8+4*(len(t.changed)+len(t.ended)))
	out = binary.BigEndian.AppendUint32(out, t.next)
	out = binary.BigEndian.AppendUint32(out, uint32(len(t.ended)))
	for _, list := range [][]uint32{t.ended, t.changed} {
		for _, ord := range list {
			out = binary.BigEndian.AppendUint32(out, ord)
		}
	}
	return out
}

func decodeTurn(value []byte) (turn, error) {
	if len(value) < 8 || len(value)%4 != 0 {
		return turn{}, errDamagedPast
	}
	list := make([]uint32, len(value)/4-2)
	for i := range list {
		list[i] = ordinalAt(value, 8+4*i)
	}
	ended := ordinalAt(value, 4)
	if uint64(ended) > uint64(len(list)) {
		return turn{}, errDamagedPast
	}
	return turn{ordinalAt(value, 0), list[ended:], list[:ended]}, nil
}

// horizon is the earliest state that can be asked for.
type horizon struct {
	seq  uint64
	next uint32 // ordinals from it on came later
}

func (h horizon) encode() []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, h.seq), h.next)
}

// horizonOf reads it; an index that never forgot anything has none.
func horizonOf(r pebble.Reader) (horizon, error) {
	value, err := read(r, []byte(keyAsOf))
	switch {
	case errors.Is(err, ErrNotFound):
		return horizon{}, nil
	case err != nil:
		return horizon{}, err
	case len(value) != 12:
		return horizon{}, errDamagedPast
	}
	return horizon{binary.BigEndian.Uint64(value), ordinalAt(value, 8)}, nil
}
