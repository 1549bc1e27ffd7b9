package index

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// openStore opens the directory of the store. The store would try for ever to
// write what it has to write before it is open; here the first failure ends the
// waiting, and the store is closed if it opens after all.
func openStore(dir string, opts Options) (*pebble.DB, error) {
	type opened struct {
		db  *pebble.DB
		err error
	}
	done, trouble := make(chan opened, 1), make(chan error, 1)
	var open atomic.Bool
	listener := &pebble.EventListener{BackgroundError: func(err error) {
		if open.Load() {
			storeLogger{opts}.Errorf("%v", err)
			return
		}
		select {
		case trouble <- err:
		default:
		}
		time.Sleep(retryGap)
	}, DataCorruption: func(info pebble.DataCorruptionInfo) {
		// The reader gets an error; the default would end the process.
		storeLogger{opts}.Errorf("%v", info)
	}}
	go func() {
		db, err := pebble.Open(dir, storeOptions(opts, listener))
		open.Store(true)
		done <- opened{db, err}
	}()
	select {
	case o := <-done:
		return o.db, openError(dir, o.err)
	case err := <-trouble:
		go func() {
			if o := <-done; o.err == nil {
				o.db.Close()
			}
		}()
		return nil, openError(dir, err)
	}
}

// retryGap slows down a store that tries to open again and again.
const retryGap = 100 * time.Millisecond

func storeOptions(opts Options, listener *pebble.EventListener) *pebble.Options {
	cacheBytes := opts.CacheBytes
	if cacheBytes == 0 {
		cacheBytes = 64 << 20
	}
	o := &pebble.Options{
		FS:                 opts.fs,
		CacheSize:          cacheBytes,
		MemTableSize:       16 << 20,
		FormatMajorVersion: pebble.FormatNewest,
		EventListener:      listener,
		Logger:             storeLogger{opts},
	}
	if opts.crowd != nil {
		o.WALMinSyncInterval = opts.crowd.pause
	}
	o.Levels[0].FilterPolicy = bloom.FilterPolicy(10) // most ids that are looked up are new
	if opts.tune != nil {
		opts.tune(o)
	}
	return o
}

func openError(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case isLocked(err):
		return fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	if isDamage(err) {
		return fmt.Errorf("index: %s is damaged: %w; restore a backup", dir, err)
	}
	return fmt.Errorf("index: open %s: %w", dir, err)
}

// isDamage recognises a store that cannot be opened for what its files are: none
// of the system's refusals but that a file is missing.
func isDamage(err error) bool {
	var refusal syscall.Errno
	return pebble.IsCorruptionError(err) || errors.Is(err, os.ErrNotExist) || !errors.As(err, &refusal)
}

// readError says what reading the store came to.
func readError(err error) error {
	switch {
	case err == nil:
		return nil
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("index: the store is damaged: %w; restore a backup", err)
	}
	return fmt.Errorf("index: read: %w", err)
}

// isLocked recognises the store's refusal to open a directory twice, whether by
// another process or by this one.
func isLocked(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) && !errors.Is(err, os.ErrPermission) ||
		err != nil && strings.Contains(err.Error(), "lock held by current process")
}

// storeLogger passes on the store's errors and nothing else.
type storeLogger struct{ opts Options }

func (l storeLogger) Infof(string, ...any) {}

func (l storeLogger) Errorf(format string, args ...any) {
	if l.opts.Logf != nil {
		l.opts.Logf(format, args...)
	}
}

func (l storeLogger) Fatalf(format string, args ...any) {
	err := &storeError{message: "index: the store cannot go on: " + fmt.Sprintf(format, args...)}
	for _, a := range args {
		if cause, ok := a.(error); ok {
			err.cause = cause
		}
	}
	if l.opts.Fatal != nil {
		l.opts.Fatal(err)
	}
	panic(err)
}

// storeError is an error that the store words itself.
type storeError struct {
	message string
	cause   error
}

func (e *storeError) Error() string { return e.message }
func (e *storeError) Unwrap() error { return e.cause }
