package answer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
	"github.com/emblem-search/emblem/text/decoder"
)

// reading is what the reference makes of a picture of text.
type reading struct {
	Picture string
	New     []int32
	Text    string
	Pixels  string // SHA-256
}

// readings calls f with every golden folder of a model that writes down text.
func readings(t *testing.T, f func(t *testing.T, m *Model, g *golden.File, runs []reading)) {
	for _, name := range []string{"trocr", "trocr-waves", "trocr-deit"} {
		t.Run(name, func(t *testing.T) {
			var meta struct{ Runs []reading }
			path := "testdata/" + name
			g := golden.Open(t, path, &meta)
			f(t, open(t, path, Options{DType: "f32"}), g, meta.Runs)
		})
	}
}

// TestReadingPixels: pictures have the reference's bytes.
func TestReadingPixels(t *testing.T) {
	readings(t, func(t *testing.T, m *Model, _ *golden.File, runs []reading) {
		for _, r := range runs {
			px, err := m.net.(*trocr).tower.Preprocess().Apply(samples(t, []string{r.Picture})[0])
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(px.RGB); hex.EncodeToString(sum[:]) != r.Pixels {
				t.Errorf("%s becomes another picture", r.Picture)
			}
		}
	})
}

// TestReadingStates: the tower's states and the decoder's probabilities are the
// reference's.
func TestReadingStates(t *testing.T) {
	readings(t, func(t *testing.T, m *Model, g *golden.File, runs []reading) {
		d := m.net.(*trocr)
		for i, r := range runs {
			s := m.encoded(t, []string{r.Picture}, PictureOptions{})[0]
			if name := fmt.Sprintf("states.%d", i); g.Has(name) {
				golden.Within(t, name, 1e-4, g.Rows(name), slices.Collect(slices.Chunk(s.Features, d.tower.Width())))
			}
			want := g.Rows(fmt.Sprintf("logits.%d", i)) // of every fourth token
			q := decoder.Request{MaxTokens: len(r.New), LogProbs: true, Tops: 100, Source: &decoder.Source{Rows: s.Features, Key: s.Key}}
			var theirs, ours []float32
			at := 0
			if _, err := d.decoder.Generate(context.Background(), []int32{d.decoder.Start()}, q, func(k decoder.Token) error {
				if at%4 == 0 {
					row := want[at/4]
					for _, c := range k.Tops {
						theirs, ours = append(theirs, row[c.ID]), append(ours, c.LogProb+row[k.Tops[0].ID]-k.Tops[0].LogProb)
					}
				}
				at++
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			golden.Within(t, fmt.Sprintf("logits.%d", i), 1e-3, [][]float32{theirs}, [][]float32{ours})
		}
	})
}

// TestRead: what is read is the reference's, alone, again, and all at once; and as
// likely as the same tokens are when they are given.
func TestRead(t *testing.T) {
	readings(t, func(t *testing.T, m *Model, _ *golden.File, runs []reading) {
		check := func(r reading) {
			var told strings.Builder
			q := Request{Request: decoder.Request{MaxTokens: len(r.New), LogProbs: true}, Each: func(p decoder.Piece) error {
				told.WriteString(p.Text)
				return nil
			}}
			img := samples(t, []string{r.Picture})[0]
			a, err := m.ReadPicture(context.Background(), img, q)
			if err != nil {
				t.Error(err)
				return
			}
			if !slices.Equal(a.IDs, r.New) || a.Text != strings.TrimSpace(r.Text) || strings.TrimSpace(told.String()) != a.Text {
				t.Errorf("%s: %v %q, want %v %q", r.Picture, a.IDs, a.Text, r.New, r.Text)
			}
			s, err := m.Encode(context.Background(), img, PictureOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			q.Source = &decoder.Source{Rows: s.Features, Key: s.Key}
			d := m.net.(*trocr).decoder
			list, err := d.Score(context.Background(), []int32{d.Start()}, r.New, q.Request)
			if err != nil {
				t.Error(err)
				return
			}
			sum := 0.0
			for _, l := range list {
				sum += float64(l)
			}
			if sum != a.LogProb {
				t.Errorf("%s: %v when generated, %v when given", r.Picture, a.LogProb, sum)
			}
		}
		for _, r := range runs {
			check(r)
			check(r)
		}
		var all sync.WaitGroup
		for range 2 {
			for _, r := range runs {
				all.Go(func() { check(r) })
			}
		}
		all.Wait()
	})
}

// TestReadRefuses: what cannot be is told by name.
func TestReadRefuses(t *testing.T) {
	m := open(t, "testdata/trocr", Options{DType: "f32"})
	s := m.encoded(t, []string{"wide.png"}, PictureOptions{})
	var unsupported *UnsupportedError
	if _, err := m.Answer(context.Background(), s, "what?", Request{}); !errors.As(err, &unsupported) {
		t.Error("it answers a question:", err)
	}
	d := m.net.(*trocr).decoder
	for _, states := range []*decoder.Source{nil, {Rows: make([]float32, 17)}, {}} {
		if _, err := d.Generate(context.Background(), []int32{d.Start()}, decoder.Request{Source: states}, nil); err == nil {
			t.Errorf("source %+v is read", states)
		}
	}
	m = open(t, "testdata/idefics3", Options{DType: "f32"})
	s = m.encoded(t, []string{"tiny.png"}, PictureOptions{})
	if _, err := m.Read(context.Background(), s[0], Request{}); !errors.As(err, &unsupported) {
		t.Error("it reads a picture:", err)
	}
}
