package index

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

var errDamagedVector = fmt.Errorf("index: a stored vector is damaged")

// ordinalOf returns an id's ordinal or ErrNotFound.
func ordinalOf(r pebble.Reader, id string) (uint32, error) {
	value, err := read(r, idKey(id))
	if err == nil && len(value) != 4 {
		err = fmt.Errorf("index: the ordinal of %q is damaged", id)
	}
	if err != nil {
		return 0, err
	}
	return ordinalAt(value, 0), nil
}

// recordOf returns the document with an ordinal, also as it is stored.
func recordOf(r pebble.Reader, ord uint32) (record, []byte, error) {
	value, err := read(r, docKey(ord))
	if err != nil {
		return record{}, nil, err
	}
	rec, err := decodeRecord(value)
	return rec, value, err
}

// Get returns a document with its vectors, or ErrNotFound.
func (ix *Index) Get(id string) (Document, error) {
	leave, err := ix.enter()
	if err != nil {
		return Document{}, err
	}
	defer leave()
	// One snapshot, so that a replacement between two reads cannot mix documents.
	snap := ix.db.NewSnapshot()
	defer snap.Close()
	ord, err := ordinalOf(snap, id)
	if err != nil {
		return Document{}, err
	}
	rec, _, err := recordOf(snap, ord)
	if err != nil {
		return Document{}, err
	}
	hidden, err := isHidden(snap, ord)
	if err != nil {
		return Document{}, err
	}
	return ix.document(snap, ord, rec, hidden)
}

// document reads what is not in the record.
func (ix *Index) document(r pebble.Reader, ord uint32, rec record, hidden bool) (Document, error) {
	vectors, err := ix.vectorsOf(r, ord, rec)
	return Document{ID: rec.ID, Metadata: rec.Metadata, Vectors: vectors, Hidden: hidden, Ordinal: ord}, err
}

func (ix *Index) vectorsOf(r pebble.Reader, ord uint32, rec record) (map[string][][]float32, error) {
	out := make(map[string][][]float32, len(rec.Spaces))
	for name := range rec.Spaces {
		s, ok := ix.view.Load().space(name)
		if !ok { // dropped
			continue
		}
		list, err := vectorsIn(r, s, ord, rec)
		if err != nil {
			return nil, err
		}
		out[name] = list
	}
	return out, nil
}

// vectorsIn reads the vectors that a document has in a space.
func vectorsIn(r pebble.Reader, s Space, ord uint32, rec record) ([][]float32, error) {
	var out [][]float32
	for i := range rec.Spaces[s.Name] {
		value, err := read(r, vecKey(s.Name, ord, i))
		if err != nil {
			return nil, err
		}
		v := make([]float32, s.Dim)
		if !decodeVector(v, value) {
			return nil, errDamagedVector
		}
		out = append(out, v)
	}
	return out, nil
}

func isHidden(r pebble.Reader, ord uint32) (bool, error) { return has(r, hidKey(ord)) }

func has(r pebble.Reader, key []byte) (bool, error) {
	_, err := read(r, key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Documents yields all documents without their vectors, hidden ones too, in the
// order of their ordinals and as of the call. It ends at the first error.
func (ix *Index) Documents() iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		leave, err := ix.enter()
		if err != nil {
			yield(Document{}, err)
			return
		}
		defer leave()
		snap := ix.db.NewSnapshot()
		defer snap.Close()
		stopped := false
		err = eachIn(snap, []byte(prefixDoc), after([]byte(prefixDoc)), func(key, value []byte) error {
			rec, err := decodeRecord(value)
			if err != nil {
				return err
			}
			ord := ordinalAt(key, len(prefixDoc))
			hidden, err := isHidden(snap, ord)
			if err != nil {
				return err
			}
			d := Document{ID: rec.ID, Metadata: rec.Metadata, Ordinal: ord, Hidden: hidden}
			if stopped = !yield(d, nil); stopped {
				return errStop
			}
			return nil
		})
		if err != nil && !stopped {
			yield(Document{}, err)
		}
	}
}

var errStop = fmt.Errorf("index: iteration stopped")

// IDs yields the ids that begin with prefix, in byte order, with their ordinals.
func (ix *Index) IDs(prefix string) iter.Seq2[string, uint32] {
	return func(yield func(string, uint32) bool) {
		leave, err := ix.enter()
		if err != nil {
			return
		}
		defer leave()
		ix.each(idKey(prefix), func(key, value []byte) error {
			if len(value) != 4 || !yield(string(bytes.TrimPrefix(key, []byte(prefixID))), ordinalAt(value, 0)) {
				return errStop
			}
			return nil
		})
	}
}

// Note returns what SetNote stored under key, or ErrNotFound.
func (ix *Index) Note(key string) ([]byte, error) {
	leave, err := ix.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return ix.get([]byte(prefixNote + key))
}

// SetNote stores a small value of the caller's beside the documents, durably:
// where they come from, say.
func (ix *Index) SetNote(key string, value []byte) error {
	leave, err := ix.enter()
	if err != nil {
		return err
	}
	defer leave()
	if err := ix.db.Set([]byte(prefixNote+key), value, syncWrites); err != nil {
		return fmt.Errorf("index: write: %w", err)
	}
	return nil
}

// Seq is the sequence of the last write that a search sees.
func (ix *Index) Seq() uint64 { return ix.view.Load().seq }

// Stats are counts of an index.
type Stats struct {
	Documents int            // all, hidden ones too
	Hidden    int            // kept but never found
	Vectors   map[string]int // by space
	Seq       uint64         // of the last write
	Oldest    uint64         // the earliest write that a query can ask as of; 0 means from the beginning
	Retention time.Duration  // how long the past is kept
	DiskBytes uint64
	Derived   []Derived // how vectors are searched, by space; nothing is read of a space before the first search or write
}

// Stats counts, reading keys only.
func (ix *Index) Stats() (Stats, error) {
	leave, err := ix.enter()
	if err != nil {
		return Stats{}, err
	}
	defer leave()
	s := Stats{Vectors: map[string]int{}, Retention: ix.opts.LogRetention, DiskBytes: ix.db.Metrics().DiskSpaceUsage(), Derived: ix.derivedStates()}
	snap := ix.db.NewSnapshot()
	defer snap.Close()
	if s.Seq, err = counterOf(snap, keySeq); err != nil {
		return s, err
	}
	from, err := horizonOf(snap)
	if err != nil {
		return s, err
	}
	s.Oldest = from.seq
	gone := map[uint32]bool{}
	err1 := eachOrdinal(snap, []byte(prefixEnd), func(ord uint32) { gone[ord] = true })
	err2 := eachOrdinal(snap, []byte(prefixDoc), func(uint32) { s.Documents++ })
	err3 := eachOrdinal(snap, []byte(prefixHid), func(uint32) { s.Hidden++ })
	for _, space := range ix.Spaces() {
		n := 0
		err := eachOrdinal(snap, spacePrefix(space.Name), func(ord uint32) {
			if !gone[ord] {
				n++
			}
		})
		s.Vectors[space.Name] = n
		err1 = errors.Join(err1, err)
	}
	return s, errors.Join(err1, err2, err3)
}

// counted is how many documents can be found, as of a write.
type counted struct {
	seq       uint64
	documents int
}

// Count returns how many documents can be found. It reads keys only, and nothing if
// there was no write since it was asked last.
func (ix *Index) Count() (int, error) {
	leave, err := ix.enter()
	if err != nil {
		return 0, err
	}
	defer leave()
	snap := ix.db.NewSnapshot()
	defer snap.Close()
	seq, err := counterOf(snap, keySeq)
	if err != nil {
		return 0, err
	}
	if c := ix.counted.Load(); c != nil && c.seq == seq {
		return c.documents, nil
	}
	n := 0
	err = errors.Join(
		eachOrdinal(snap, []byte(prefixDoc), func(uint32) { n++ }),
		eachOrdinal(snap, []byte(prefixHid), func(uint32) { n-- }))
	if err == nil {
		ix.counted.Store(&counted{seq, n})
	}
	return n, err
}

// eachOrdinal calls f for every key under prefix, with the ordinal after it.
func eachOrdinal(r pebble.Reader, prefix []byte, f func(ord uint32)) error {
	return eachIn(r, prefix, after(prefix), func(key, _ []byte) error {
		f(ordinalAt(key, len(prefix)))
		return nil
	})
}
