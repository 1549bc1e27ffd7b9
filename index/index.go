package index

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options say how an index is opened. The zero value is right.
type Options struct {
	// CacheBytes bounds the memory for blocks of the store; 0 means 64 MiB.
	// Vectors have their own memory.
	CacheBytes int64

	// RowCacheBytes bounds the memory for vectors in float32 that searches compare
	// exactly, beside codes and graph; 0 means 128 MiB.
	RowCacheBytes int64

	// LogRetention is how long the past is kept, for Changes and for queries as of
	// an earlier sequence; 0 means 24 hours. Documents that were deleted or replaced
	// take room as long.
	LogRetention time.Duration

	// Logf receives what the store has to say about trouble; nil drops it.
	Logf func(format string, args ...any)

	// Fatal is called when the store cannot go on, such as when its disk is full
	// in the middle of a change of its files; it must not return. What was
	// acknowledged is there at the next Open. nil means panic.
	Fatal func(error)

	// Private are names of metadata that filters and words do not see.
	Private []string

	// Text are the fields whose words can be searched for; nil means DefaultText.
	// Private ones are left out.
	Text []string

	fs   vfs.FS                // the file system; nil means the disk. Tests crash it.
	tune func(*pebble.Options) // nil, or a test's changes
	seal int                   // sealAt, or a test's
	pace pace                  // usualPace, or a test's

	crowd *commitCrowd // who is writing
}

// An Index is an open directory of documents. Its methods may be called from
// many goroutines.
type Index struct {
	db    *pebble.DB
	opts  Options
	dir   string
	view  atomic.Pointer[view]
	users sync.WaitGroup // running calls

	keeper factKeeper // of view.facts
	words  *wordsLeg
	acked  *witness

	write sync.Mutex // held while a write gets its ordinals and its place in the order
	next  uint32     // next ordinal

	writes bell // rings when one is seen

	crowd    crowd // searches of shelves
	tender   tender
	rowCache rowCache
	sampler  sampler
	counted  atomic.Pointer[counted]
	damages  atomic.Int64 // derived files of vectors that were found damaged

	backing  sync.Mutex // held while a backup is made
	trimming sync.Mutex // held while the past is forgotten
	trimmer  trimmer

	life   sync.Mutex
	closed bool
}

var syncWrites = pebble.Sync

// Open opens the index in dir, making it if there is none. It returns ErrLocked
// when another process has it open.
func Open(dir string, opts Options) (*Index, error) {
	if opts.LogRetention == 0 {
		opts.LogRetention = 24 * time.Hour
	}
	if opts.seal == 0 {
		opts.seal = sealAt
	}
	if opts.pace == (pace{}) {
		opts.pace = usualPace
	}
	if opts.RowCacheBytes == 0 {
		opts.RowCacheBytes = 128 << 20
	}
	acked := newWitness(dir, opts)
	if err := acked.checkManifest(); err != nil {
		return nil, err
	}
	opts.crowd = &commitCrowd{}
	db, err := openStore(dir, opts)
	if err != nil {
		return nil, err
	}
	ix := &Index{db: db, opts: opts, dir: dir, acked: acked}
	ix.rowCache.budget = int(opts.RowCacheBytes)
	ix.words = newWordsLeg(ix)
	if err := ix.restore(); err != nil {
		db.Close()
		return nil, err
	}
	ix.startTrimming()
	return ix, nil
}

// restore reads what has to be in memory: schema, counters, hidden documents.
// Vectors wait for the first search.
func (ix *Index) restore() error {
	if err := ix.checkFormat(); err != nil {
		return err
	}
	v := &view{}
	if value, err := ix.get([]byte(keySchema)); err == nil {
		if err := json.Unmarshal(value, &v.schema); err != nil {
			return fmt.Errorf("index: the schema is damaged: %w", err)
		}
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	next, err1 := ix.counter(keyNext)
	seq, err2 := ix.counter(keySeq)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := ix.acked.checkSeq(seq); err != nil {
		return err
	}
	ix.next, v.next, v.seq = uint32(next), uint32(next), seq
	v.marks = v.marks.cover(ix.next)
	if err := ix.trim(time.Now()); err != nil {
		ix.logf("index: what is older than the retention stays for now: %v", err)
	}
	if err := ix.fs().RemoveAll(ix.fs().PathJoin(ix.dir, checkpointTemp)); err != nil {
		ix.logf("index: what is left of a backup stays for now: %v", err)
	}
	ix.view.Store(v)
	return errors.Join(ix.restoreHidden(v), ix.restoreEnded(v))
}

func (ix *Index) restoreHidden(v *view) error {
	return ix.each([]byte(prefixHid), func(key, _ []byte) error {
		v.marks.hide(ordinalAt(key, len(prefixHid)), true)
		return nil
	})
}

// restoreEnded marks the documents that went within the retention.
func (ix *Index) restoreEnded(v *view) error {
	return ix.each([]byte(prefixEnd), func(key, value []byte) error {
		if len(value) != 8 {
			return errDamagedPast
		}
		v.marks.end(ordinalAt(key, len(prefixEnd)), binary.BigEndian.Uint64(value))
		return nil
	})
}

// Close waits for running calls and closes the store. It is an error to close
// twice.
func (ix *Index) Close() error {
	ix.life.Lock()
	was := ix.closed
	ix.closed = true
	ix.life.Unlock()
	if was {
		return ErrClosed
	}
	ix.writes.ring()
	ix.users.Wait()
	ix.trimmer.end()
	ix.closeFacts()
	ix.closeRows()
	ix.words.close()
	err := ix.db.Close()
	ix.acked.close()
	return err
}

// enter keeps the store open until the returned function is called.
func (ix *Index) enter() (leave func(), err error) {
	ix.life.Lock()
	defer ix.life.Unlock()
	if ix.closed {
		return nil, ErrClosed
	}
	ix.users.Add(1)
	return ix.users.Done, nil
}

// get returns a copy of a key's value or ErrNotFound.
func (ix *Index) get(key []byte) ([]byte, error) { return read(ix.db, key) }

func read(r pebble.Reader, key []byte) ([]byte, error) {
	value, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, readError(err)
	}
	defer closer.Close()
	return append([]byte(nil), value...), nil
}

// counter reads a stored number; one that was never written is 0.
func (ix *Index) counter(key string) (uint64, error) {
	return counterOf(ix.db, key)
}

func counterOf(r pebble.Reader, key string) (uint64, error) {
	value, err := read(r, []byte(key))
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err == nil && len(value) != 8 {
		err = fmt.Errorf("index: %s is damaged", key)
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(value), nil
}

// each calls f for every key under prefix, in order; f must not keep its
// arguments.
func (ix *Index) each(prefix []byte, f func(key, value []byte) error) error {
	return ix.eachBetween(prefix, after(prefix), f)
}

func (ix *Index) eachBetween(from, to []byte, f func(key, value []byte) error) error {
	return eachIn(ix.db, from, to, f)
}

func eachIn(r pebble.Reader, from, to []byte, f func(key, value []byte) error) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return readError(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		if err := f(it.Key(), it.Value()); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	return readError(it.Close())
}
