package index_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/index/indextest"
)

// damages change the bytes of a file.
var damages = map[string]func(*rand.Rand, []byte) []byte{
	"one bit": func(r *rand.Rand, b []byte) []byte {
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		return b
	},
	"a page of zeros": func(r *rand.Rand, b []byte) []byte {
		at := r.IntN(len(b)) &^ 511
		clear(b[at:min(at+512, len(b))])
		return b
	},
	"cut":     func(r *rand.Rand, b []byte) []byte { return b[:r.IntN(len(b))] },
	"emptied": func(_ *rand.Rand, b []byte) []byte { return nil },
	"gone":    nil,
}

// A damaged file of the truth is an error or makes no difference; it is never a
// wrong answer. The end of the log is the exception that cannot be told from a
// write that a power cut tore: then the last writes may be missing, as a whole.
func TestDamagedTruth(t *testing.T) {
	disk, states := damageable(t)
	names, err := disk.List("index")
	check(t, err)
	slices.Sort(names)
	names = slices.DeleteFunc(names, func(name string) bool { return name == "derived" })
	surfaced := map[string]int{}
	for _, name := range names {
		for what, damage := range damages {
			for try := range 4 {
				r := rand.New(rand.NewPCG(uint64(try), uint64(len(name))))
				copied := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: r})
				if !spoil(t, copied, path.Join("index", name), damage, r) {
					continue
				}
				err := answers(copied, states, strings.HasSuffix(name, ".log"))
				var wrong *wrongAnswer
				if errors.As(err, &wrong) {
					t.Errorf("%s, %s: %v", name, what, err)
				} else if err != nil {
					surfaced[path.Ext(name)]++
					t.Logf("%s, %s: %v", name, what, err)
				}
			}
		}
	}
	for _, kind := range []string{".sst", ".log"} {
		if surfaced[kind] == 0 {
			t.Errorf("no damage of a %s surfaced", kind)
		}
	}
}

// damageable returns a disk with a closed index, of tables and a log, and its
// states after each write.
func damageable(t *testing.T) (*vfs.MemFS, []*indextest.Model) {
	t.Helper()
	disk := vfs.NewCrashableMem()
	states := []*indextest.Model{indextest.NewModel()}
	states[0].Spaces[indextest.Space.Name] = indextest.Space
	for round := range 3 { // the writes of one round are in a table from the next on
		ix, err := index.Open("index", index.OnDisk(disk, index.Options{}))
		check(t, err)
		check(t, ix.Define(indextest.Space))
		for n := range 12 {
			changes := faultChanges(round*12 + n)
			_, err := ix.Apply(context.Background(), changes)
			check(t, err)
			next := states[len(states)-1].Clone()
			for _, c := range changes {
				next.Apply(c)
			}
			states = append(states, next)
		}
		check(t, ix.Close())
	}
	return disk, states
}

// spoil damages a file; false means that there is nothing to damage.
func spoil(t *testing.T, disk vfs.FS, name string, damage func(*rand.Rand, []byte) []byte, r *rand.Rand) bool {
	t.Helper()
	if damage == nil {
		check(t, disk.Remove(name))
		return true
	}
	f, err := disk.Open(name)
	check(t, err)
	content, err := io.ReadAll(f)
	check(t, errors.Join(err, f.Close()))
	if len(content) == 0 {
		return false
	}
	out, err := disk.Create(name, vfs.WriteCategoryUnspecified)
	check(t, err)
	_, err = out.Write(damage(r, content))
	check(t, errors.Join(err, out.Sync(), out.Close()))
	return true
}

// wrongAnswer is an answer that is no state's.
type wrongAnswer struct{ error }

// answers opens a damaged index and asks it for everything. earlier allows the
// states before the last.
func answers(disk vfs.FS, states []*indextest.Model, earlier bool) error {
	died := make(chan error, 1)
	over := make(chan error, 1)
	go func() {
		over <- ask(disk, states, earlier, func(err error) { died <- err; select {} })
	}()
	select {
	case err := <-over:
		return err
	case err := <-died:
		return &wrongAnswer{fmt.Errorf("the process ended: %w", err)}
	}
}

func ask(disk vfs.FS, states []*indextest.Model, earlier bool, fatal func(error)) error {
	ix, err := index.Open("index", index.OnDisk(disk, index.Tuned(quiet, index.Options{Fatal: fatal})))
	if err != nil {
		return err
	}
	defer ix.Close()
	if !earlier {
		states = states[len(states)-1:]
	}
	var all []error
	for _, m := range slices.Backward(states) {
		err := askFor(ix, m)
		if err == nil {
			return nil
		}
		all = append(all, err)
	}
	if err := damageError(all[0]); err != nil {
		return err
	}
	return &wrongAnswer{all[0]}
}

// damageError returns the error if it is one that the index reported.
func damageError(err error) error {
	if strings.Contains(err.Error(), "index: ") {
		return err
	}
	return nil
}

// askFor compares everything with a state.
func askFor(ix *index.Index, m *indextest.Model) error {
	if err := m.Compare(ix); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(9, 9))
	q := indextest.Vector(r)
	filter, err := index.ParseFilter("n>=20")
	if err != nil {
		return err
	}
	for _, f := range []*index.Filter{nil, filter} {
		passes := func(d index.Document) bool { return f == nil || d.Metadata["n"].(int64) >= 20 }
		found, err := ix.Search(context.Background(), index.Query{Space: indextest.Space.Name, Vector: q, Limit: 50, Filter: f})
		hits := found.Hits
		if err != nil {
			return err
		}
		if err := m.Check(indextest.Space.Name, hits, m.Rank(indextest.Space.Name, q, passes), 50); err != nil {
			return fmt.Errorf("a search: %w", err)
		}
	}
	return nil
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
