package indextest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emblem-search/emblem/index"
)

// runner takes the steps of a history, with the store and with the model.
type runner struct {
	place Place
	store Store
	model *Model
	seq   uint64 // of the last acknowledged write
	last  int64  // highest ordinal of an acknowledged write, plus 1
	past  []moment
	walks []*walk
	saved *saved // by the last backup
}

// moment is what was after a write.
type moment struct {
	seq   uint64
	model *Model
}

// mostMoments is how many a runner remembers.
const mostMoments = 32

func (r *runner) take(s step) error {
	if len(r.model.Spaces) == 0 {
		if err := r.define(); err != nil {
			return err
		}
	}
	switch s.kind {
	case doWrite:
		return r.write(s)
	case doSearch:
		return r.search(s)
	case doGet:
		return r.get(s.changes[0].Document.ID)
	case doCompare:
		return r.model.Compare(r.store)
	case doReopen:
		return r.reopen()
	case doCrash:
		return r.crash(s)
	case doClash:
		return r.clash(s)
	case doDrop:
		return r.drop(s.space.Name)
	case doDefine:
		return r.define()
	case doBackup:
		return r.backup()
	case doRestore:
		return r.restore()
	case doRecall:
		return r.recall(s)
	case doPage:
		return r.page(s)
	}
	return nil
}

// define makes the spaces that are not there.
func (r *runner) define() error {
	for _, s := range spaces {
		if _, ok := r.model.Spaces[s.Name]; ok {
			continue
		}
		if err := r.store.Define(s); err != nil {
			return err
		}
		r.model.Spaces[s.Name] = s
	}
	return nil
}

// drop drops a space that is there, from the past too.
func (r *runner) drop(space string) error {
	store, ok := r.store.(Dropper)
	if _, there := r.model.Spaces[space]; !ok || !there {
		return nil
	}
	if err := store.Drop(space); err != nil {
		return err
	}
	r.model.drop(space)
	for _, then := range r.past {
		then.model.drop(space)
	}
	r.walks = slices.DeleteFunc(r.walks, func(w *walk) bool { return w.query.Space == space })
	return nil
}

func (r *runner) write(s step) error {
	receipt, err := r.store.Apply(context.Background(), s.changes)
	if err != nil {
		return err
	}
	if err := r.acknowledged(s.changes, receipt); err != nil {
		return err
	}
	if s.random.IntN(8) == 0 {
		if len(r.past) == mostMoments {
			r.past = slices.Delete(r.past, 0, 1+s.random.IntN(mostMoments))
		}
		r.past = append(r.past, moment{r.seq, r.model.Clone()})
	}
	return nil
}

// acknowledged holds a receipt against what the model says of the changes, and
// the changed documents against the model's.
func (r *runner) acknowledged(changes []index.Change, receipt index.Receipt) error {
	if len(receipt.Results) != len(changes) {
		return fmt.Errorf("%d results for %d changes", len(receipt.Results), len(changes))
	}
	wrote := false
	for i, c := range changes {
		want, got := r.model.Apply(c), receipt.Results[i]
		if got.Status != want || got.ID != c.Document.ID || (got.Err != nil) != (want == index.Failed) {
			return fmt.Errorf("change %d of %q: %q is %s (%v); want %s", i, c.Document.ID, got.ID, got.Status, got.Err, want)
		}
		wrote = wrote || want != index.Failed && want != index.Unchanged
	}
	if wrote && receipt.Seq <= r.seq || receipt.Seq < r.seq {
		return fmt.Errorf("sequence %d after %d", receipt.Seq, r.seq)
	}
	r.seq = receipt.Seq
	return r.learn(changes)
}

// learn reads the changed documents and notes their ordinals, which are new for
// new vectors and have never been used.
func (r *runner) learn(changes []index.Change) error {
	used := r.last
	for _, c := range changes {
		id := c.Document.ID
		if id == "" {
			continue
		}
		if err := r.get(id); err != nil {
			return err
		}
		d, ok := r.model.Documents[id]
		if !ok {
			continue
		}
		got, err := r.store.Get(id)
		if err != nil {
			return err
		}
		switch has := int64(got.Ordinal); {
		case d.Ordinal != unknown && has != int64(d.Ordinal):
			return fmt.Errorf("%q has ordinal %d; want %d as before", id, has, d.Ordinal)
		case d.Ordinal == unknown && has < used:
			return fmt.Errorf("%q has ordinal %d; %d and less were used before", id, has, used-1)
		}
		r.last = max(r.last, int64(got.Ordinal)+1)
		d.Ordinal = got.Ordinal
		r.model.Documents[id] = d
	}
	return nil
}

// get compares one document.
func (r *runner) get(id string) error {
	got, err := r.store.Get(id)
	return r.model.answer(id, got, err)
}

func (r *runner) search(s step) error {
	q, passes, err := s.query()
	if err != nil {
		return err
	}
	found, err := r.store.Search(context.Background(), q)
	if _, ok := r.model.Spaces[q.Space]; !ok {
		if err == nil {
			return fmt.Errorf("a search of %s, which is not there, succeeded", q.Space)
		}
		return nil
	}
	if err != nil {
		return err
	}
	return r.model.Check(q.Space, found.Hits, r.model.Rank(q.Space, q.Vector, passes), q.Limit)
}

// query is what a step searches for, and what may be found.
func (s step) query() (index.Query, func(index.Document) bool, error) {
	q := index.Query{Space: s.space.Name, Vector: s.vector, Limit: s.limit, Exact: s.exact}
	if s.filter == nil {
		return q, func(index.Document) bool { return true }, nil
	}
	var err error
	q.Filter, err = index.ParseFilter(s.filter.text)
	return q, s.filter.holds, err
}

func (r *runner) reopen() error {
	err := r.store.Close()
	if err != nil {
		return err
	}
	if r.store, err = r.place.Open(); err != nil {
		return err
	}
	return r.model.Compare(r.store)
}

// crash cuts the power during a write, which is then there or not; if it was
// acknowledged before, it is there.
func (r *runner) crash(s step) error {
	c, ok := r.place.(Crasher)
	if !ok {
		return nil
	}
	var failed error
	done := c.Crash(s.random, func() { _, failed = r.store.Apply(context.Background(), s.changes) })
	r.store.Close() // what it says is of a machine that is off
	if failed != nil {
		return failed
	}
	var err error
	if r.store, err = r.place.Open(); err != nil {
		return fmt.Errorf("after a power cut: %w", err)
	}
	after := r.model.Clone()
	for _, c := range s.changes {
		after.Apply(c)
	}
	lost := after.Compare(r.store)
	if lost == nil {
		r.model = after
	} else if done {
		return fmt.Errorf("after a power cut, an acknowledged write: %w", lost)
	} else if err := r.model.Compare(r.store); err != nil {
		return fmt.Errorf("after a power cut, neither before the write (%w) nor after it (%w)", err, lost)
	}
	return r.learn(s.changes)
}

// clash asks for a space that is there with another shape.
func (r *runner) clash(s step) error {
	if _, ok := r.model.Spaces[s.space.Name]; !ok {
		return nil
	}
	other := s.space
	other.Fingerprint += "'"
	var clash *index.SpaceError
	if err := r.store.Define(other); !errors.As(err, &clash) {
		return fmt.Errorf("another %s: %v; want a SpaceError", other.Name, err)
	}
	return r.store.Define(s.space)
}
