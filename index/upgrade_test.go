package index

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// older turns an index into one of format 1.
func older(t *testing.T, fs vfs.FS) {
	t.Helper()
	db, err := openStore("crash", Options{fs: fs})
	check(t, err)
	b := db.NewBatch()
	check(t, eachOrdinal(db, []byte(prefixEnd), func(ord uint32) { check(t, b.Delete(vecKey("v", ord, 0), nil)) }))
	for _, prefix := range []string{prefixPast, prefixEnd, prefixWas, prefixTurn, keyAsOf} {
		check(t, b.DeleteRange([]byte(prefix), after([]byte(prefix)), nil))
	}
	check(t, b.Set([]byte(keyFormat), []byte("1"), nil))
	check(t, b.Commit(pebble.Sync))
	check(t, db.Close())
}

func formatIn(t *testing.T, fs vfs.FS, dir string) string {
	t.Helper()
	db, err := openStore(dir, Options{fs: fs})
	check(t, err)
	defer db.Close()
	value, err := read(db, []byte(keyFormat))
	check(t, err)
	return string(value)
}

// An index of format 1 opens, keeps what it holds and a way back, and has a past
// from then on.
func TestUpgrade(t *testing.T) {
	fs := vfs.NewCrashableMem()
	ix := mustOpen(t, fs)
	check(t, ix.Define(asofSpace))
	for n := range 12 {
		crashWrite(t, ix, n)
	}
	check(t, ix.Close())
	older(t, fs)
	ix = mustOpen(t, fs)
	crashWrite(t, ix, 12)
	check(t, ix.Close())
	verifyPrefix(t, mustOpen(t, fs), 13)
	ix = mustOpen(t, fs)
	defer ix.Close()
	if _, err := ix.GetAsOf("last", 11); !errors.Is(err, ErrTrimmed) {
		t.Errorf("as of a time before the upgrade: %v; want ErrTrimmed", err)
	}
	d, err := ix.GetAsOf("last", 12)
	check(t, err)
	if d.Metadata["n"] != int64(11) {
		t.Errorf("as of the upgrade: %+v", d)
	}
	if got := formatIn(t, fs, "crash/"+beforeDir); got != "1" {
		t.Errorf("the way back has format %q", got)
	}
}

// A power cut at any operation of the upgrade loses nothing.
func TestUpgradeCrash(t *testing.T) {
	for at := 1; ; at++ {
		fs := vfs.NewCrashableMem()
		ix := mustOpen(t, fs)
		check(t, ix.Define(asofSpace))
		crashWrite(t, ix, 0)
		check(t, ix.Close())
		older(t, fs)
		var left atomic.Int64
		var crashed atomic.Pointer[vfs.MemFS]
		left.Store(int64(at))
		counting := errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && left.Add(-1) == 0 {
				crashed.Store(fs.CrashClone(vfs.CrashCloneCfg{}))
			}
			return nil
		}))
		ix, err := Open("crash", Options{fs: counting, tune: calm})
		check(t, err)
		disk := crashed.Load()
		check(t, ix.Close())
		if disk == nil {
			return
		}
		verifyPrefix(t, mustOpen(t, disk), 1)
	}
}

// calm keeps Pebble from calling the file system from several goroutines.
func calm(o *pebble.Options) { o.DisableTableStats, o.DisableAutomaticCompactions = true, true }
