package words

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// shelf is an index with the texts that it should hold.
type shelf struct {
	*Index
	opts  Options
	texts map[uint32]Text
}

func newShelf(t testing.TB) *shelf {
	s := &shelf{texts: map[uint32]Text{}}
	s.opts = Options{Dir: filepath.Join(t.TempDir(), "words"), Fingerprint: "test"}
	s.opts.Save = func(m []byte) error { s.opts.Manifest = m; return nil }
	s.open(t)
	return s
}

func (s *shelf) open(t testing.TB) {
	t.Helper()
	x, err := Open(s.opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Index = x
}

// put folds texts in, replacing older ones of their ordinals; gone ones are removed.
func (s *shelf) put(t testing.TB, texts []Text, gone ...uint32) {
	t.Helper()
	changed := roaring.BitmapOf(gone...)
	var now []*Terms
	for _, text := range texts {
		s.texts[text.Ordinal] = text
		changed.Add(text.Ordinal)
		now = append(now, Analyse(text))
	}
	for _, ord := range gone {
		delete(s.texts, ord)
	}
	if err := s.Fold(s.Seq()+1, changed, now); err != nil {
		t.Fatal(err)
	}
}

func (s *shelf) all() []*Terms {
	var list []*Terms
	for _, text := range s.texts {
		list = append(list, Analyse(text))
	}
	return list
}

func find(t testing.TB, x *Index, q string, c Change, typing bool) Found {
	t.Helper()
	query, err := Parse(q, typing)
	if err != nil {
		t.Fatal(err)
	}
	var v *View
	if x != nil {
		v = x.View()
		defer v.Close()
	}
	found, err := v.Search(context.Background(), query, c, Wanted{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var vocabulary = []string{
	"beach", "beaches", "dog", "dogs", "the", "on", "a", "Strand", "Hund", "Hunde", "am", "im", "auf", "plage", "plages",
	"café", "cafe", "IMG_2034", "SunsetBeach", "2020", "東京タワー", "собака", "собаки", "playa", "niños", "كلب", "sunset", "sunsets",
	"running", "run", "ran", "and", "with", "of", "Bora", "bora", "x", "l'arbre", "cat's", "über", "straße",
}

func randomText(rng *rand.Rand, ord uint32) Text {
	t := Text{Ordinal: ord}
	for range 1 + rng.IntN(4) {
		text := ""
		for range 1 + rng.IntN(9) {
			text += vocabulary[rng.IntN(len(vocabulary))] + " "
		}
		t.Values = append(t.Values, Value{Field(rng.IntN(int(fields))), text})
	}
	if rng.IntN(8) == 0 {
		t.Lang = []string{"de", "en-GB", "xx", "fr"}[rng.IntN(4)]
	}
	return t
}

func randomQuery(rng *rand.Rand) string {
	q := ""
	for range 1 + rng.IntN(3) {
		word := vocabulary[rng.IntN(len(vocabulary))]
		switch rng.IntN(6) {
		case 0:
			word = word[:1+rng.IntN(len(word))] + "*"
		case 1:
			word += "~"
		case 2:
			word = fmt.Sprintf("%q", word+" "+vocabulary[rng.IntN(len(vocabulary))])
		}
		q += word + " "
	}
	return q
}

// listened yields all texts of a shelf, analysed for a query alone.
func listened(t *testing.T, s *shelf, text string, typing bool) func(func([]*Terms) error) error {
	q, err := Parse(text, typing)
	if err != nil {
		t.Fatal(err)
	}
	listen := q.Listener()
	return func(yield func([]*Terms) error) error {
		for _, text := range s.texts {
			if err := yield([]*Terms{listen(text)}); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestFilesAgreeWithMemory: what is found, in what order and with what scores, does not
// depend on what is in files, how many, merged or not, replaced or removed.
func TestFilesAgreeWithMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := newShelf(t)
	defer func() { s.Close() }()
	next := uint32(0)
	for round := range 24 {
		var texts []Text
		for range 1 + rng.IntN(60) {
			ord := next
			if next > 0 && rng.IntN(4) == 0 {
				ord = rng.Uint32N(next)
			} else {
				next++
			}
			texts = append(texts[:0:0], slices.DeleteFunc(texts, func(o Text) bool { return o.Ordinal == ord })...)
			texts = append(texts, randomText(rng, ord))
		}
		var gone []uint32
		for range rng.IntN(6) {
			ord := rng.Uint32N(next)
			if !slices.ContainsFunc(texts, func(o Text) bool { return o.Ordinal == ord }) {
				gone = append(gone, ord)
			}
		}
		s.put(t, texts, gone...)
		if round%5 == 4 {
			if err := s.Merge(func() bool { return false }); err != nil {
				t.Fatal(err)
			}
		}
		if round%7 == 6 {
			s.Close()
			s.open(t)
		}
		// Some of it has changed since the files.
		c := Change{Changed: roaring.New()}
		truth := s.all()
		for i, d := range truth {
			switch rng.IntN(12) {
			case 0:
				truth[i] = Analyse(randomText(rng, d.ord))
				c.Now = append(c.Now, truth[i])
				c.Changed.Add(d.ord)
			case 1:
				truth[i] = nil
				c.Changed.Add(d.ord)
			}
		}
		if rng.IntN(2) == 0 { // what came later does not count
			c.From = 1 + rng.Uint32N(next)
			later := func(d *Terms) bool { return d != nil && d.ord >= c.From }
			truth, c.Now = slices.DeleteFunc(truth, later), slices.DeleteFunc(c.Now, later)
		}
		truth = slices.DeleteFunc(truth, func(d *Terms) bool { return d == nil })
		for range 15 {
			q, typing := randomQuery(rng), rng.IntN(2) == 0
			got, want := find(t, s.Index, q, c, typing), find(t, nil, q, Change{Now: truth}, typing)
			if c.Now != nil && rng.IntN(40) == 0 {
				heard := find(t, nil, q, Change{More: listened(t, s, q, typing)}, typing)
				if !reflect.DeepEqual(heard, find(t, nil, q, Change{Now: s.all()}, typing)) {
					t.Fatalf("%q: a listener finds %v", q, heard.Matches)
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("round %d, %q: files found %d %v, memory %d %v", round, q, got.Total, got.Matches, want.Total, want.Matches)
			}
		}
	}
	if n := s.Stats().Segments; n > 12 {
		t.Errorf("%d files are left", n)
	}
}
