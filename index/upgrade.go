package index

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// formatVersion is what the keys of keys.go are. Format 1 had no past: nothing
// under past/, end/, was/, turn/ and meta/asof.
const formatVersion = "2"

// beforeDir holds the store as it was before its format was changed.
const beforeDir = "before-2"

func (ix *Index) checkFormat() error {
	value, err := ix.get([]byte(keyFormat))
	switch {
	case errors.Is(err, ErrNotFound):
		return ix.db.Set([]byte(keyFormat), []byte(formatVersion), syncWrites)
	case err != nil:
		return err
	case string(value) == "1":
		return ix.upgrade()
	case string(value) != formatVersion:
		return fmt.Errorf("index: the directory has format %q, this emblem reads %q; use the version that wrote it", value, formatVersion)
	}
	return nil
}

// upgrade makes format 1 format 2, in one batch, after it has put the store as it
// is aside. The past begins now.
func (ix *Index) upgrade() error {
	if err := ix.putAside(); err != nil {
		return fmt.Errorf("index: keeping the old format in %s: %w", beforeDir, err)
	}
	next, err1 := ix.counter(keyNext)
	seq, err2 := ix.counter(keySeq)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	b := ix.db.NewBatch()
	defer b.Close()
	b.Set([]byte(keyAsOf), horizon{seq, uint32(next)}.encode(), nil)
	b.Set([]byte(keyFormat), []byte(formatVersion), nil)
	if err := b.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("index: write: %w", err)
	}
	return nil
}

// putAside makes a copy of the store, of hard links mostly, that the version
// before can open.
func (ix *Index) putAside() error {
	fs := ix.fs()
	dir := fs.PathJoin(ix.dir, beforeDir)
	making := dir + ".new"
	for _, old := range []string{making, dir} {
		if err := fs.RemoveAll(old); err != nil {
			return err
		}
	}
	if err := ix.db.Checkpoint(making, pebble.WithFlushedWAL()); err != nil {
		return err
	}
	if err := fs.Rename(making, dir); err != nil {
		return err
	}
	return syncDir(fs, ix.dir)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
