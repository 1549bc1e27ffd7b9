package index

import (
	"bytes"
	"fmt"
	"iter"

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
	d := Document{ID: rec.ID, Metadata: rec.Metadata, Ordinal: ord, Hidden: ix.isHidden(ord)}
	d.Vectors, err = ix.vectorsOf(snap, ord, rec)
	return d, err
}

func (ix *Index) vectorsOf(r pebble.Reader, ord uint32, rec record) (map[string][][]float32, error) {
	out := make(map[string][][]float32, len(rec.Spaces))
	for name, n := range rec.Spaces {
		s, ok := ix.view.Load().space(name)
		if !ok {
			return nil, fmt.Errorf("index: document %q has vectors in the unknown space %q", rec.ID, name)
		}
		for i := range n {
			value, err := read(r, vecKey(name, ord, i))
			if err != nil {
				return nil, err
			}
			v := make([]float32, s.Dim)
			if !decodeVector(v, value) {
				return nil, errDamagedVector
			}
			out[name] = append(out[name], v)
		}
	}
	return out, nil
}

func (ix *Index) isHidden(ord uint32) bool {
	return ix.view.Load().marks[ord/markChunk][ord%markChunk].hidden.Load()
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
		stopped := false
		err = ix.each([]byte(prefixDoc), func(key, value []byte) error {
			rec, err := decodeRecord(value)
			if err != nil {
				return err
			}
			ord := ordinalAt(key, len(prefixDoc))
			d := Document{ID: rec.ID, Metadata: rec.Metadata, Ordinal: ord, Hidden: ix.isHidden(ord)}
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

// Stats are counts of an index.
type Stats struct {
	Documents int            // all, hidden ones too
	Hidden    int            // kept but never found
	Vectors   map[string]int // by space
	Seq       uint64         // of the last write
	DiskBytes uint64
}

// Stats counts, reading keys only.
func (ix *Index) Stats() (Stats, error) {
	leave, err := ix.enter()
	if err != nil {
		return Stats{}, err
	}
	defer leave()
	v := ix.view.Load()
	s := Stats{Seq: v.seq, Vectors: map[string]int{}, DiskBytes: ix.db.Metrics().DiskSpaceUsage()}
	count := func(prefix []byte, n *int) error {
		return ix.each(prefix, func(_, _ []byte) error { *n++; return nil })
	}
	if err := count([]byte(prefixDoc), &s.Documents); err != nil {
		return s, err
	}
	if err := count([]byte(prefixHid), &s.Hidden); err != nil {
		return s, err
	}
	for _, space := range v.schema {
		n := 0
		if err := count(spacePrefix(space.Name), &n); err != nil {
			return s, err
		}
		s.Vectors[space.Name] = n
	}
	return s, nil
}
