package answer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
	"github.com/emblem-search/emblem/text/decoder"
)

// blipRun is what the reference makes of a question to BLIP.
type blipRun struct {
	run
	Candidates []string
	Likely     []float64 // logarithms of the probabilities of candidates
}

func blips(t *testing.T, f func(t *testing.T, m *Model, g *golden.File, runs []blipRun)) {
	for _, name := range []string{"blip", "blip-published"} {
		t.Run(name, func(t *testing.T) {
			var meta struct{ Runs []blipRun }
			path := "testdata/" + name
			g := golden.Open(t, path, &meta)
			f(t, open(t, path, Options{DType: "f32"}), g, meta.Runs)
		})
	}
}

// TestBLIP: pixels, states of pictures and questions, answers and the likelihoods of
// candidates are the reference's; a question again, and all at once, change nothing.
func TestBLIP(t *testing.T) {
	blips(t, func(t *testing.T, m *Model, g *golden.File, runs []blipRun) {
		b := m.net.(*blip)
		for i, r := range runs {
			img := samples(t, r.Pictures)[0]
			px, err := b.tower.Preprocess().Apply(img)
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(px.RGB); hex.EncodeToString(sum[:]) != r.Tiles[0] {
				t.Errorf("%v has other pixels", r.Pictures)
			}
			s := m.encoded(t, r.Pictures, PictureOptions{})[0]
			golden.Within(t, r.Pictures[0], 1e-4, g.Rows(fmt.Sprintf("picture.%d", i)), slices.Collect(slices.Chunk(s.Features, b.config.picture)))
			if ids := b.tokenizer.Encode(r.Question, true); !slices.Equal(ids, r.IDs) {
				t.Errorf("%q is %v, want %v", r.Question, ids, r.IDs)
			}
			source, _, err := b.ask(context.Background(), s, r.Question)
			if err != nil {
				t.Fatal(err)
			}
			golden.Within(t, r.Question, 1e-4, g.Rows(fmt.Sprintf("question.%d", i)), slices.Collect(slices.Chunk(source.Rows, b.config.width)))
		}
		for range 2 {
			for _, r := range runs {
				m.checkBLIP(t, r)
			}
		}
		var all sync.WaitGroup
		for _, r := range append(runs, runs...) {
			all.Go(func() { m.checkBLIP(t, r) })
		}
		all.Wait()
	})
}

func (m *Model) checkBLIP(t *testing.T, r blipRun) {
	t.Helper()
	states := m.encoded(t, r.Pictures, PictureOptions{})
	a, err := m.Answer(context.Background(), states, r.Question, Request{Request: decoder.Request{MaxTokens: 12, LogProbs: true}})
	if err != nil {
		t.Error(err)
		return
	}
	if !slices.Equal(a.IDs, r.New) || a.Text != *r.Text || a.LogProb >= 0 || a.Usage.Prompt != len(r.IDs) || a.Usage.Pictures != states[0].Tokens {
		t.Errorf("%q: %v %q %v %+v, want %v %q", r.Question, a.IDs, a.Text, a.LogProb, a.Usage, r.New, *r.Text)
	}
	list, err := m.Rank(context.Background(), states, r.Question, r.Candidates)
	if err != nil {
		t.Error(err)
		return
	}
	for _, x := range list {
		if want := r.Likely[slices.Index(r.Candidates, x.Answer)]; math.Abs(x.LogProb-want) > 1e-3 {
			t.Errorf("%q is answered %q with %v, want %v", r.Question, x.Answer, x.LogProb, want)
		}
	}
}

// TestBLIPRefuses says in a sentence what is wrong.
func TestBLIPRefuses(t *testing.T) {
	m := open(t, "testdata/blip", Options{DType: "f32"})
	states := m.encoded(t, []string{"wide.png", "tiny.png"}, PictureOptions{})
	long := make([]byte, 400)
	for i := range long {
		long[i] = "a "[i%2]
	}
	for says, f := range map[string]func() error{
		"2 pictures": func() error { _, err := m.Answer(context.Background(), states, "?", Request{}); return err },
		"no picture": func() error { _, err := m.Answer(context.Background(), nil, "?", Request{}); return err },
		"the model reads 48": func() error {
			_, err := m.Answer(context.Background(), states[:1], string(long), Request{})
			return err
		},
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want %q", err, says)
		}
	}
}
