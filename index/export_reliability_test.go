package index

import (
	"context"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// OnDisk returns options for an index on another file system, for tests outside
// the package.
func OnDisk(fs vfs.FS, o Options) Options {
	o.fs = fs
	return o
}

// Tuned returns options for an index whose store has other options.
func Tuned(tune func(*pebble.Options), o Options) Options {
	o.tune = tune
	return o
}

// Early returns options for an index that makes derived files of a few documents.
func Early(o Options) Options {
	o.seal = 8
	o.pace = pace{codesFrom: 24, graphFrom: 80, exactTo: 1 << 20, move: 8, quiet: time.Millisecond, flush: 32, check: 20 * time.Millisecond, own: 30}
	return o
}

// RestoreOn is RestoreBackup of the newest backup, on another file system.
func RestoreOn(fs vfs.FS, dir, target string) error {
	_, err := restoreBackup(context.Background(), fs, dir, "", target)
	return err
}
