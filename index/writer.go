package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// writer collects one write.
type writer struct {
	ix      *Index
	batch   *pebble.Batch
	old     *view
	seq     uint64
	next    uint32
	ended   []uint32
	kept    map[uint32]bool // whose past is stored
	turn    turn
	hidden  map[uint32]bool
	rows    []row
	log     []logItem
	facts   []fact
	receipt Receipt
}

type row struct {
	space  string
	ord    uint32
	vector []float32
}

func newWriter(ix *Index) *writer {
	old := ix.view.Load()
	return &writer{ix: ix, batch: ix.db.NewIndexedBatch(), old: old, seq: old.seq + 1, next: ix.next,
		kept: map[uint32]bool{}, hidden: map[uint32]bool{}}
}

// change stages one item. An error is the store's; the item's own goes into its
// result.
func (w *writer) change(c *Change) error {
	var status Status
	err := checkID(c.Document.ID)
	if err == nil {
		switch c.Action {
		case Put:
			status, err = w.put(&c.Document)
		case Update:
			status, err = w.update(&c.Document)
		case Attach:
			status, err = w.attach(&c.Document)
		case Delete:
			status, err = w.delete(c.Document.ID)
		default:
			err = itemError{fmt.Errorf("index: no action %q", c.Action)}
		}
	} else {
		err = itemError{err}
	}
	var own itemError
	if errors.As(err, &own) {
		status, err = Failed, nil
	}
	w.receipt.Results = append(w.receipt.Results, Result{c.Document.ID, status, own.error})
	return err
}

// itemError marks an error that is one item's alone.
type itemError struct{ error }

func (e itemError) Unwrap() error { return e.error }

// lookup finds an id's ordinal, this write's own changes included.
func (w *writer) lookup(id string) (ord uint32, ok bool, err error) {
	ord, err = ordinalOf(w.batch, id)
	if errors.Is(err, ErrNotFound) {
		return 0, false, nil
	}
	return ord, err == nil, err
}

func (w *writer) put(d *Document) (Status, error) {
	vectors, err := w.prepare(d)
	if err != nil {
		return "", itemError{err}
	}
	ord, exists, err := w.lookup(d.ID)
	if err != nil {
		return "", err
	}
	if !exists {
		return Created, w.insert(d, vectors)
	}
	same, err := w.sameVectors(ord, vectors)
	if err != nil {
		return "", err
	}
	if same {
		return w.update(d)
	}
	if err := w.remove(d.ID, ord); err != nil {
		return "", err
	}
	return Updated, w.insert(d, vectors)
}

// prepare checks a document and returns its vectors as they are stored.
func (w *writer) prepare(d *Document) (map[string][][]float32, error) {
	if err := checkMetadata(d.Metadata); err != nil {
		return nil, err
	}
	out := make(map[string][][]float32, len(d.Vectors))
	for name, list := range d.Vectors {
		s, ok := w.old.space(name)
		if !ok {
			return nil, fmt.Errorf("index: document %q: no space %q; define it first", d.ID, name)
		}
		if len(list) > maxVectors {
			return nil, fmt.Errorf("index: document %q: %d vectors in space %q, at most %d", d.ID, len(list), name, maxVectors)
		}
		for _, v := range list {
			ready, err := s.prepare(v)
			if err != nil {
				return nil, fmt.Errorf("document %q: %w", d.ID, err)
			}
			out[name] = append(out[name], ready)
		}
	}
	return out, nil
}

func (w *writer) insert(d *Document, vectors map[string][][]float32) error {
	if w.next == ^uint32(0) {
		return errors.New("index: all 4,294,967,295 ordinals are used; copy the documents to a new index")
	}
	ord := w.next
	w.next++
	stored := *d
	stored.Vectors = vectors
	value, err := encodeRecord(&stored)
	if err != nil {
		return err
	}
	w.set(docKey(ord), value)
	w.set(idKey(d.ID), binary.BigEndian.AppendUint32(nil, ord))
	w.hide(ord, d.Hidden)
	for name, list := range vectors {
		w.addVectors(name, ord, list)
	}
	w.see(ord, d)
	w.log = append(w.log, logItem{Put, []byte(d.ID), ord})
	return nil
}

func (w *writer) addVectors(space string, ord uint32, list [][]float32) {
	for i, v := range list {
		w.set(vecKey(space, ord, i), encodeVector(v))
		w.rows = append(w.rows, row{space, ord, v})
	}
}

// existing is lookup for a document that has to be there, with its record. That it
// is not there is the item's own error.
func (w *writer) existing(id string) (ord uint32, rec record, stored []byte, err error) {
	ord, exists, err := w.lookup(id)
	if err == nil && !exists {
		err = itemError{fmt.Errorf("%w: %q", ErrNotFound, id)}
	}
	if err == nil {
		rec, stored, err = recordOf(w.batch, ord)
	}
	return ord, rec, stored, err
}

func (w *writer) update(d *Document) (Status, error) {
	if err := checkMetadata(d.Metadata); err != nil {
		return "", itemError{err}
	}
	ord, rec, old, err := w.existing(d.ID)
	if err != nil {
		return "", err
	}
	rec.Metadata = d.Metadata
	value, err := rec.encode()
	if err != nil {
		return "", err
	}
	if string(value) == string(old) && w.isHidden(ord) == d.Hidden {
		return Unchanged, nil
	}
	w.keep(ord, old)
	w.set(docKey(ord), value)
	w.hide(ord, d.Hidden)
	w.see(ord, d)
	w.log = append(w.log, logItem{Update, []byte(d.ID), ord})
	return Updated, nil
}

// attach adds vectors to a document that is there.
func (w *writer) attach(d *Document) (Status, error) {
	vectors, err := w.prepare(&Document{ID: d.ID, Vectors: d.Vectors})
	if err != nil {
		return "", itemError{err}
	}
	ord, rec, old, err := w.existing(d.ID)
	if err != nil {
		return "", err
	}
	if err := w.attachable(ord, rec, vectors); err != nil {
		return "", err
	}
	if len(vectors) == 0 {
		return Unchanged, nil
	}
	if rec.Spaces == nil {
		rec.Spaces = map[string]int{}
	}
	for name, list := range vectors {
		rec.Spaces[name] = len(list)
		w.addVectors(name, ord, list)
	}
	value, err := rec.encode()
	if err != nil {
		return "", err
	}
	w.keep(ord, old)
	w.set(docKey(ord), value)
	w.log = append(w.log, logItem{Attach, []byte(d.ID), ord})
	return Updated, nil
}

// attachable takes out what the document has already; other vectors in the same space
// are an error.
func (w *writer) attachable(ord uint32, rec record, vectors map[string][][]float32) error {
	for name, list := range vectors {
		if rec.Spaces[name] == 0 && len(list) > 0 {
			continue
		}
		same, err := w.sameIn(name, ord, rec, list)
		if err != nil {
			return err
		}
		if !same {
			return itemError{fmt.Errorf("index: document %q has other vectors in space %q; put it to replace them", rec.ID, name)}
		}
		delete(vectors, name)
	}
	return nil
}

func (w *writer) delete(id string) (Status, error) {
	ord, exists, err := w.lookup(id)
	if err != nil || !exists {
		return Unchanged, err
	}
	if err := w.remove(id, ord); err != nil {
		return "", err
	}
	w.log = append(w.log, logItem{Delete, []byte(id), ord})
	return Deleted, nil
}

// remove takes a document out of the present. What it was before this write stays
// for the retention, vectors included.
func (w *writer) remove(id string, ord uint32) error {
	rec, stored, err := recordOf(w.batch, ord)
	if err != nil {
		return err
	}
	w.unset(docKey(ord))
	w.unset(idKey(id))
	w.unset(hidKey(ord))
	w.ended = append(w.ended, ord)
	if ord < w.ix.next {
		w.keep(ord, stored)
		w.end(id, ord)
		return nil
	}
	// What came and went within one write was never there.
	w.rows = slices.DeleteFunc(w.rows, func(r row) bool { return r.ord == ord })
	for name, n := range rec.Spaces {
		for i := range n {
			w.unset(vecKey(name, ord, i))
		}
	}
	return nil
}

// see keeps what filters see of a document, where they have columns already.
func (w *writer) see(ord uint32, d *Document) {
	if w.old.facts != nil {
		w.facts = append(w.facts, w.ix.factOf(ord, d.ID, d.Metadata))
	}
}

func (w *writer) hide(ord uint32, hidden bool) {
	if hidden {
		w.set(hidKey(ord), nil)
	} else if w.isHidden(ord) {
		w.unset(hidKey(ord))
	}
	w.hidden[ord] = hidden
}

func (w *writer) isHidden(ord uint32) bool {
	if h, ok := w.hidden[ord]; ok {
		return h
	}
	return ord < w.ix.next && w.wasHidden(ord)
}

// sameVectors says whether the document's stored vectors are these, bit for bit.
func (w *writer) sameVectors(ord uint32, vectors map[string][][]float32) (bool, error) {
	rec, _, err := recordOf(w.batch, ord)
	if err != nil {
		return false, err
	}
	for name := range rec.Spaces {
		if _, ok := w.old.space(name); ok && len(vectors[name]) == 0 {
			return false, nil
		}
	}
	for name, list := range vectors {
		if same, err := w.sameIn(name, ord, rec, list); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// sameIn says whether the document's vectors in a space are these, bit for bit.
func (w *writer) sameIn(space string, ord uint32, rec record, list [][]float32) (bool, error) {
	if rec.Spaces[space] != len(list) {
		return false, nil
	}
	for i, v := range list {
		old, err := read(w.batch, vecKey(space, ord, i))
		if err != nil {
			return false, err
		}
		if string(old) != string(encodeVector(v)) {
			return false, nil
		}
	}
	return true, nil
}

func (w *writer) set(key, value []byte) { w.batch.Set(key, value, nil) }
func (w *writer) unset(key []byte)      { w.batch.Delete(key, nil) }

// finish adds the counters and the log entry.
func (w *writer) finish() error {
	entry, err := encodeLog(time.Now(), w.log)
	if err != nil {
		return err
	}
	w.turn.next = w.next
	w.set(logKey(w.seq), entry)
	w.set(turnKey(w.seq), w.turn.encode())
	w.set([]byte(keySeq), binary.BigEndian.AppendUint64(nil, w.seq))
	w.set([]byte(keyNext), binary.BigEndian.AppendUint64(nil, uint64(w.next)))
	w.receipt.Seq = w.seq
	return nil
}
