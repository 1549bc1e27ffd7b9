package index

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/words"
)

// spoken is an index of documents with words, and those documents.
type spoken struct {
	t    *testing.T
	dir  string
	opts Options
	*Index
	docs map[string]Document
	rng  *rand.Rand
}

func newSpoken(t *testing.T, seed uint64) *spoken {
	s := &spoken{t: t, dir: t.TempDir(), docs: map[string]Document{}, rng: rand.New(rand.NewPCG(seed, 0))}
	s.opts.Logf = t.Logf
	s.open()
	return s
}

func (s *spoken) open() {
	s.t.Helper()
	ix, err := Open(s.dir, s.opts)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Index = ix
}

var said = strings.Fields("beach beaches dog dogs the on Strand Hund Hunde am im plage plages café sunset red kite über straße собака собаки 東京タワー IMG_2034 and with sea")

func (s *spoken) sentence() string {
	list := make([]string, 1+s.rng.IntN(7))
	for i := range list {
		list[i] = said[s.rng.IntN(len(said))]
	}
	return strings.Join(list, " ")
}

// change writes some random documents, deletes others.
func (s *spoken) change(n int) {
	s.t.Helper()
	var changes []Change
	for range n {
		id := fmt.Sprintf("/pictures/%s/%d.jpg", said[s.rng.IntN(4)], s.rng.IntN(100))
		d := Document{ID: id, Hidden: s.rng.IntN(10) == 0, Metadata: map[string]any{
			"caption": s.sentence(), "tags": []string{s.sentence(), s.sentence()}, "camera": "never a word", "secret": s.sentence(), "n": int64(s.rng.IntN(9))}}
		switch _, there := s.docs[id]; {
		case s.rng.IntN(6) == 0:
			changes = append(changes, Change{Delete, Document{ID: id}})
			delete(s.docs, id)
		case there && s.rng.IntN(2) == 0:
			changes = append(changes, Change{Update, d})
			s.docs[id] = d
		default:
			changes = append(changes, Change{Put, d})
			s.docs[id] = d
		}
	}
	r, err := s.Apply(context.Background(), changes)
	if err = errors.Join(err, r.Err()); err != nil {
		s.t.Fatal(err)
	}
}

// fold brings all into the files.
func (s *spoken) fold() {
	s.t.Helper()
	s.words.begin()
	<-s.words.opened
	for range 20 {
		if more, err := s.words.foldSome(1); err == nil && !more {
			return
		} else if err != nil && !errors.Is(err, words.ErrDamaged) {
			s.t.Fatal(err)
		}
	}
	s.t.Fatal("the words are not folded")
}

func (s *spoken) query() string {
	q := s.sentence()
	if s.rng.IntN(3) == 0 {
		q = said[s.rng.IntN(len(said))]
	}
	switch s.rng.IntN(5) {
	case 0:
		q = `"` + q + `"`
	case 1:
		q += "*"
	case 2:
		q += "~"
	}
	return q
}

// agree compares searches with ones of the documents as they should be.
func (s *spoken) agree(how string) {
	s.t.Helper()
	var truth []*words.Terms
	for id, d := range s.docs {
		if !d.Hidden {
			have, err := s.Get(id)
			if err != nil {
				s.t.Fatal(err)
			}
			truth = append(truth, words.Analyse(s.opts.textOf(have.Ordinal, id, d.Metadata)))
		}
	}
	var none *words.View
	ctx := context.Background()
	for range 12 {
		text := s.query()
		q, err := words.Parse(text, false)
		if err != nil {
			s.t.Fatal(err)
		}
		w := words.Wanted{Limit: 1000}
		got, err := s.find(q, w)
		if err != nil {
			s.t.Fatal(how, err)
		}
		want, err := none.Search(ctx, q, words.Change{Now: truth}, w)
		if err != nil {
			s.t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			s.t.Fatalf("%s: %q finds %d %v, want %d %v", how, text, got.Total, got.Matches, want.Total, want.Matches)
		}
	}
}

// find searches the present.
func (s *spoken) find(q words.Query, w words.Wanted) (words.Found, error) {
	ctx, seq := context.Background(), s.view.Load().seq
	c, err := s.words.capture(ctx)
	if err != nil {
		return words.Found{}, err
	}
	defer func() { c.close() }()
	snap := s.db.NewSnapshot()
	defer snap.Close()
	m, err := momentOf(snap, seq)
	if err != nil {
		return words.Found{}, err
	}
	return s.words.search(ctx, c, m, q, w)
}

func TestWordsFollowEveryWrite(t *testing.T) {
	s := newSpoken(t, 1)
	for round := range 8 {
		s.change(1 + s.rng.IntN(300))
		s.agree("after a write")
		if round%4 == 3 {
			s.fold()
			s.agree("after a fold")
		}
		if round%5 == 4 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s.open()
			s.agree("after a restart")
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestWordsAfterAKill opens copies of a directory that is being written.
func TestWordsAfterAKill(t *testing.T) {
	s := newSpoken(t, 2)
	defer func() { s.Close() }()
	for round := range 8 {
		s.change(200)
		if round%2 == 1 {
			s.fold()
		}
		s.change(1 + s.rng.IntN(100))
		copied := *s
		copied.dir = t.TempDir()
		if err := os.CopyFS(copied.dir, os.DirFS(s.dir)); err != nil {
			t.Fatal(err)
		}
		os.Remove(filepath.Join(copied.dir, "LOCK"))
		copied.open()
		copied.agree("in the copy")
		if err := copied.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWordsAreReadAnewAfterDamage damages files between two openings and under a running
// index.
func TestWordsAreReadAnewAfterDamage(t *testing.T) {
	s := newSpoken(t, 3)
	defer func() { s.Close() }()
	damages := []struct {
		name string
		do   func(path string) error
	}{
		{"truncated", func(path string) error { return os.Truncate(path, 100) }},
		{"removed", os.Remove},
		{"emptied", func(path string) error { return os.Truncate(path, 0) }},
		{"flipped", func(path string) error { return flipByte(path, s.rng) }},
	}
	dir := filepath.Join(s.dir, "derived", "words")
	for _, live := range []bool{false, true} {
		for _, d := range damages {
			if live && d.name == "flipped" {
				continue
			}
			s.change(300)
			s.fold()
			if !live {
				s.Close()
			}
			files, err := filepath.Glob(filepath.Join(dir, "*.zap"))
			if err != nil || len(files) == 0 {
				t.Fatal(files, err)
			}
			if err := d.do(files[s.rng.IntN(len(files))]); err != nil {
				t.Fatal(err)
			}
			if !live {
				s.open()
			}
			s.agree(d.name)
			s.change(600) // the files are made anew meanwhile
			s.agree(d.name + ", after a write")
			kept, _ := filepath.Glob(filepath.Join(s.dir, "derived", "quarantine", "words-*"))
			if !live && len(kept) != 1 {
				t.Errorf("%s: %d folders in quarantine", d.name, len(kept))
			}
		}
		if live {
			continue
		}
		s.Close()
		if err := os.RemoveAll(filepath.Join(s.dir, "derived")); err != nil {
			t.Fatal(err)
		}
		s.open()
		s.agree("without a folder")
	}
}

func flipByte(path string, rng *rand.Rand) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
	return os.WriteFile(path, data, 0o666)
}
