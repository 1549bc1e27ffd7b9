package index

import (
	"encoding/binary"
	"math"
	"slices"
)

// The keys of the truth. Numbers are big-endian, so that iteration is in order.
//
//	doc/<ordinal>                     record: id, metadata, number of vectors
//	id/<external id>                  ordinal
//	vec/<space>/<ordinal><i>          float32 little-endian
//	hid/<ordinal>                     the document is hidden
//	log/<sequence>                    what a write changed
//	meta/format meta/schema meta/next meta/seq meta/oldest meta/note/<key>
//	meta/dropped/<space>              records may still count vectors in it
//
// What went within the retention, so that a query can ask how things were; the
// vectors of an ended ordinal stay as long:
//
//	past/<ordinal><sequence>          record that was valid until this write
//	end/<ordinal>                     sequence of the write that ended it
//	was/<length><id><sequence>        ordinal that the id had until this write
//	turn/<sequence>                   next ordinal, and older ones that the write touched
//	meta/asof                         first sequence that can be asked for, its next ordinal
const (
	prefixDoc  = "doc/"
	prefixID   = "id/"
	prefixVec  = "vec/"
	prefixHid  = "hid/"
	prefixLog  = "log/"
	prefixNote = "meta/note/"
	prefixPast = "past/"
	prefixEnd  = "end/"
	prefixWas  = "was/"
	prefixTurn = "turn/"

	prefixDropped = "meta/dropped/"

	keyFormat = "meta/format"
	keySchema = "meta/schema"
	keyNext   = "meta/next"   // next ordinal
	keySeq    = "meta/seq"    // sequence of the last write
	keyOldest = "meta/oldest" // first sequence whose change is kept
	keyAsOf   = "meta/asof"
)

func docKey(ord uint32) []byte { return binary.BigEndian.AppendUint32([]byte(prefixDoc), ord) }
func hidKey(ord uint32) []byte { return binary.BigEndian.AppendUint32([]byte(prefixHid), ord) }
func idKey(id string) []byte   { return append([]byte(prefixID), id...) }
func logKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte(prefixLog), seq) }

func endKey(ord uint32) []byte  { return binary.BigEndian.AppendUint32([]byte(prefixEnd), ord) }
func turnKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte(prefixTurn), seq) }

func pastPrefix(ord uint32) []byte { return binary.BigEndian.AppendUint32([]byte(prefixPast), ord) }

func pastKey(ord uint32, until uint64) []byte {
	return binary.BigEndian.AppendUint64(pastPrefix(ord), until)
}

// wasPrefix begins with the length, so that no id's keys are among another's.
func wasPrefix(id string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte(prefixWas), uint16(len(id))), id...)
}

func wasKey(id string, until uint64) []byte {
	return binary.BigEndian.AppendUint64(wasPrefix(id), until)
}

func spacePrefix(space string) []byte { return []byte(prefixVec + space + "/") }

func vecKey(space string, ord uint32, i int) []byte {
	k := binary.BigEndian.AppendUint32(spacePrefix(space), ord)
	return binary.BigEndian.AppendUint16(k, uint16(i))
}

// ordinalAt reads the ordinal that follows n bytes of key.
func ordinalAt(key []byte, n int) uint32 { return binary.BigEndian.Uint32(key[n:]) }

// after returns the first key that does not begin with prefix, or nil if there
// is none.
func after(prefix []byte) []byte {
	end := slices.Clone(prefix)
	for len(end) > 0 && end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	if len(end) == 0 {
		return nil
	}
	end[len(end)-1]++
	return end
}

func encodeVector(v []float32) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// decodeVector fills v, which has the length the caller expects, and says
// whether value has it too.
func decodeVector(v []float32, value []byte) bool {
	if len(value) != 4*len(v) {
		return false
	}
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(value[4*i:]))
	}
	return true
}
