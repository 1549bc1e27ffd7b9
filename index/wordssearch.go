package index

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"github.com/emblem-search/emblem/internal/words"
)

const (
	mostSaid   = 2 * foldAt // stale documents whose terms are kept in memory
	streamSome = 2048       // documents read at once
	mostHurt   = 3          // damages that one search survives
)

// search finds the documents of a view that match, of those that keep accepts.
func (l *wordsLeg) search(ctx context.Context, v *view, q words.Query, w words.Wanted) (words.Found, error) {
	l.begin()
	select {
	case <-l.opened:
	case <-ctx.Done():
		return words.Found{}, fmt.Errorf("index: the words are being opened: %w", context.Cause(ctx))
	}
	if l.failed != nil {
		return words.Found{}, l.failed
	}
	for hurt := 0; ; hurt++ {
		files, stale, err := l.present()
		if err != nil {
			return words.Found{}, err
		}
		change, read, err := l.change(ctx, stale)
		if err != nil {
			return words.Found{}, err
		}
		found, err := files.Search(ctx, q, change, w)
		if errors.Is(err, words.ErrDamaged) && hurt < mostHurt {
			l.hurt(err)
			continue
		}
		if err != nil && ctx.Err() != nil && change.More != nil {
			err = fmt.Errorf("index: the words of %d documents are read from the store, which got to %d; give the search more time: %w",
				stale.GetCardinality(), read.Load(), context.Cause(ctx))
		}
		return found, err
	}
}

// present returns the files that can be used and what they do not know.
func (l *wordsLeg) present() (*words.Index, *roaring.Bitmap, error) {
	l.mu.Lock()
	files, stale, bad := l.files, l.stale.Clone(), l.bad
	l.mu.Unlock()
	if !bad {
		return files, stale, nil
	}
	all, err := l.ix.living()
	return nil, all, err
}

// change reads what the files do not know: if it is little at once, else while the search
// goes on. read counts the latter.
func (l *wordsLeg) change(ctx context.Context, stale *roaring.Bitmap) (c words.Change, read *atomic.Int64, err error) {
	c.Changed, read = stale, new(atomic.Int64)
	if stale.GetCardinality() <= mostSaid {
		c.Now, err = l.recent(stale)
		return c, read, err
	}
	c.More = func(yield func([]*words.Terms) error) error {
		snap := l.ix.db.NewSnapshot()
		defer snap.Close()
		some := make([]uint32, streamSome)
		for it := stale.ManyIterator(); ; {
			n := it.NextMany(some)
			if n == 0 {
				return nil
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			list, err := l.ix.termsOf(snap, some[:n])
			if err == nil {
				err = yield(list)
			}
			if err != nil {
				return err
			}
			read.Add(int64(n))
		}
	}
	return c, read, nil
}

// recent returns the terms of stale documents and keeps them for the next search.
func (l *wordsLeg) recent(stale *roaring.Bitmap) ([]*words.Terms, error) {
	var list []*words.Terms
	var missing []uint32
	l.mu.Lock()
	notes := l.notes
	for it := stale.Iterator(); it.HasNext(); {
		ord := it.Next()
		t, ok := l.said[ord]
		if !ok {
			missing = append(missing, ord)
		} else if t != nil {
			list = append(list, t)
		}
	}
	l.mu.Unlock()
	fresh, err := l.ix.termsOf(l.ix.db, missing)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.notes == notes {
		for _, ord := range missing {
			if l.stale.Contains(ord) {
				l.said[ord] = nil
			}
		}
		for _, t := range fresh {
			if l.stale.Contains(t.Ordinal()) {
				l.said[t.Ordinal()] = t
			}
		}
	}
	return append(list, fresh...), nil
}

// onAllCores calls f for 0 to n-1 and returns one of the errors.
func onAllCores(n int, f func(i int) error) error {
	var g errgroup.Group
	workers := min(n, runtime.GOMAXPROCS(0))
	for w := range workers {
		g.Go(func() error {
			for i := n * w / workers; i < n*(w+1)/workers; i++ {
				if err := f(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}
