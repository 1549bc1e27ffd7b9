package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/emblem-search/emblem/internal/words"
)

// The words of documents lie in DIR/derived/words; which files they are is in the
// store. What the files do not know yet, or know wrongly, is stale: those documents are
// read from the store, by every search, until they are folded into the files in the
// background. So an answer is the same whatever the files know; after damage all is
// stale and the files begin empty.
const (
	keyWords = "meta/derived/words"
	legWords = "words"

	foldAt   = 512             // stale documents are worth a file
	foldMost = 8192            // documents a file, at first
	foldIdle = 2 * time.Second // without writes, after which fewer are folded
	foldWait = 5 * time.Second // after trouble
)

// wordsLeg looks after the words of an index.
type wordsLeg struct {
	ix *Index

	start  sync.Once
	opened chan struct{} // closed when files and stale are known
	failed error         // why they are not, after opened
	stop   context.Context
	end    context.CancelFunc
	wake   chan struct{}
	work   sync.WaitGroup

	folding sync.Mutex // held while files are written or made anew

	mu    sync.Mutex
	files *words.Index // nil where there is no disk
	stale *roaring.Bitmap
	again *roaring.Bitmap  // stale since the running fold began
	bad   bool             // the files must be made anew
	said  map[uint32]heard // of stale documents
	notes uint64           // how often documents became stale
}

// heard is what was read of a stale document.
type heard struct {
	note  uint64 // when it became stale
	known bool
	terms *words.Terms // nil for none
}

func newWordsLeg(ix *Index) *wordsLeg {
	l := &wordsLeg{ix: ix, opened: make(chan struct{}), wake: make(chan struct{}, 1),
		stale: roaring.New(), again: roaring.New(), said: map[uint32]heard{}}
	l.stop, l.end = context.WithCancel(context.Background())
	return l
}

// begin opens the files in the background, once.
func (l *wordsLeg) begin() {
	l.start.Do(func() {
		l.work.Go(func() {
			l.failed = l.open()
			close(l.opened)
			if l.failed == nil && l.files != nil {
				l.tend()
			}
		})
	})
}

// note marks the documents of a write. The caller holds the write lock.
func (l *wordsLeg) note(w *writer) {
	l.mu.Lock()
	for _, item := range w.log {
		l.touch(item.Ordinal)
	}
	for _, ord := range w.ended {
		l.touch(ord)
	}
	l.mu.Unlock()
	l.begin()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// touch makes a document stale. The caller holds the lock.
func (l *wordsLeg) touch(ord uint32) {
	l.stale.Add(ord)
	l.again.Add(ord)
	l.notes++
	l.said[ord] = heard{note: l.notes}
}

// close folds what is left and lets the files go.
func (l *wordsLeg) close() {
	l.end()
	l.work.Wait()
	l.start.Do(func() { close(l.opened) })
	if l.files == nil {
		return
	}
	if n := l.stale.GetCardinality(); n > 0 && n <= foldMost {
		if _, err := l.foldSome(1); err != nil {
			l.ix.logf("index: the words of %d documents are not saved: %v", n, err)
		}
	}
	l.files.Close()
}

func (l *wordsLeg) dir() string { return filepath.Join(l.ix.dir, "derived", legWords) }

// open reads the files and finds out what is stale.
func (l *wordsLeg) open() error {
	if l.ix.opts.fs != nil { // no disk: all is read from the store
		return l.allStale()
	}
	manifest, err := l.ix.get([]byte(keyWords))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	files, err := l.openFiles(manifest)
	if err == nil && manifest != nil {
		err = l.catchUp(files)
	}
	if err == nil {
		l.files = files
		if manifest == nil {
			return l.allStale()
		}
		return nil
	}
	if !errors.Is(err, words.ErrDamaged) && !errors.Is(err, ErrTrimmed) {
		return err
	}
	l.ix.logf("index: the words are read anew: %v", err)
	if files != nil {
		files.Close()
	}
	return l.restart()
}

func (l *wordsLeg) openFiles(manifest []byte) (*words.Index, error) {
	return words.Open(words.Options{
		Dir:         l.dir(),
		Manifest:    manifest,
		Fingerprint: l.ix.opts.textSight(),
		Save:        func(m []byte) error { return l.ix.db.Set([]byte(keyWords), m, syncWrites) },
	})
}

// restart moves the files into quarantine and begins with none.
func (l *wordsLeg) restart() error {
	l.quarantine()
	if err := l.ix.db.Delete([]byte(keyWords), syncWrites); err != nil {
		return err
	}
	files, err := l.openFiles(nil)
	if err != nil {
		return err
	}
	if err := l.allStale(); err != nil {
		files.Close()
		return err
	}
	l.mu.Lock()
	l.files, l.bad = files, false
	l.mu.Unlock()
	return nil
}

// quarantine keeps the damaged files to be looked at; of earlier ones it keeps none.
func (l *wordsLeg) quarantine() {
	to := filepath.Join(l.ix.dir, "derived", "quarantine")
	if old, err := filepath.Glob(filepath.Join(to, legWords+"-*")); err == nil {
		for _, path := range old {
			os.RemoveAll(path)
		}
	}
	err := os.MkdirAll(to, 0o755)
	if err == nil {
		err = os.Rename(l.dir(), filepath.Join(to, fmt.Sprintf("%s-%020d", legWords, time.Now().UnixNano())))
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		l.ix.logf("index: the damaged words are not kept: %v", err)
		os.RemoveAll(l.dir())
	}
}

// allStale marks every document.
func (l *wordsLeg) allStale() error {
	all, err := l.ix.living()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stale.Or(all)
	return nil
}

// living are the ordinals of all documents in the store.
func (ix *Index) living() (*roaring.Bitmap, error) {
	all := roaring.New()
	err := ix.each([]byte(prefixDoc), func(key, _ []byte) error {
		all.Add(ordinalAt(key, len(prefixDoc)))
		return nil
	})
	return all, err
}

// catchUp marks what changed since the files were written, and what they have that
// is no longer there.
func (l *wordsLeg) catchUp(files *words.Index) error {
	now, err := l.ix.counter(keySeq)
	if err != nil || now == files.Seq() {
		return err
	}
	if now < files.Seq() {
		return fmt.Errorf("%w: they are of sequence %d, the store is at %d", words.ErrDamaged, files.Seq(), now)
	}
	oldest, err := l.ix.counter(keyOldest)
	if err != nil {
		return err
	}
	if files.Seq()+1 < oldest {
		return fmt.Errorf("%w: the words are of sequence %d", ErrTrimmed, files.Seq())
	}
	changed := roaring.New()
	err = l.ix.eachBetween(logKey(files.Seq()+1), logEnd(), func(key, value []byte) error {
		c, err := decodeLog(key, value)
		for _, item := range c.Items {
			changed.Add(item.Ordinal)
		}
		return err
	})
	if err != nil {
		return err
	}
	living, err := l.ix.living()
	if err != nil {
		return err
	}
	changed.Or(roaring.AndNot(files.Ordinals(), living))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stale.Or(changed)
	return nil
}

// tend folds and merges until the index is closed.
func (l *wordsLeg) tend() {
	merges := make(chan struct{}, 1)
	idle := time.NewTimer(foldIdle)
	defer idle.Stop()
	for {
		err := l.tendOnce(merges)
		pause := foldIdle
		if err != nil {
			l.ix.logf("index: words: %v", err)
			if pause = foldWait; errors.Is(err, words.ErrDamaged) {
				pause = foldWait / 50
			}
		}
		idle.Reset(pause)
		select {
		case <-l.stop.Done():
			return
		case <-l.wake:
			if err != nil {
				select {
				case <-l.stop.Done():
					return
				case <-idle.C:
				}
			}
		case <-idle.C:
			if _, err := l.foldSome(1); err != nil {
				l.ix.logf("index: words: %v", err)
			}
		}
	}
}

// tendOnce does what is due.
func (l *wordsLeg) tendOnce(merges chan struct{}) error {
	for l.stop.Err() == nil {
		more, err := l.foldSome(foldAt)
		if err != nil || !more {
			return err
		}
		l.merge(merges)
	}
	return nil
}

// foldSome makes the files anew if they must be and folds stale documents if there are at
// least some. It says whether it did.
func (l *wordsLeg) foldSome(least uint64) (bool, error) {
	l.folding.Lock()
	defer l.folding.Unlock()
	l.mu.Lock()
	bad := l.bad
	l.mu.Unlock()
	if bad {
		l.files.Close()
		if err := l.restart(); err != nil {
			return false, err
		}
	}
	l.mu.Lock()
	n := l.stale.GetCardinality()
	l.mu.Unlock()
	if n < least {
		return false, nil
	}
	return true, l.hurt(l.fold())
}

// hurt notes that files are damaged.
func (l *wordsLeg) hurt(err error) error {
	if errors.Is(err, words.ErrDamaged) {
		l.mu.Lock()
		l.bad = true
		l.mu.Unlock()
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return err
}

// merge joins files, beside the folding.
func (l *wordsLeg) merge(running chan struct{}) {
	select {
	case running <- struct{}{}:
		l.mu.Lock()
		files := l.files
		l.mu.Unlock()
		l.work.Go(func() {
			if err := files.Merge(func() bool { return l.stop.Err() != nil }); err != nil {
				l.ix.logf("index: words: %v", l.hurt(err))
			}
			<-running
		})
	default:
	}
}

// fold writes stale documents into the files. The caller holds folding, or is close.
func (l *wordsLeg) fold() error {
	if err := l.files.Check(); err != nil {
		return err
	}
	l.mu.Lock()
	batch := firstOf(l.stale, foldMost)
	whole := batch.GetCardinality() == l.stale.GetCardinality()
	l.again = roaring.New()
	seq := l.ix.view.Load().seq
	l.mu.Unlock()
	if !whole {
		seq = l.files.Seq()
	}
	snap := l.ix.db.NewSnapshot()
	defer snap.Close()
	now, err := l.ix.termsAt(&moment{store: snap, next: math.MaxUint32, touched: roaring.New()}, batch.ToArray(), words.Analyse)
	if err != nil {
		return err
	}
	if err := l.files.Fold(seq, batch, now); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	batch.AndNot(l.again)
	l.stale.AndNot(batch)
	for it := batch.Iterator(); it.HasNext(); {
		delete(l.said, it.Next())
	}
	return nil
}

func firstOf(set *roaring.Bitmap, n int) *roaring.Bitmap {
	if set.GetCardinality() <= uint64(n) {
		return set.Clone()
	}
	list := make([]uint32, n)
	it := set.ManyIterator()
	return roaring.BitmapOf(list[:it.NextMany(list)]...)
}
