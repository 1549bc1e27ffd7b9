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

// capture is what the files knew at one time. A search takes it after the view of its
// moment and before the store's state, so that what changed in between is stale or
// touched since the moment, or both.
type capture struct {
	files *words.View // nil for none
	stale *roaring.Bitmap
	all   bool // every document is stale
	notes uint64
}

// capture waits until it is known what the files know. It is to be closed.
func (l *wordsLeg) capture(ctx context.Context) (*capture, error) {
	l.begin()
	select {
	case <-l.opened:
	case <-ctx.Done():
		return nil, fmt.Errorf("index: the words are being opened: %w", context.Cause(ctx))
	}
	if l.failed != nil {
		return nil, l.failed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.bad:
		return &capture{all: true, notes: l.notes}, nil
	case l.files == nil:
		return &capture{stale: l.stale.Clone(), notes: l.notes}, nil
	}
	return &capture{files: l.files.View(), stale: l.stale.Clone(), notes: l.notes}, nil
}

func (c *capture) close() { c.files.Close() }

// search finds the documents of a moment that match.
func (l *wordsLeg) search(ctx context.Context, c *capture, m *moment, q words.Query, w words.Wanted) (words.Found, error) {
	for hurt := 0; ; hurt++ {
		change, read, err := l.change(ctx, c, m, q)
		if err != nil {
			return words.Found{}, err
		}
		found, err := c.files.Search(ctx, q, change, w)
		if errors.Is(err, words.ErrDamaged) && hurt < mostHurt {
			l.hurt(err)
			c.close()
			*c = capture{all: true, notes: c.notes}
			continue
		}
		if err != nil && ctx.Err() != nil && change.More != nil {
			err = fmt.Errorf("index: the words of %d documents are read from the store, which got to %d; give the search more time: %w",
				change.Changed.GetCardinality(), read.Load(), context.Cause(ctx))
		}
		return found, err
	}
}

// change is what the files do not know about the moment: if it is little it is read at
// once, else while the search goes on. read counts the latter.
func (l *wordsLeg) change(ctx context.Context, c *capture, m *moment, q words.Query) (out words.Change, read *atomic.Int64, err error) {
	read = new(atomic.Int64)
	stale := c.stale
	if c.all {
		stale = roaring.New()
		if err := eachOrdinal(m.store, []byte(prefixDoc), func(ord uint32) { stale.Add(ord) }); err != nil {
			return out, read, err
		}
	}
	out.From = m.next
	out.Changed = roaring.Or(stale, m.touched)
	out.Changed.RemoveRange(uint64(m.next), 1<<32)
	if out.Changed.GetCardinality() <= mostSaid {
		out.Now, err = l.recent(c, m, out.Changed)
		return out, read, err
	}
	out.More = func(yield func([]*words.Terms) error) error {
		some, listen := make([]uint32, streamSome), q.Listener()
		for it := out.Changed.ManyIterator(); ; {
			n := it.NextMany(some)
			if n == 0 {
				return nil
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			list, err := l.ix.termsAt(m, some[:n], listen)
			if err == nil {
				err = yield(list)
			}
			if err != nil {
				return err
			}
			read.Add(int64(n))
		}
	}
	return out, read, nil
}

// recent returns the terms of documents at a moment. Those that nothing touched since are
// kept for the next search.
func (l *wordsLeg) recent(c *capture, m *moment, changed *roaring.Bitmap) ([]*words.Terms, error) {
	var list []*words.Terms
	var missing []uint32
	l.mu.Lock()
	for it := changed.Iterator(); it.HasNext(); {
		ord := it.Next()
		h := l.said[ord]
		if !h.known || h.note > c.notes || m.touched.Contains(ord) {
			missing = append(missing, ord)
		} else if h.terms != nil {
			list = append(list, h.terms)
		}
	}
	l.mu.Unlock()
	fresh, err := l.ix.termsAt(m, missing, words.Analyse)
	if err != nil {
		return nil, err
	}
	l.keep(c, m, missing, fresh)
	return append(list, fresh...), nil
}

// keep remembers terms of stale documents.
func (l *wordsLeg) keep(c *capture, m *moment, ords []uint32, terms []*words.Terms) {
	l.mu.Lock()
	defer l.mu.Unlock()
	put := func(ord uint32, t *words.Terms) {
		if h := l.said[ord]; h.note <= c.notes && l.stale.Contains(ord) && !m.touched.Contains(ord) {
			l.said[ord] = heard{h.note, true, t}
		}
	}
	for _, ord := range ords {
		put(ord, nil)
	}
	for _, t := range terms {
		put(t.Ordinal(), t)
	}
}

// termsAt reads documents at a moment, their ordinals ascending, and returns the terms of
// those that are there and not hidden. It works on all cores.
func (ix *Index) termsAt(m *moment, ords []uint32, analyse func(words.Text) *words.Terms) ([]*words.Terms, error) {
	read := m.recordNow
	if n := len(ords); n > dense && int(ords[n-1]-ords[0]) < 8*n {
		run, err := m.run(ords[0], ords[n-1])
		if err != nil {
			return nil, err
		}
		read = run.record
	}
	list := make([]*words.Terms, len(ords))
	err := onAllCores(len(ords), func(i int) error {
		rec, hidden, err := read(ords[i])
		if errors.Is(err, ErrNotFound) || err == nil && hidden {
			return nil
		}
		if err == nil {
			list[i] = analyse(ix.opts.textOf(ords[i], rec.ID, rec.Metadata))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := list[:0]
	for _, t := range list {
		if t != nil {
			out = append(out, t)
		}
	}
	return out, nil
}

// dense is from how many documents on it pays to read all of a range.
const dense = 64

// run has the stored documents of a range of ordinals, of the present.
type run struct {
	m      *moment
	stored map[uint32][]byte
	hidden map[uint32]bool
}

// run reads the documents from from to to.
func (m *moment) run(from, to uint32) (*run, error) {
	r := &run{m, map[uint32][]byte{}, map[uint32]bool{}}
	var arena []byte
	err1 := eachIn(m.store, docKey(from), append(docKey(to), 0), func(key, value []byte) error {
		arena = append(arena, value...) // a new one now and then, which leaves the old ones to what they hold
		r.stored[ordinalAt(key, len(prefixDoc))] = arena[len(arena)-len(value) : len(arena) : len(arena)]
		return nil
	})
	err2 := eachIn(m.store, hidKey(from), append(hidKey(to), 0), func(key, _ []byte) error {
		r.hidden[ordinalAt(key, len(prefixHid))] = true
		return nil
	})
	return r, errors.Join(err1, err2)
}

// record is the moment's, or ErrNotFound.
func (r *run) record(ord uint32) (record, bool, error) {
	if r.m.touched.Contains(ord) {
		return r.m.record(ord)
	}
	value, ok := r.stored[ord]
	if !ok {
		return record{}, false, ErrNotFound
	}
	rec, err := decodeRecord(value)
	return rec, r.hidden[ord], err
}

// recordNow is record, quicker for what was not touched since the moment.
func (m *moment) recordNow(ord uint32) (rec record, hidden bool, err error) {
	if m.touched.Contains(ord) {
		return m.record(ord)
	}
	if rec, _, err = recordOf(m.store, ord); err == nil {
		hidden, err = isHidden(m.store, ord)
	}
	return rec, hidden, err
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
