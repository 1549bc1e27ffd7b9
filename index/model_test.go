package index_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/index/indextest"
)

var (
	histories = flag.Int("histories", 2, "how many random histories TestHistory compares with the model")
	steps     = flag.Int("steps", 3000, "steps of each")
	seed      = flag.Uint64("seed", 1, "seed of the first")
	only      = flag.String("only", "", "numbers of the steps to take, separated by commas; none means all")
)

// Random histories with restarts and power cuts answer as a plain map does. Every
// fifth meets derived files early.
func TestHistory(t *testing.T) {
	for i := range *histories {
		var o index.Options
		if i%5 == 0 {
			o = index.Early(o)
		}
		h := indextest.History{Seed: *seed + uint64(i), Steps: *steps, Only: numbers(t, *only)}
		h.Run(t, func() indextest.Place { return newMachine(o) })
	}
}

// machine is a place whose disk is in memory and whose power can go.
type machine struct {
	options index.Options

	mu   sync.Mutex
	disk *vfs.MemFS
	left int // operations on the disk until the power goes; 0 means that it stays
	cut  func() *vfs.MemFS
}

func newMachine(o index.Options) *machine {
	return &machine{options: o, disk: vfs.NewCrashableMem()}
}

func (m *machine) Open() (indextest.Store, error) {
	ix, err := index.Open("index", index.OnDisk(errorfs.Wrap(m.disk, errorfs.InjectorFunc(m.operation)), m.options))
	return verified{ix}, err
}

// verified is an index that is verified before it is closed.
type verified struct{ *index.Index }

func (v verified) Close() error {
	report, err := v.Verify(context.Background())
	if err == nil && len(report.Findings) > 0 { // a power cut may have taken derived files
		err = fmt.Errorf("verify: %q", report.Findings)
	}
	return errors.Join(err, v.Index.Close())
}

func (m *machine) Backup(s indextest.Store) error {
	_, err := s.(verified).Backup(context.Background(), "backups")
	return err
}

func (m *machine) Restore() error {
	if err := m.disk.RemoveAll("index"); err != nil {
		return err
	}
	return index.RestoreOn(m.disk, "backups", "index")
}

// operation is called before each operation on the disk.
func (m *machine) operation(errorfs.Op) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left > 0 {
		if m.left--; m.left == 0 {
			m.disk = m.cut()
		}
	}
	return nil
}

func (m *machine) Crash(r *rand.Rand, work func()) bool {
	disk, percent := m.disk, r.IntN(101)
	m.mu.Lock()
	m.left = 1 + r.IntN(4)
	m.cut = func() *vfs.MemFS {
		return disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: r})
	}
	m.mu.Unlock()
	work()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		return false
	}
	m.left, m.disk = 0, m.cut()
	return true
}

func numbers(t *testing.T, list string) []int {
	var out []int
	for s := range strings.FieldsFuncSeq(list, func(c rune) bool { return c == ',' || c == ' ' }) {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}
