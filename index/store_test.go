package index

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// full is a disk that has no room, while it is full, for files whose names
// contain what.
func full(fs vfs.FS, what string, isFull *atomic.Bool) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if isFull.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.Contains(op.Path, what) {
			return syscall.ENOSPC
		}
		return nil
	}))
}

// written is a store of three writes that are only in its log.
func written(t *testing.T) vfs.FS {
	fs := vfs.NewCrashableMem()
	ix := mustOpen(t, fs)
	check(t, ix.Define(Space{Name: "v", Dim: 2, Encoder: "e", Fingerprint: "f"}))
	for n := range 3 {
		crashWrite(t, ix, n)
	}
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	check(t, ix.Close())
	return crashed
}

// A store that cannot write what it has to before it opens says so, instead of
// trying for ever. When there is room again, nothing is lost.
func TestOpenOnFullDisk(t *testing.T) {
	var isFull atomic.Bool
	isFull.Store(true)
	fs := full(written(t), ".sst", &isFull)
	if _, err := Open("crash", Options{fs: fs}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
	isFull.Store(false)
	ix, err := Open("crash", Options{fs: fs})
	for errors.Is(err, ErrLocked) { // until the first try has noticed
		time.Sleep(time.Millisecond)
		ix, err = Open("crash", Options{fs: fs})
	}
	check(t, err)
	verifyPrefix(t, ix, 3)
}

// What no caller waits for goes to Fatal, as an error that says why.
func TestFatal(t *testing.T) {
	got := make(chan error)
	fatal := func(err error) {
		got <- err
		select {}
	}
	var isFull atomic.Bool
	isFull.Store(true)
	fs := full(written(t), "MANIFEST", &isFull)
	go Open("crash", Options{fs: fs, Fatal: fatal})
	if err := <-got; !errors.Is(err, syscall.ENOSPC) || !strings.HasPrefix(err.Error(), "index: the store cannot go on") {
		t.Fatalf("got %v", err)
	}
}
