package index_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/index/indextest"
)

var damageRounds = flag.Int("damage-rounds", 3, "how many times TestDamagedDerived opens an index and damages its derived files")

// What is derived may be deleted, cut, changed at any time, while an index is
// searched and written: all answers are those of comparing everything, and it can
// always be opened.
func TestDamagedDerived(t *testing.T) {
	s := newSiege(t)
	for round := range *damageRounds {
		s.hold(round)
		if t.Failed() {
			t.Fatalf("in round %d, after %v", round, s.done)
		}
	}
	s.tidy()
	t.Logf("%d searches beside %d damages of derived files", s.searches.Load(), len(s.done))
	if len(s.done) < *damageRounds {
		t.Errorf("only %d damages: there was nothing to damage", len(s.done))
	}
}

// siege is an index whose derived files are damaged.
type siege struct {
	t        *testing.T
	dir      string
	model    *indextest.Model
	fixed    *indextest.Model // the documents that no write touches
	random   *rand.Rand
	next     int      // number of the next document
	done     []string // what was damaged, and how
	searches atomic.Int64
}

const siegeDocuments = 1500

func newSiege(t *testing.T) *siege {
	s := &siege{t: t, dir: t.TempDir(), model: indextest.NewModel(), random: rand.New(rand.NewPCG(*seed, 6))}
	s.model.Spaces[indextest.Space.Name] = indextest.Space
	ix := s.open()
	check(t, ix.Define(indextest.Space))
	for range siegeDocuments / 100 {
		s.write(ix, 100, true)
	}
	s.fixed = s.model.Clone()
	check(t, ix.Close())
	return s
}

func (s *siege) open() *index.Index {
	s.t.Helper()
	ix, err := index.Open(s.dir, index.Early(index.Options{}))
	check(s.t, err)
	return ix
}

// write puts documents, of which those that stay have the tag fixed, and deletes
// some of the others.
func (s *siege) write(ix *index.Index, n int, stays bool) {
	var changes []index.Change
	for range n {
		d := indextest.Doc(fmt.Sprint(s.next), indextest.Vector(s.random))
		tag := map[bool]string{true: "fixed", false: "passing"}[stays]
		d.Metadata = map[string]any{"n": int64(s.next), "tag": []string{tag}}
		s.next++
		changes = append(changes, index.Change{Action: index.Put, Document: d})
	}
	if gone := s.next - 50; !stays && gone >= siegeDocuments {
		changes = append(changes, index.Change{Action: index.Delete, Document: index.Document{ID: fmt.Sprint(gone)}})
	}
	_, err := ix.Apply(context.Background(), changes)
	check(s.t, err)
	for _, c := range changes {
		s.model.Apply(c)
	}
}

// hold opens the index and damages files while one goroutine writes and searches
// and two others search.
func (s *siege) hold(round int) {
	ix := s.open()
	over := make(chan struct{})
	var others sync.WaitGroup
	for i := range 2 {
		others.Go(func() { s.searchFixed(ix, rand.New(rand.NewPCG(uint64(round), uint64(i))), over) })
	}
	for step := range 8 {
		s.write(ix, 1+s.random.IntN(20), false)
		s.search(ix, s.model, s.random, "")
		s.search(ix, s.model, s.random, "passing")
		if step%2 == 1 {
			s.damage()
		}
	}
	close(over)
	others.Wait()
	check(s.t, ix.Close())
	if round%2 == 1 { // also what lies still
		s.damage()
	}
}

// tidy checks that damage leaves no heap of files behind.
func (s *siege) tidy() {
	ix := s.open()
	s.search(ix, s.model, s.random, "fixed")
	check(s.t, ix.Close())
	files := s.derived()
	for _, path := range files {
		if strings.HasSuffix(path, ".new") {
			s.t.Errorf("%s was left behind", path)
		}
	}
	quarantined, _ := os.ReadDir(filepath.Join(s.dir, "derived", "quarantine"))
	if len(files) > 60 || len(quarantined) > 40 {
		s.t.Errorf("%d derived files and %d in quarantine; want a few", len(files), len(quarantined))
	}
	s.t.Logf("in the end %d derived files, %d in quarantine", len(files), len(quarantined))
}

// searchFixed searches the documents that no write touches.
func (s *siege) searchFixed(ix *index.Index, r *rand.Rand, over chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
			s.search(ix, s.fixed, r, "fixed")
		}
	}
}

// search compares a search, of the documents with a tag if there is one.
func (s *siege) search(ix *index.Index, m *indextest.Model, r *rand.Rand, tag string) {
	q := index.Query{Space: indextest.Space.Name, Vector: indextest.Vector(r), Limit: 1 + r.IntN(30)}
	passes := func(index.Document) bool { return true }
	if tag != "" {
		filter, err := index.ParseFilter(tag)
		if err != nil {
			s.t.Error(err)
			return
		}
		q.Filter, passes = filter, func(d index.Document) bool { return slices.Contains(d.Metadata["tag"].([]string), tag) }
	}
	found, err := ix.Search(context.Background(), q)
	hits := found.Hits
	if err == nil {
		err = m.Check(q.Space, hits, m.Rank(q.Space, q.Vector, passes), q.Limit)
	}
	if err != nil {
		s.t.Errorf("a search of %q: %v", tag, err)
	}
	s.searches.Add(1)
}

// damage changes one derived file, or all of them.
func (s *siege) damage() {
	files := s.derived()
	if len(files) == 0 {
		return
	}
	if s.random.IntN(8) == 0 {
		os.RemoveAll(filepath.Join(s.dir, "derived")) // as far as it goes while files are made
		s.done = append(s.done, "all gone")
		return
	}
	path := files[s.random.IntN(len(files))]
	kinds := slices.Sorted(maps.Keys(damages))
	kind := kinds[s.random.IntN(len(kinds))]
	if err := damageFile(path, damages[kind], s.random); err == nil { // else it has just been replaced
		name, _ := filepath.Rel(s.dir, path)
		s.done = append(s.done, name+": "+kind)
	}
}

// derived lists the derived files, those in quarantine left out.
func (s *siege) derived() []string {
	var files []string
	filepath.WalkDir(filepath.Join(s.dir, "derived"), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil: // it went meanwhile
			return nil
		case d.IsDir() && d.Name() == "quarantine":
			return fs.SkipDir
		case !d.IsDir():
			files = append(files, path)
		}
		return nil
	})
	return files
}

// damageFile changes a file where it is, as a bad disk would.
func damageFile(path string, damage func(*rand.Rand, []byte) []byte, r *rand.Rand) error {
	if damage == nil {
		return os.Remove(path)
	}
	content, err := os.ReadFile(path)
	if err != nil || len(content) == 0 {
		return fs.ErrNotExist
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	changed := damage(r, content)
	if _, err := f.WriteAt(changed, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(changed)))
}
