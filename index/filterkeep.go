package index

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/sync/errgroup"
)

// factKeeper reads facts, once, and looks after them in the background.
type factKeeper struct {
	loading sync.Mutex

	start sync.Once
	stop  context.Context
	end   context.CancelFunc
	wake  chan struct{}
	done  chan struct{} // closed when the background has ended

	saved atomic.Uint64 // facts.changes at the last save
	fresh atomic.Bool   // the facts are in no file
}

// loadFacts returns a view with facts. The caller has entered.
func (ix *Index) loadFacts(v *view) (*view, error) {
	if v.facts != nil {
		return v, nil
	}
	ix.keepFacts()
	return ix.factsNow()
}

// factsNow reads the facts if nobody has, or waits for who does.
func (ix *Index) factsNow() (*view, error) {
	k := &ix.keeper
	k.loading.Lock()
	defer k.loading.Unlock()
	if v := ix.view.Load(); v.facts != nil {
		return v, nil
	}
	f, seq, err := ix.savedFacts()
	if err == nil {
		err = ix.catchUp(f, &seq)
	}
	if err != nil { // no file, or none that can be used
		if !errors.Is(err, errNoColumns) {
			ix.logf("index: the columns of metadata are made anew: %v", err)
		}
		k.fresh.Store(true)
		if f, seq, err = ix.collectFacts(k.stop); err == nil {
			err = ix.catchUp(f, &seq)
		}
	}
	if err != nil {
		return nil, err
	}
	ix.write.Lock()
	defer ix.write.Unlock()
	if err := ix.catchUp(f, &seq); err != nil {
		return nil, err
	}
	if err := ix.readHidden(f); err != nil {
		return nil, err
	}
	next := ix.view.Load().clone()
	next.facts = f
	ix.view.Store(next)
	ix.wakeFacts()
	return next, nil
}

func (ix *Index) logf(format string, args ...any) {
	if ix.opts.Logf != nil {
		ix.opts.Logf(format, args...)
	}
}

func (ix *Index) readHidden(f *facts) error {
	f.hidden = roaring.New()
	return ix.each([]byte(prefixHid), func(key, _ []byte) error {
		f.hidden.Add(ordinalAt(key, len(prefixHid)))
		return nil
	})
}

// chunk is how many ordinals of documents are read at once.
const chunk = 1 << 14

// collectFacts reads all documents, on all cores.
func (ix *Index) collectFacts(ctx context.Context) (*facts, uint64, error) {
	snap := ix.db.NewSnapshot()
	defer snap.Close()
	seq, err1 := counterOf(snap, keySeq)
	next, err2 := counterOf(snap, keyNext)
	if err := errors.Join(err1, err2); err != nil {
		return nil, 0, err
	}
	segments := make([]*segment, (next+chunk-1)/chunk)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range segments {
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			docs, err := ix.readFacts(snap, uint64(i)*chunk, uint64(i+1)*chunk)
			if len(docs) > 0 {
				segments[i] = segmentOf(docs)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, 0, err
	}
	f := newFacts()
	for _, s := range segments {
		if s != nil {
			f.segments = append(f.segments, held{segment: s})
		}
	}
	if len(f.segments) > 1 {
		f.segments = []held{{segment: mergeSegments(f.segments)}}
	}
	return f, seq, nil
}

// readFacts reads the documents with ordinals from from, to excluded.
func (ix *Index) readFacts(r pebble.Reader, from, to uint64) ([]fact, error) {
	end := after([]byte(prefixDoc))
	if to <= 1<<32-1 {
		end = docKey(uint32(to))
	}
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: docKey(uint32(from)), UpperBound: end})
	if err != nil {
		return nil, fmt.Errorf("index: read: %w", err)
	}
	var docs []fact
	for ok := it.First(); ok; ok = it.Next() {
		rec, err := decodeRecord(it.Value())
		if err != nil {
			return nil, errors.Join(err, it.Close())
		}
		docs = append(docs, ix.factOf(ordinalAt(it.Key(), len(prefixDoc)), rec.ID, rec.Metadata))
	}
	return docs, it.Close()
}

// catchUp brings facts that nobody else has from a sequence to what the store has
// now; with the write lock held that is the present.
func (ix *Index) catchUp(f *facts, seq *uint64) error {
	now, err := ix.counter(keySeq)
	if err != nil || now == *seq {
		return err
	}
	if now < *seq {
		return fmt.Errorf("the columns are of sequence %d, the store is at %d", *seq, now)
	}
	ids, last := map[string]bool{}, *seq
	err = ix.eachBetween(logKey(*seq+1), logEnd(), func(key, value []byte) error {
		c, err := decodeLog(key, value)
		if err != nil {
			return err
		}
		if c.Seq == last+1 {
			last = c.Seq
		}
		for _, item := range c.Items {
			ids[item.ID] = true
		}
		return context.Cause(ix.keeper.stop)
	})
	if err != nil {
		return err
	}
	if last < now {
		return fmt.Errorf("the changes since sequence %d are no longer kept", *seq)
	}
	*seq = last
	return ix.refresh(f, ids)
}

// refresh reads documents again.
func (ix *Index) refresh(f *facts, ids map[string]bool) error {
	b := burial{segments: f.segments}
	for i, h := range f.segments {
		cursor := h.ids.Cursor(0)
		h.docs.Each(func(_ int, place uint32) {
			if id, ok := cursor.Next(); ok && ids[string(id)] {
				b.ownDead(i).Add(place)
			}
		})
	}
	f.recent = slices.DeleteFunc(f.recent, func(d fact) bool { return ids[d.id] })
	var ords []uint32
	for id := range ids {
		ord, err := ordinalOf(ix.db, id)
		if err == nil {
			ords = append(ords, ord)
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	slices.Sort(ords)
	for part := range slices.Chunk(ords, chunk) {
		if err := ix.addFacts(f, part); err != nil {
			return err
		}
	}
	return nil
}

// addFacts reads the documents with some ordinals; those that went since are in the
// log.
func (ix *Index) addFacts(f *facts, ords []uint32) error {
	docs := make([]fact, 0, len(ords))
	for _, ord := range ords {
		rec, _, err := recordOf(ix.db, ord)
		if err == nil {
			docs = append(docs, ix.factOf(ord, rec.ID, rec.Metadata))
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	if len(docs) < ix.opts.seal {
		f.recent = append(f.recent, docs...)
		return nil
	}
	f.segments = append(f.segments, held{segment: segmentOf(docs)})
	return context.Cause(ix.keeper.stop)
}
