package index

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/emblem-search/emblem/internal/columns"
)

// filterDesk is an index on a file system in memory and what should be in it.
type filterDesk struct {
	t    *testing.T
	r    *rand.Rand
	fs   *vfs.MemFS
	opts Options
	ix   *Index
	said []string
}

func (d *filterDesk) open() {
	d.t.Helper()
	d.said = nil
	opts := d.opts
	opts.fs, opts.seal = d.fs, 8
	opts.Logf = func(format string, args ...any) { d.said = append(d.said, fmt.Sprintf(format, args...)) }
	ix, err := Open("db", opts)
	check(d.t, err)
	d.ix = ix
}

// write changes a few documents.
func (d *filterDesk) write() {
	d.t.Helper()
	var changes []Change
	for range 1 + d.r.IntN(12) {
		doc := Document{ID: fmt.Sprintf("/f%d/%d.jpg", d.r.IntN(3), d.r.IntN(60)), Metadata: variedMetadata(d.r), Hidden: d.r.IntN(8) == 0}
		changes = append(changes, Change{[]Action{Put, Put, Delete}[d.r.IntN(3)], doc})
		changes = append(changes, Change{Update, Document{ID: fmt.Sprintf("/f%d/%d.jpg", d.r.IntN(3), d.r.IntN(60)), Metadata: variedMetadata(d.r)}})
	}
	_, err := d.ix.Apply(context.Background(), changes)
	check(d.t, err)
}

// check compares filters with trying every document of the store.
func (d *filterDesk) check() {
	d.t.Helper()
	v, err := d.ix.loadFacts(d.ix.view.Load())
	check(d.t, err)
	for range 6 {
		text := variedFilter(d.r, d.r.IntN(3))
		f, err := ParseFilter(text)
		check(d.t, err)
		var want []uint32
		for doc, err := range d.ix.Documents() {
			check(d.t, err)
			if !doc.Hidden && d.ix.factOf(doc.Ordinal, doc.ID, doc.Metadata).holds(f.root) {
				want = append(want, doc.Ordinal)
			}
		}
		if got := v.facts.matching(f).ToArray(); !slices.Equal(got, want) {
			d.t.Fatalf("%s: found %v, want %v", text, got, want)
		}
	}
}

// TestColumnsCrash cuts the power while columns are made, saved, merged and read.
func TestColumnsCrash(t *testing.T) {
	read := 0
	for seed := range uint64(25) {
		d := &filterDesk{t: t, r: rand.New(rand.NewPCG(seed, 9)), fs: vfs.NewCrashableMem()}
		d.open()
		for range 3 {
			for range d.r.IntN(20) {
				d.write()
			}
			if d.r.IntN(2) == 0 {
				d.check()
			}
			crashed := d.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: d.r.IntN(101), RNG: d.r})
			if d.r.IntN(3) == 0 {
				check(t, d.ix.Close())
				crashed = d.fs.CrashClone(vfs.CrashCloneCfg{})
			} else {
				check(t, d.ix.Close())
			}
			d.fs = crashed
			d.open()
			d.check()
			if !d.ix.keeper.fresh.Load() {
				read++
			}
			if len(d.said) > 0 {
				t.Fatalf("a power cut damaged columns: %v", d.said)
			}
		}
		check(t, d.ix.Close())
	}
	if read < 10 {
		t.Errorf("saved columns were read %d times", read)
	}
}

// TestColumnsDamage damages what is saved in every way.
func TestColumnsDamage(t *testing.T) {
	d := &filterDesk{t: t, r: rand.New(rand.NewPCG(4, 9)), fs: vfs.NewMem()}
	dir := "db/derived/columns"
	some := func(suffix string) string {
		names, err := d.fs.List(dir)
		check(t, err)
		names = slices.DeleteFunc(names, func(s string) bool { return !strings.HasSuffix(s, suffix) })
		if len(names) == 0 {
			t.Fatalf("no %s in %s", suffix, dir)
		}
		return dir + "/" + names[d.r.IntN(len(names))]
	}
	rewrite := func(name string, change func(data []byte) []byte) {
		f, err := d.fs.Open(name)
		check(t, err)
		data, err := io.ReadAll(f)
		check(t, err)
		check(t, f.Close())
		f, err = d.fs.Create(name, vfs.WriteCategoryUnspecified)
		check(t, err)
		_, err = f.Write(change(data))
		check(t, err)
		check(t, f.Close())
	}
	flip := func(data []byte) []byte { data[d.r.IntN(len(data))] ^= 1 << d.r.IntN(8); return data }
	cut := func(data []byte) []byte { return data[:d.r.IntN(len(data))] }
	d.open()
	for range 30 {
		d.write()
	}
	d.check()
	check(t, d.ix.Close())
	for i, damage := range []struct {
		does       func()
		quarantine bool
	}{
		{func() {}, false},
		{func() { rewrite(some(suffixState), flip) }, true},
		{func() { rewrite(some(suffixPart), flip) }, true},
		{func() { rewrite(some(suffixState), cut) }, true},
		{func() { rewrite(some(suffixPart), cut) }, true},
		{func() { rewrite(some(suffixPart), func([]byte) []byte { return nil }) }, true},
		{func() { rewrite(some(suffixPart), func(data []byte) []byte { return append(data, 0) }) }, true},
		{func() { check(t, d.fs.Remove(some(suffixPart))) }, false},
		{func() { check(t, d.fs.Remove(some(suffixState))) }, false},
		{func() { check(t, d.fs.RemoveAll("db/derived")) }, false},
		{func() { // sound, but not the one that belongs here
			rewrite(some(suffixPart), func([]byte) []byte {
				var e columns.Encoder
				segmentOf(variedFacts(d.r, 10, 1)).encode(&e)
				head, tail := columns.Seal(e.Data)
				return slices.Concat(head, e.Data, tail)
			})
		}, true},
		{func() { d.opts.Private = []string{"camera"} }, false},
	} {
		before, _ := d.fs.List("db/derived/quarantine")
		damage.does()
		d.open()
		d.check()
		if fresh := d.ix.keeper.fresh.Load(); i == 0 && fresh {
			t.Error("the columns of a clean stop were not used")
		}
		after, _ := d.fs.List("db/derived/quarantine")
		if damage.quarantine && (len(after) != min(len(before)+1, mostQuarantined) || len(d.said) == 0) {
			t.Errorf("damage %d: %d files in quarantine after %d, %v", i, len(after), len(before), d.said)
		}
		for range 4 {
			d.write()
		}
		d.check()
		check(t, d.ix.Close())
		d.open()
		d.check()
		if d.ix.keeper.fresh.Load() {
			t.Errorf("damage %d: nothing was saved afterwards: %v", i, d.said)
		}
		check(t, d.ix.Close())
	}
}

// TestColumnsDeletedWhileOpen takes all files away from an index at work.
func TestColumnsDeletedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	ix, err := Open(dir, Options{})
	check(t, err)
	put := func(id string) {
		_, err := ix.Put(context.Background(), Document{ID: id, Metadata: map[string]any{"tag": []string{"x"}}})
		check(t, err)
	}
	f, err := ParseFilter("x")
	check(t, err)
	for i := range 5 {
		put(fmt.Sprint(i))
		v, err := ix.loadFacts(ix.view.Load())
		check(t, err)
		for os.RemoveAll(filepath.Join(dir, "derived")) != nil { // something was being saved there
		}
		if n := v.facts.matching(f).GetCardinality(); n != uint64(i+1) {
			t.Fatalf("%d documents, want %d", n, i+1)
		}
		check(t, ix.Close())
		ix, err = Open(dir, Options{})
		check(t, err)
	}
	check(t, ix.Close())
}
