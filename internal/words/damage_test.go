package words

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// filled has a few files of texts.
func filled(t testing.TB) *shelf {
	s := newShelf(t)
	rng := rand.New(rand.NewPCG(5, 6))
	ord := uint32(0)
	for range 3 {
		var texts []Text
		for range 800 {
			texts = append(texts, randomText(rng, ord))
			ord++
		}
		s.put(t, texts)
	}
	s.put(t, nil, 5, 900)
	return s
}

// TestDamageIsSeenAtOpening truncates, flips a bit in every block of, and removes each
// file.
func TestDamageIsSeenAtOpening(t *testing.T) {
	s := filled(t)
	s.Close()
	entries, err := os.ReadDir(s.opts.Dir)
	if err != nil || len(entries) != 3 {
		t.Fatal(entries, err)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	for _, e := range entries {
		path := filepath.Join(s.opts.Dir, e.Name())
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		refused := func(how string) {
			t.Helper()
			if x, err := Open(s.opts); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s %s: %v %v", e.Name(), how, x, err)
			}
		}
		for at := 0; at < len(whole); at += 4096 {
			bad := append([]byte(nil), whole...)
			bad[min(len(bad)-1, at+rng.IntN(4096))] ^= 1 << rng.IntN(8)
			rewrite(t, path, bad)
			refused("with a flipped bit")
			rewrite(t, path, whole[:at])
			refused("truncated")
		}
		for at := len(whole) - 40; at < len(whole); at++ {
			bad := append([]byte(nil), whole...)
			bad[at] ^= 0x10
			rewrite(t, path, bad)
			refused("with a damaged end")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		refused("removed")
		rewrite(t, path, append(whole, whole...))
		refused("doubled")
		rewrite(t, path, whole)
	}
	a, b := filepath.Join(s.opts.Dir, entries[0].Name()), filepath.Join(s.opts.Dir, entries[1].Name())
	swap(t, a, b)
	if _, err := Open(s.opts); !errors.Is(err, ErrDamaged) {
		t.Errorf("swapped files: %v", err)
	}
	swap(t, a, b)
	good := s.opts.Manifest
	for _, m := range []string{"", "{", `{"analysis":0}`} {
		s.opts.Manifest = []byte(m)
		if _, err := Open(s.opts); !errors.Is(err, ErrDamaged) {
			t.Errorf("manifest %q: %v", m, err)
		}
	}
	s.opts.Manifest = good
	s.open(t)
	defer s.Close()
	if err := s.Verify(); err != nil {
		t.Error(err)
	}
	if whole, err := os.ReadFile(a); err == nil {
		whole[len(whole)/2] ^= 1
		rewrite(t, a, whole)
		if err := s.Verify(); !errors.Is(err, ErrDamaged) {
			t.Errorf("a bit that flipped under an open index: %v", err)
		}
		whole[len(whole)/2] ^= 1
		rewrite(t, a, whole)
	}
	if got, want := find(t, s.Index, "dog beach", Change{}, false), find(t, nil, "dog beach", Change{Now: s.all()}, false); got.Total != want.Total {
		t.Errorf("after all that %d documents, want %d", got.Total, want.Total)
	}
}

func rewrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func swap(t *testing.T, a, b string) {
	t.Helper()
	for _, r := range [][2]string{{a, a + "~"}, {b, a}, {a + "~", b}} {
		if err := os.Rename(r[0], r[1]); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFilesThatShrinkUnderASearch: a mapped file that became shorter is an error, not
// the end of the process.
func TestFilesThatShrinkUnderASearch(t *testing.T) {
	s := filled(t)
	defer s.Close()
	entries, _ := os.ReadDir(s.opts.Dir)
	for _, e := range entries {
		if err := os.Truncate(filepath.Join(s.opts.Dir, e.Name()), 0); err != nil {
			t.Fatal(err)
		}
	}
	q, _ := Parse("beach", false)
	for range 3 {
		v := s.View()
		defer v.Close()
		if _, err := v.Search(context.Background(), q, Change{}, Wanted{Limit: 10}); !errors.Is(err, ErrDamaged) {
			t.Errorf("a search of empty files: %v", err)
		}
	}
	if err := s.Merge(func() bool { return false }); err != nil && !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

// TestDamageIsNotMerged: what changed since it was opened does not become a sound file.
func TestDamageIsNotMerged(t *testing.T) {
	s := filled(t)
	defer s.Close()
	for range mergeAt {
		s.put(t, []Text{{Ordinal: 5000, Values: []Value{{Prose, "a dog"}}}})
		s.put(t, []Text{{Ordinal: 5001, Values: []Value{{Prose, "a dog"}}}})
		s.put(t, []Text{{Ordinal: uint32(6000 + s.Seq()), Values: []Value{{Prose, "a dog"}}}})
	}
	for _, segment := range s.now.segments {
		path := filepath.Join(s.opts.Dir, segment.File)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/3] ^= 4
		rewrite(t, path, data)
	}
	if err := s.Merge(func() bool { return false }); !errors.Is(err, ErrDamaged) {
		t.Errorf("a merge of damaged files: %v", err)
	}
}

// TestStrayFilesGo: what a stop in the middle of a write left behind is removed.
func TestStrayFilesGo(t *testing.T) {
	s := filled(t)
	s.Close()
	stray := filepath.Join(s.opts.Dir, "00000099.zap")
	rewrite(t, stray, []byte("half"))
	s.open(t)
	defer s.Close()
	if _, err := os.Stat(stray); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stray file: %v", err)
	}
}

// TestBytesThatChangeUnderASearch changes bytes of the mapped files, a few at a time:
// a search answers or says that the files are damaged, and nothing else.
func TestBytesThatChangeUnderASearch(t *testing.T) {
	s := filled(t)
	defer s.Close()
	q, _ := Parse("beach dog", false)
	rnd := rand.New(rand.NewPCG(1, 2))
	damaged := 0
	for range 300 {
		entries, _ := os.ReadDir(s.opts.Dir)
		for _, e := range entries {
			path := filepath.Join(s.opts.Dir, e.Name())
			info, err := os.Stat(path)
			if err != nil || info.Size() == 0 {
				continue
			}
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteAt([]byte{byte(rnd.Uint32())}, rnd.Int64N(info.Size()))
			f.Close()
		}
		v := s.View()
		if _, err := v.Search(context.Background(), q, Change{}, Wanted{Limit: 10}); errors.Is(err, ErrDamaged) {
			damaged++
		} else if err != nil {
			t.Errorf("an error that is not called damage: %v", err)
		}
		v.Close()
	}
	if damaged == 0 {
		t.Error("no search noticed anything")
	}
}
