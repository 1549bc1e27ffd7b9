package indextest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emblem-search/emblem/index"
)

// recall compares some documents, and a search, with what there was after an
// earlier write.
func (r *runner) recall(s step) error {
	store, ok := r.store.(Rememberer)
	if !ok || len(r.past) == 0 {
		return nil
	}
	then := r.past[s.random.IntN(len(r.past))]
	for range 4 {
		id := randomID(s.random)
		got, err := store.GetAsOf(id, then.seq)
		if errors.Is(err, index.ErrTrimmed) {
			return nil
		}
		if err := then.model.answer(id, got, err); err != nil {
			return fmt.Errorf("as of %d: %w", then.seq, err)
		}
	}
	q, passes, err := s.query()
	if _, ok := then.model.Spaces[q.Space]; !ok || err != nil {
		return err
	}
	q.AsOf = then.seq
	found, err := r.store.Search(context.Background(), q)
	if errors.Is(err, index.ErrTrimmed) {
		return nil
	}
	if err == nil {
		err = then.model.Check(q.Space, found.Hits, then.model.Rank(q.Space, q.Vector, passes), q.Limit)
	}
	if err != nil {
		return fmt.Errorf("a search as of %d: %w", then.seq, err)
	}
	return nil
}

// walk is a search that goes on by pages, while others write.
type walk struct {
	query  index.Query
	model  *Model // when it began
	ranked []Candidate
	hits   []index.Hit
}

const mostWalks = 4

// page takes the first page of a search, or the next one of an earlier search.
func (r *runner) page(s step) error {
	if _, ok := r.store.(Rememberer); !ok {
		return nil
	}
	if len(r.walks) == mostWalks || len(r.walks) > 0 && s.random.IntN(3) > 0 {
		at := s.random.IntN(len(r.walks))
		w := r.walks[at]
		w.query.Limit = s.limit
		over, err := w.next(r.store)
		if over {
			r.walks = slices.Delete(r.walks, at, at+1)
		}
		return err
	}
	q, passes, err := s.query()
	if _, ok := r.model.Spaces[q.Space]; !ok || err != nil {
		return err
	}
	w := &walk{query: q, model: r.model.Clone(), ranked: r.model.Rank(q.Space, q.Vector, passes)}
	over, err := w.next(r.store)
	if !over {
		r.walks = append(r.walks, w)
	}
	return err
}

// next takes a page and compares all so far.
func (w *walk) next(s Store) (over bool, err error) {
	found, err := s.Search(context.Background(), w.query)
	if errors.Is(err, index.ErrTrimmed) {
		return true, nil
	}
	if err != nil {
		return true, err
	}
	w.hits = append(w.hits, found.Hits...)
	w.query.Cursor = found.Next
	most := len(w.hits)
	if over = found.Next == ""; over {
		most = len(w.ranked)
	}
	if err := w.model.Check(w.query.Space, w.hits, w.ranked, most); err != nil {
		return true, fmt.Errorf("pages up to hit %d: %w", len(w.hits), err)
	}
	if len(found.Hits) < w.query.Limit && !over {
		return true, fmt.Errorf("a page of %d hits, not %d, that is not the last", len(found.Hits), w.query.Limit)
	}
	return over, nil
}

// saved is what a backup has to bring back.
type saved struct {
	moment
	last int64
	past []moment
}

func (r *runner) backup() error {
	place, ok := r.place.(Keeper)
	if !ok {
		return nil
	}
	r.saved = &saved{moment{r.seq, r.model.Clone()}, r.last, nil}
	for _, then := range r.past {
		r.saved.past = append(r.saved.past, moment{then.seq, then.model.Clone()})
	}
	return place.Backup(r.store)
}

// restore goes back to the last backup. What came after it has never been.
func (r *runner) restore() error {
	place, ok := r.place.(Keeper)
	if !ok || r.saved == nil {
		return nil
	}
	if err := r.store.Close(); err != nil {
		return err
	}
	if err := place.Restore(); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	var err error
	if r.store, err = place.Open(); err != nil {
		return fmt.Errorf("after a restore: %w", err)
	}
	r.model, r.seq, r.last, r.past, r.walks = r.saved.model.Clone(), r.saved.seq, r.saved.last, nil, nil
	for _, then := range r.saved.past {
		r.past = append(r.past, moment{then.seq, then.model.Clone()})
	}
	if err := r.model.Compare(r.store); err != nil {
		return fmt.Errorf("after a restore: %w", err)
	}
	return nil
}
