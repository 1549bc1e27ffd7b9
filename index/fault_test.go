package index_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/index/indextest"
)

var everyFault = flag.Bool("every-fault", false, "TestFaults fails every call of the file system, not one in a few")

// mode is how a disk fails from one of its calls on.
type mode string

const (
	once    mode = "once"
	forGood mode = "for good"
	full    mode = "full" // no room: what writes fails, and says so
	locked  mode = "read-only"
)

// errno is what a disk says of which all that writes fails, or 0.
func (m mode) errno() syscall.Errno {
	return map[mode]syscall.Errno{full: syscall.ENOSPC, locked: syscall.EROFS}[m]
}

// When any one call of the file system fails, or all from it on, or all that
// write, no answer is wrong and no acknowledged write is lost. A disk without
// room, or one that has become read-only, is called that and can be searched.
func TestFaults(t *testing.T) {
	calls := newTrial(0, once).run(t)
	stride := max(1, calls/25)
	if *everyFault {
		stride = 1
	}
	t.Logf("%d calls of the file system, every %dth fails", calls, stride)
	for at := int64(1); at <= calls; at += stride {
		for _, m := range []mode{once, forGood, full, locked} {
			t.Run(fmt.Sprintf("%d,%s", at, m), func(t *testing.T) { newTrial(at, m).run(t) })
		}
	}
}

// trial is a short life of an index on a disk that fails at one of its calls.
type trial struct {
	disk    *vfs.MemFS
	at      int64 // the call that fails, from 1; 0 is none
	mode    mode
	calls   atomic.Int64
	failed  sync.Map // what failed, for messages
	mu      sync.Mutex
	states  []*indextest.Model // in which the index may be
	died    chan struct{}      // closed when the process would have ended
	end     sync.Once
	why     atomic.Pointer[error] // the process ended
	healthy atomic.Bool           // nothing fails any more
}

func newTrial(at int64, m mode) *trial {
	empty := indextest.NewModel()
	empty.Spaces[indextest.Space.Name] = indextest.Space
	return &trial{disk: vfs.NewCrashableMem(), at: at, mode: m, died: make(chan struct{}), states: []*indextest.Model{empty}}
}

func (l *trial) inject(op errorfs.Op) error {
	select {
	case <-l.died:
		select {} // nothing happens any more
	default:
	}
	n := l.calls.Add(1)
	if l.at == 0 || l.healthy.Load() || n < l.at || l.mode == once && n > l.at || l.mode.errno() != 0 && !l.mode.refuses(op) {
		return nil
	}
	l.failed.Store(n, fmt.Sprintf("%v %s", op.Kind, op.Path))
	err := error(errorfs.ErrInjected)
	if errno := l.mode.errno(); errno != 0 {
		err = &fs.PathError{Op: "write", Path: op.Path, Err: errno}
	}
	if endsProcess(op) {
		l.fatal(err)
	}
	return err
}

// refuses says whether an operation fails on a disk that is full or read-only.
func (m mode) refuses(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpLink, errorfs.OpRename, errorfs.OpReuseForWrite, errorfs.OpMkdirAll, errorfs.OpFilePreallocate,
		errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo, errorfs.OpFileFlush:
		return true
	case errorfs.OpRemove, errorfs.OpRemoveAll, errorfs.OpLock:
		return m == locked
	}
	return false
}

// surfaced holds an error of a call against how the disk fails.
func (l *trial) surfaced(call string, err error) error {
	if errno := l.mode.errno(); err != nil && errno != 0 && !errors.Is(err, errno) {
		return fmt.Errorf("%s on a disk that is %s: %w", call, l.mode, err)
	}
	return nil
}

// endsProcess says whether Pebble panics when this fails: it does not go on when
// a directory that tells which manifest counts could not be synced.
func endsProcess(op errorfs.Op) bool {
	var stack [4096]byte
	n := runtime.Stack(stack[:], false)
	return op.Kind == errorfs.OpFileSync && bytes.Contains(stack[:n], []byte("atomicfs.(*Marker).Move"))
}

// run lives the life, then looks at what is left of it on healthy disks: the
// disk as it is, and as it is after a power cut.
func (l *trial) run(t *testing.T) int64 {
	over := make(chan error, 1)
	go func() { over <- l.live() }()
	select {
	case err := <-over:
		if err != nil {
			t.Error(err)
		}
	case <-l.died:
		if err := l.surfaced("the end of the process", *l.why.Load()); err != nil {
			t.Error(err)
		}
	}
	l.healthy.Store(true)
	for _, percent := range []int{100, 0} {
		rest := l.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(1, 2))})
		ix, err := index.Open("index", index.OnDisk(rest, index.Early(index.Options{})))
		if err != nil {
			t.Fatalf("on a healthy disk with %d %% of what was not synced: %v", percent, err)
		}
		if err := l.verify(ix); err != nil {
			t.Errorf("on a healthy disk with %d %% of what was not synced: %v", percent, err)
		}
		ix.Close()
	}
	if t.Failed() {
		l.failed.Range(func(n, what any) bool { t.Logf("call %v failed: %v", n, what); return n.(int64) < l.at+5 })
	}
	return l.calls.Load()
}

// live opens the index three times and writes and searches in between. Errors
// are no failure; wrong answers are.
func (l *trial) live() error {
	for round := range 3 {
		o := index.Early(index.Tuned(quiet, index.Options{Fatal: l.fatal}))
		ix, err := index.Open("index", index.OnDisk(errorfs.Wrap(l.disk, errorfs.InjectorFunc(l.inject)), o))
		if err != nil {
			return l.surfaced("Open", err)
		}
		for n := range 6 {
			if err := errors.Join(l.write(ix, round*6+n), l.look(ix)); err != nil {
				ix.Close()
				return err
			}
		}
		if err := ix.Close(); err != nil {
			return l.surfaced("Close", err)
		}
	}
	return nil
}

// quiet keeps Pebble from working in the background while its Open may still
// fail, after which such work panics.
func quiet(o *pebble.Options) { o.DisableTableStats, o.DisableAutomaticCompactions = true, true }

// fatal is the end of the process.
func (l *trial) fatal(err error) {
	l.why.CompareAndSwap(nil, &err)
	l.end.Do(func() { close(l.died) })
	select {}
}

// write puts, hides and deletes documents. What fails may have been done or not.
func (l *trial) write(ix *index.Index, n int) error {
	if err := ix.Define(indextest.Space); err != nil {
		return l.surfaced("Define", err)
	}
	changes := faultChanges(n)
	before := l.present()
	var after []*indextest.Model
	for _, m := range before {
		next := m.Clone()
		for _, c := range changes {
			next.Apply(c)
		}
		after = append(after, next)
	}
	l.become(append(slices.Clone(after), before...)) // until it is acknowledged
	_, err := ix.Apply(context.Background(), changes)
	if err == nil {
		l.become(after)
	}
	return l.surfaced("Apply", err)
}

func faultChanges(n int) []index.Change {
	r := rand.New(rand.NewPCG(uint64(n), 3))
	doc := func(i int) index.Document {
		d := indextest.Doc(fmt.Sprint(i), indextest.Vector(r))
		d.Metadata = map[string]any{"n": int64(n)}
		return d
	}
	hidden := doc(n - 1)
	hidden.Hidden = true
	return []index.Change{
		{Action: index.Put, Document: doc(n)},
		{Action: index.Put, Document: doc(n % 4)},
		{Action: index.Update, Document: hidden},
		{Action: index.Delete, Document: index.Document{ID: fmt.Sprint(n - 5)}},
	}
}

// look searches with and without a filter and reads; what fails is no answer.
func (l *trial) look(ix *index.Index) error {
	filter, err := index.ParseFilter("n>=3")
	if err != nil {
		return err
	}
	for _, f := range []*index.Filter{nil, filter} {
		q := indextest.Vector(rand.New(rand.NewPCG(uint64(l.calls.Load()), 2)))
		found, err := ix.Search(context.Background(), index.Query{Space: indextest.Space.Name, Vector: q, Limit: 7, Filter: f})
		hits := found.Hits
		if err != nil && l.mode.errno() != 0 && len(ix.Spaces()) > 0 {
			return fmt.Errorf("a search on a disk that is %s: %w", l.mode, err)
		}
		if err != nil {
			continue
		}
		err = l.any(func(m *indextest.Model) error {
			passes := func(d index.Document) bool { return f == nil || d.Metadata["n"].(int64) >= 3 }
			return m.Check(indextest.Space.Name, hits, m.Rank(indextest.Space.Name, q, passes), 7)
		})
		if err != nil {
			return fmt.Errorf("a search: %w", err)
		}
	}
	return nil
}

func (l *trial) present() []*indextest.Model {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.states
}

func (l *trial) become(states []*indextest.Model) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states = states
}

// any returns nil if f holds of one of the states.
func (l *trial) any(f func(*indextest.Model) error) error {
	var all []error
	for _, m := range l.present() {
		err := f(m)
		if err == nil {
			return nil
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// verify compares a whole index with the states.
func (l *trial) verify(ix *index.Index) error {
	if err := l.any(func(m *indextest.Model) error { return m.Compare(ix) }); err != nil {
		return err
	}
	return l.look(ix)
}
