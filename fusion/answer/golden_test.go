package answer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/text/decoder"
	"github.com/emblem-search/emblem/vit"
)

// run is what the reference makes of a question.
type run struct {
	Pictures []string
	Question string
	How      struct {
		Split *bool `json:"do_image_splitting"`
	}
	IDs   []int32
	New   []int32  // greedy
	Text  *string  // of New, where that can be told alone
	Tiles []string // the SHA-256 of the bytes of each
}

// options are how closely the reference looked at the pictures.
func (r run) options() PictureOptions {
	if r.How.Split != nil && !*r.How.Split {
		return PictureOptions{Detail: "low"}
	}
	return PictureOptions{}
}

// cases calls f with every golden folder of a model with a decoder's prompt.
func cases(t *testing.T, f func(t *testing.T, m *Model, g *golden.File, runs []run)) {
	for _, name := range []string{"idefics3", "smolvlm", "llava", "llava-published"} {
		t.Run(name, func(t *testing.T) {
			var meta struct{ Runs []run }
			path := "testdata/" + name
			g := golden.Open(t, path, &meta)
			f(t, open(t, path, Options{DType: "f32"}), g, meta.Runs)
		})
	}
}

func open(t testing.TB, path string, o Options) *Model {
	t.Helper()
	m, err := Load(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// samples are the pictures that goldens are made of.
func samples(t testing.TB, names []string) (list []image.Image) {
	t.Helper()
	for _, n := range names {
		data, err := picture.ReadFile(filepath.Join("..", "testdata", "pictures", n), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		p, err := picture.Decode(data, picture.Options{})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

// encoded are states of pictures.
func (m *Model) encoded(t testing.TB, names []string, o PictureOptions) (list []*ImageState) {
	t.Helper()
	for _, img := range samples(t, names) {
		s, err := m.Encode(context.Background(), img, o)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return list
}

// TestPixels: tiles have the reference's bytes.
func TestPixels(t *testing.T) {
	cases(t, func(t *testing.T, m *Model, _ *golden.File, runs []run) {
		for i, r := range runs {
			var got []string
			for _, img := range samples(t, r.Pictures) {
				tiles, err := m.net.(*prefix).tower.Preprocess().Tile(img, r.options().most())
				if err != nil {
					t.Fatal(err)
				}
				for _, px := range tiles.Pixels {
					sum := sha256.Sum256(px.RGB)
					got = append(got, hex.EncodeToString(sum[:]))
				}
			}
			if len(got) != len(r.Tiles) {
				t.Errorf("%d: %d tiles of %v, want %d", i, len(got), r.Pictures, len(r.Tiles))
				continue
			}
			for k := range got {
				if got[k] != r.Tiles[k] {
					t.Errorf("%d: tile %d of %v is another one", i, k, r.Pictures)
				}
			}
		}
	})
}

// TestFeatures: pictures become the reference's embeddings, one at a time or many.
func TestFeatures(t *testing.T) {
	cases(t, func(t *testing.T, m *Model, g *golden.File, runs []run) {
		for i, r := range runs {
			name := fmt.Sprintf("features.%d", i)
			if !g.Has(name) {
				continue
			}
			c := m.net.(*prefix).decoder.Width()
			var got [][]float32
			for _, s := range m.encoded(t, r.Pictures, r.options()) {
				got = slices.AppendSeq(got, slices.Chunk(s.Features, c))
			}
			golden.Within(t, name, 1e-4, g.Rows(name), got)
		}
	})
}

// TestBatch: tiles are encoded to the same bits one at a time and all together.
func TestBatch(t *testing.T) {
	cases(t, func(t *testing.T, m *Model, _ *golden.File, runs []run) {
		p := m.net.(*prefix)
		var all []vit.Pixels
		for _, img := range samples(t, []string{"wide.png", "long.png", "tiny.png"}) {
			tiles, err := p.tower.Preprocess().Tile(img, 0)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, tiles.Pixels...)
		}
		together, err := p.tower.Sequence(context.Background(), all)
		if err != nil {
			t.Fatal(err)
		}
		for i, px := range all {
			alone, err := p.tower.Sequence(context.Background(), []vit.Pixels{px})
			if err != nil || !slices.Equal(alone[0], together[i]) {
				t.Errorf("tile %d of %d is another one alone: %v", i, len(all), err)
			}
		}
	})
}

// TestPrompts: prompts are the reference's tokens, and the hundred likeliest that may
// follow have its logits, up to a constant.
func TestPrompts(t *testing.T) {
	cases(t, func(t *testing.T, m *Model, g *golden.File, runs []run) {
		p := m.net.(*prefix)
		for i, r := range runs {
			a, err := p.ask(m.encoded(t, r.Pictures, r.options()), r.Question)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.ids, r.IDs) {
				t.Errorf("%d: prompt %v, want %v", i, a.ids, r.IDs)
			}
			want := g.Rows(fmt.Sprintf("logits.%d", i))[0]
			var theirs, ours []float32
			r := decoder.Request{MaxTokens: 1, LogProbs: true, Tops: 100, Inserts: a.inserts}
			if _, err := p.decoder.Generate(context.Background(), a.ids, r, func(k decoder.Token) error {
				for _, c := range k.Tops {
					theirs, ours = append(theirs, want[c.ID]), append(ours, c.LogProb+want[k.Tops[0].ID]-k.Tops[0].LogProb)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			golden.Within(t, fmt.Sprintf("logits.%d", i), 1e-3, [][]float32{theirs}, [][]float32{ours})
		}
	})
}

// TestAnswers: answers are the reference's, alone, again with what is kept, and all at
// once.
func TestAnswers(t *testing.T) {
	cases(t, func(t *testing.T, m *Model, _ *golden.File, runs []run) {
		check := func(i int, r run, cached bool) {
			var told strings.Builder
			q := Request{Request: decoder.Request{MaxTokens: len(r.New), LogProbs: true}, Each: func(p decoder.Piece) error {
				told.WriteString(p.Text)
				return nil
			}}
			a, err := m.Answer(context.Background(), m.encoded(t, r.Pictures, r.options()), r.Question, q)
			if err != nil {
				t.Error(err)
				return
			}
			if !slices.Equal(a.IDs, r.New) || strings.TrimSpace(told.String()) != a.Text {
				t.Errorf("%d: %v %q, want %v", i, a.IDs, a.Text, r.New)
			}
			if r.Text != nil && a.Text != strings.TrimSpace(*r.Text) {
				t.Errorf("%d: %q, want %q", i, a.Text, *r.Text)
			}
			if a.LogProb >= 0 || a.Usage.Prompt != len(r.IDs) || a.Usage.Pictures == 0 || cached && a.Usage.Cached < len(r.IDs)-17 {
				t.Errorf("%d: %v, %+v for %d tokens", i, a.LogProb, a.Usage, len(r.IDs))
			}
		}
		for i, r := range runs {
			check(i, r, false)
			check(i, r, true)
		}
		var all sync.WaitGroup
		for range 2 {
			for i, r := range runs {
				all.Go(func() { check(i, r, false) })
			}
		}
		all.Wait()
	})
}
