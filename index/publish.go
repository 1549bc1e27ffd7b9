package index

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// compactAt is the number of dead rows from which a column that is half dead is
// made anew.
const compactAt = 1024

// publish hands a finished write to the store and shows it to searches. The
// caller holds the write lock; the write is not yet on disk when it returns.
func (ix *Index) publish(w *writer) error {
	next := w.old.clone()
	next.seq = w.seq
	next.marks = next.marks.cover(w.next)
	if err := next.addRows(w.rows); err != nil {
		return err
	}
	if err := ix.db.ApplyNoSyncWait(w.batch, pebble.Sync); err != nil {
		return fmt.Errorf("index: write: %w", err)
	}
	ix.noteFacts(next, w)
	ix.words.note(w)
	ix.next = w.next
	for ord, hidden := range w.hidden {
		next.marks.hide(ord, hidden)
	}
	// The old view's searches compare the mark with their own sequence and go on
	// seeing the ended documents.
	for _, ord := range w.ended {
		next.marks.end(ord, w.seq)
	}
	next.bury(len(w.ended))
	ix.view.Store(next)
	ix.writes.ring()
	return nil
}

// addRows appends rows where vectors are in memory already.
func (v *view) addRows(rows []row) error {
	if v.columns == nil {
		return nil
	}
	for _, r := range rows {
		c, err := v.columns[r.space].add(r.ord, r.vector)
		if err != nil {
			return err
		}
		v.columns[r.space] = c
	}
	return nil
}

// bury counts ended rows and makes columns anew that are mostly dead. The count
// assumes one row a document; compacting a column a little late or early is
// harmless. Without memory for the copy the old column stays.
func (v *view) bury(ended int) {
	for name, c := range v.columns {
		if ended == 0 {
			return
		}
		next := *c
		next.dead += ended
		v.columns[name] = &next
		if next.dead < compactAt || next.dead < next.n/2 {
			continue
		}
		if fresh, err := next.compact(v); err == nil {
			v.columns[name] = fresh
		}
	}
}
