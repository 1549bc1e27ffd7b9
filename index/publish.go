package index

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// publish hands a finished write to the store and shows it to searches. The
// caller holds the write lock; the write is not yet on disk when it returns.
func (ix *Index) publish(w *writer) error {
	next := w.old.clone()
	next.seq = w.seq
	next.marks, next.next = next.marks.cover(w.next), w.next
	if err := next.addRows(w.rows, w.next); err != nil {
		return err
	}
	if err := ix.db.ApplyNoSyncWait(w.batch, pebble.Sync); err != nil {
		return fmt.Errorf("index: write: %w", err)
	}
	for name, s := range next.shelves {
		if old := w.old.shelves[name]; old != nil && s.n > old.n {
			s.settle(old.n)
		}
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
	ix.view.Store(next)
	ix.noteRows(w)
	ix.sampler.note(w)
	ix.writes.ring()
	return nil
}

// addRows appends rows to the shelves that are there.
func (v *view) addRows(rows []row, next uint32) error {
	bySpace := map[string][]row{}
	for _, r := range rows {
		if v.shelves[r.space] != nil {
			bySpace[r.space] = append(bySpace[r.space], r)
		}
	}
	for name, added := range bySpace {
		s, err := v.shelves[name].add(added, next)
		if err != nil {
			return err
		}
		v.shelves[name] = s
	}
	return nil
}
