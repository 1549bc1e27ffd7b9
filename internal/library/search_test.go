package library

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/index"
)

// gallery has 4 pictures of each colour, in a folder each.
func gallery(t *testing.T) *bench {
	b := newBench(t)
	for i := range 4 {
		write(t, b.path(fmt.Sprintf("r/%d.png", i)), pngOf(t, shade(red, i), 30, 30))
		write(t, b.path(fmt.Sprintf("g/%d.png", i)), pngOf(t, shade(green, i), 30, 30))
		write(t, b.path(fmt.Sprintf("b/%d.png", i)), pngOf(t, shade(blue, i), 30, 30))
	}
	b.index(nil)
	return b
}

func (b *bench) hits(query string, o SearchOptions) ([]Hit, error) {
	b.t.Helper()
	q, err := ParseQuery(query)
	must(b.t, err)
	return b.lib().Search(context.Background(), b.model, q, o)
}

func TestSearch(t *testing.T) {
	b := gallery(t)
	for query, folder := range map[string]string{
		"red":                               "r",
		"red + green - green":               "r",
		"red green - 2:green":               "r",
		b.path("g/1.png"):                   "g",
		`image:"` + b.path("b/2.png") + `"`: "b",
		"0.1:red + 3:" + b.path("g/0.png"):  "g",
	} {
		hits, err := b.hits(query, SearchOptions{Limit: 4})
		must(t, err)
		if len(hits) != 4 {
			t.Fatalf("%s: %d hits", query, len(hits))
		}
		for i, h := range hits {
			if filepath.Base(filepath.Dir(h.Path)) != folder || h.Rank != i+1 {
				t.Errorf("%s: hit %d is %+v, want folder %s", query, i, h, folder)
			}
		}
	}
}

func TestSearchErrors(t *testing.T) {
	b := gallery(t)
	write(t, b.path("no.png"), []byte("nothing"))
	for query, kind := range map[string]Kind{
		"./none.jpg":     KindPath,
		b.path("no.png"): KindPicture,
		"red - red":      KindQuery,
	} {
		_, err := b.hits(query, SearchOptions{})
		var e *Error
		if !errors.As(err, &e) || e.Kind != kind {
			t.Errorf("%s: %v; want kind %s", query, err, kind)
		}
	}
}

func TestSearchPaths(t *testing.T) {
	b := gallery(t)
	hits, err := b.hits("red", SearchOptions{Paths: []string{b.path("g"), b.path("b/1.png"), b.path("r/")[:len(b.path("r/"))-2] + "none"}})
	must(t, err)
	if len(hits) != 5 {
		t.Errorf("restricted to five files: %v", hits)
	}
	for _, h := range hits {
		if Within(h.Path, b.path("r")) {
			t.Errorf("%s is outside the paths", h.Path)
		}
	}
}

func TestStore(t *testing.T) {
	b := gallery(t)
	names := func(want ...string) {
		t.Helper()
		if got, err := b.store.Names(); err != nil || !slices.Equal(got, want) {
			t.Errorf("libraries %v, %v; want %v", got, err, want)
		}
	}
	names("test")
	must(t, b.store.Rename("test", "art"))
	names("art")
	l, err := b.store.Open("art")
	must(t, err)
	s, err := l.Stats()
	must(t, err)
	if s.Pictures != 12 || s.Model != "colours" || len(s.Roots) != 1 || s.Updated.IsZero() || s.DiskBytes == 0 {
		t.Errorf("stats %+v", s)
	}
	var e *Error
	for _, err := range []error{b.store.Rename("art", "../x"), b.store.Rename("art", "art"), b.store.Remove(".."), b.store.Remove("none"), errOf(b.store.Open("test"))} {
		if !errors.As(err, &e) {
			t.Errorf("%v; want an Error", err)
		}
	}
	must(t, b.store.Remove("art"))
	names()
	if _, err := os.Stat(b.path("r/0.png")); err != nil {
		t.Errorf("removing a library touched a picture: %v", err)
	}
}

func errOf[T any](_ T, err error) error { return err }

// TestWordsAreLearnedOnce shows the index what words look like when a library has
// grown, and not again.
func TestWordsAreLearnedOnce(t *testing.T) {
	b := gallery(t)
	l := b.lib()
	if _, err := l.ix.Note(noteLearned); !errors.Is(err, index.ErrNotFound) {
		t.Fatalf("a small library has learned words: %v", err)
	}
	l.learnFrom = 13
	write(t, b.path("r/new.png"), pngOf(t, shade(red, 9), 30, 30))
	b.index(nil)
	note, err := l.ix.Note(noteLearned)
	must(t, err)
	if string(note) != b.model.Fingerprint() {
		t.Errorf("learned the words of %q", note)
	}
	texts := b.model.texts
	b.index(nil)
	if b.model.texts != texts {
		t.Errorf("%d texts were embedded again", b.model.texts-texts)
	}
}

// TestWordsAreLearnedBySearching: a library that was filled, not indexed, learns words
// when somebody searches for some.
func TestWordsAreLearnedBySearching(t *testing.T) {
	b := gallery(t)
	l := b.lib()
	l.learnFrom = 13
	red := func() {
		_, err := b.hits("red", SearchOptions{})
		must(t, err)
	}
	red()
	l.beside.Wait()
	if _, err := l.ix.Note(noteLearned); !errors.Is(err, index.ErrNotFound) {
		t.Fatalf("a small library has learned words: %v", err)
	}
	_, err := l.Put(context.Background(), index.Document{ID: "13th", Vectors: map[string][][]float32{l.Space(): {colourVector(1, 0, 0)}}})
	must(t, err)
	red()
	l.beside.Wait()
	if note, err := l.ix.Note(noteLearned); err != nil || string(note) != b.model.Fingerprint() {
		t.Errorf("learned the words of %q: %v", note, err)
	}
	texts := b.model.texts
	red()
	l.beside.Wait()
	if n := b.model.texts - texts; n != 1 {
		t.Errorf("%d texts were embedded for one search", n)
	}
}

// TestPages puts the pages of a query together, while others write: nothing comes
// twice and nothing is left out.
func TestPages(t *testing.T) {
	b := gallery(t)
	for _, query := range []string{"red", "red + 0.5:green", ""} {
		for _, by := range []By{ByMeaning, ByBoth} {
			q := Query{}
			if query != "" {
				var err error
				q, err = ParseQuery(query)
				must(t, err)
			}
			o := SearchOptions{Limit: 100, By: by, Pages: true}
			whole, err := b.lib().Find(context.Background(), b.model, q, o)
			must(t, err)
			var paths []string
			o.Limit = 5
			for n := 0; ; n++ {
				page, err := b.lib().Find(context.Background(), b.model, q, o)
				must(t, err)
				for _, h := range page.Hits {
					paths = append(paths, h.Path)
				}
				// A picture that comes first now is not in pages of before.
				_, err = b.lib().Put(context.Background(), index.Document{ID: fmt.Sprintf("/new/%s%s%d", query, by, n), Vectors: map[string][][]float32{spaceImage: {colourVector(1, 0, 0)}}})
				must(t, err)
				if o.Cursor = page.Next; o.Cursor == "" {
					break
				}
			}
			var want []string
			for _, h := range whole.Hits {
				want = append(want, h.Path)
			}
			if !slices.Equal(paths, want) {
				t.Errorf("%q by %s: pages %q, whole %q", query, by, paths, want)
			}
		}
	}
}

func TestPagesRefuse(t *testing.T) {
	b := gallery(t)
	q, _ := ParseQuery("red")
	other, _ := ParseQuery("green")
	page, err := b.lib().Find(context.Background(), b.model, q, SearchOptions{Limit: 2, Pages: true})
	must(t, err)
	for name, c := range map[string]struct {
		q      Query
		cursor string
	}{"another query": {other, page.Next}, "rubbish": {q, "rubbish"}, "changed": {q, page.Next[:len(page.Next)-2] + "AA"}} {
		_, err := b.lib().Find(context.Background(), b.model, c.q, SearchOptions{Limit: 2, Pages: true, Cursor: c.cursor})
		var own *Error
		if !errors.As(err, &own) || own.Kind != KindQuery {
			t.Errorf("%s: %v", name, err)
		}
	}
}
