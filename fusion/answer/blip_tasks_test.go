package answer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
	"github.com/emblem-search/emblem/text/decoder"
)

// described is what the reference says of a picture.
type described struct {
	Picture string
	Prefix  string
	New     []int32 // that follow the prefix
	Text    string  // of all
	Texts   []string
	Likely  []float64 // that each of the texts is about the picture
}

// TestCaption: states of pictures, probabilities of tokens and captions are the
// reference's; again, and all at once.
func TestCaption(t *testing.T) {
	var meta struct{ Runs []described }
	g := golden.Open(t, "testdata/blip-caption", &meta)
	m := open(t, "testdata/blip-caption", Options{DType: "f32"})
	b := m.net.(*blipCaptioner)
	check := func(i int, r described) {
		s := m.encoded(t, []string{r.Picture}, PictureOptions{})[0]
		golden.Within(t, r.Picture, 1e-4, g.Rows(fmt.Sprintf("picture.%d", i)), slices.Collect(slices.Chunk(s.Features, b.tower.Width())))
		var theirs, ours []float32
		var told strings.Builder
		at, want := 0, g.Rows(fmt.Sprintf("logits.%d", i)) // of every fourth token
		a, err := m.Caption(context.Background(), s, r.Prefix, Request{Request: decoder.Request{LogProbs: true, Tops: 100}, Each: func(p decoder.Piece) error {
			if at%4 == 0 {
				row := want[at/4]
				for _, c := range p.Tops {
					theirs, ours = append(theirs, row[c.ID]), append(ours, c.LogProb+row[p.Tops[0].ID]-p.Tops[0].LogProb)
				}
			}
			at++
			told.WriteString(p.Text)
			return nil
		}})
		if err != nil {
			t.Error(err)
			return
		}
		golden.Within(t, r.Text, 1e-3, [][]float32{theirs}, [][]float32{ours})
		if !slices.Equal(a.IDs, r.New) || a.Text != r.Text || !strings.HasSuffix(a.Text, strings.TrimSpace(told.String())) {
			t.Errorf("%s: %v %q (told %q), want %v %q", r.Picture, a.IDs, a.Text, told.String(), r.New, r.Text)
		}
	}
	var all sync.WaitGroup
	for i, r := range meta.Runs {
		check(i, r)
		check(i, r)
	}
	for i, r := range meta.Runs {
		all.Go(func() { check(i, r) })
	}
	all.Wait()
}

// TestMatch: probabilities that texts are about pictures are the reference's, the same
// bits alone and in company.
func TestMatch(t *testing.T) {
	var meta struct{ Runs []described }
	g := golden.Open(t, "testdata/blip-match", &meta)
	m := open(t, "testdata/blip-match", Options{DType: "f32"})
	b := m.net.(*blipMatcher)
	for i, r := range meta.Runs {
		s := m.encoded(t, []string{r.Picture}, PictureOptions{})[0]
		golden.Within(t, r.Picture, 1e-4, g.Rows(fmt.Sprintf("picture.%d", i)), slices.Collect(slices.Chunk(s.Features, b.blip.config.picture)))
		got, err := m.Match(context.Background(), s, r.Texts)
		if err != nil {
			t.Fatal(err)
		}
		for k, want := range r.Likely {
			one, err := m.Match(context.Background(), s, r.Texts[k:k+1])
			if err != nil || one[0] != got[k] || math.Abs(float64(got[k])-want) > 3e-5 {
				t.Errorf("%s is %q with %v, alone %v, want %v (%v)", r.Picture, r.Texts[k], got[k], one, want, err)
			}
		}
	}
}

// TestTasksRefuse: models of one task say that they have no other.
func TestTasksRefuse(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"blip-caption", "blip-match", "blip"} {
		m := open(t, "testdata/"+name, Options{DType: "f32"})
		s := m.encoded(t, []string{"tiny.png"}, PictureOptions{})
		for task, f := range map[string]func() error{
			"blip-caption": func() error { _, err := m.Caption(ctx, s[0], "", Request{}); return err },
			"blip-match":   func() error { _, err := m.Match(ctx, s[0], []string{"a dog"}); return err },
			"blip":         func() error { _, err := m.Answer(ctx, s, "what?", Request{}); return err },
			"trocr":        func() error { _, err := m.Read(ctx, s[0], Request{}); return err },
		} {
			var unsupported *UnsupportedError
			if err := f(); (err == nil) != (task == name) || err != nil && !errors.As(err, &unsupported) {
				t.Errorf("%s does the task of %s: %v", name, task, err)
			}
		}
	}
	m := open(t, "testdata/blip-match", Options{DType: "f32"})
	s := m.encoded(t, []string{"tiny.png"}, PictureOptions{})
	for _, texts := range [][]string{nil, {"a", " "}, make([]string, 2000)} {
		if _, err := m.Match(ctx, s[0], texts); err == nil {
			t.Errorf("%d texts are compared", len(texts))
		}
	}
}
