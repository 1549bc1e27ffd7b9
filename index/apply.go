package index

import (
	"context"
	"errors"
	"fmt"
)

// Action is what a Change does.
type Action string

const (
	// Put adds a document or replaces all of it.
	Put Action = "put"
	// Update replaces metadata and Hidden and leaves the vectors alone.
	Update Action = "update"
	// Attach adds vectors in spaces where the document has none yet, and changes
	// nothing else: it keeps its ordinal and its vectors in other spaces.
	Attach Action = "attach"
	// Delete removes a document.
	Delete Action = "delete"
)

// A Change is one item of a write. Delete reads only the document's ID, Attach its ID
// and Vectors.
type Change struct {
	Action   Action
	Document Document
}

// Status is what became of a Change.
type Status string

const (
	Created   Status = "created"
	Updated   Status = "updated"
	Unchanged Status = "unchanged"
	Deleted   Status = "deleted"
	Failed    Status = "error" // Result.Err says why; the other items count
)

// A Result is the outcome for one Change.
type Result struct {
	ID     string
	Status Status
	Err    error
}

// A Receipt acknowledges a write: it is on disk and every later search sees it.
type Receipt struct {
	Seq     uint64 // the write's place in the order of all writes
	Results []Result
}

// Err joins the errors of the failed items.
func (r Receipt) Err() error {
	var errs []error
	for _, res := range r.Results {
		if res.Err != nil {
			errs = append(errs, res.Err)
		}
	}
	return errors.Join(errs...)
}

// Put adds or replaces documents; see Apply.
func (ix *Index) Put(ctx context.Context, docs ...Document) (Receipt, error) {
	changes := make([]Change, len(docs))
	for i, d := range docs {
		changes[i] = Change{Put, d}
	}
	return ix.Apply(ctx, changes)
}

// Delete removes documents; ids that are not there are Unchanged.
func (ix *Index) Delete(ctx context.Context, ids ...string) (Receipt, error) {
	changes := make([]Change, len(ids))
	for i, id := range ids {
		changes[i] = Change{Delete, Document{ID: id}}
	}
	return ix.Apply(ctx, changes)
}

// Apply makes all changes at once, in their order: after a crash either all are
// there or none. It returns when they are on disk; searches may see them a moment
// before. An item that is wrong in itself fails alone, in its Result; an error
// means that nothing is acknowledged.
func (ix *Index) Apply(ctx context.Context, changes []Change) (Receipt, error) {
	if err := ctx.Err(); err != nil {
		return Receipt{}, err
	}
	leave, err := ix.enter()
	if err != nil {
		return Receipt{}, err
	}
	defer leave()
	defer ix.opts.crowd.enter()()
	w, err := ix.stage(changes)
	if err != nil {
		return Receipt{}, err
	}
	defer w.batch.Close()
	if w.batch.Empty() {
		return w.receipt, nil
	}
	if err := w.batch.SyncWait(); err != nil {
		return Receipt{}, fmt.Errorf("index: write: %w", err)
	}
	ix.acked.saw(w.seq)
	return w.receipt, nil
}

// stage orders the write, hands it to the store and publishes it. Waiting for
// the disk happens after the lock is given back, so that writers share a sync.
func (ix *Index) stage(changes []Change) (*writer, error) {
	ix.write.Lock()
	defer ix.write.Unlock()
	w := newWriter(ix)
	for i := range changes {
		if err := w.change(&changes[i]); err != nil {
			w.batch.Close()
			return nil, err
		}
	}
	if len(w.log) == 0 {
		w.receipt.Seq = w.old.seq
		return w, nil
	}
	if err := w.finish(); err != nil {
		w.batch.Close()
		return nil, err
	}
	return w, ix.publish(w)
}
