package answer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

// TestViLT: pixels, tokens, logits and answers are the reference's.
func TestViLT(t *testing.T) {
	for _, name := range []string{"vilt", "vilt-published"} {
		t.Run(name, func(t *testing.T) {
			var meta struct{ Runs []run }
			path := "testdata/" + name
			g := golden.Open(t, path, &meta)
			m := open(t, path, Options{DType: "f32"})
			v := m.net.(*vilt)
			for i, r := range meta.Runs {
				px, err := v.pixels.apply(samples(t, r.Pictures)[0])
				if err != nil {
					t.Fatal(err)
				}
				if sum := sha256.Sum256(px.Pix); hex.EncodeToString(sum[:]) != r.Tiles[0] {
					t.Errorf("%v has other pixels: %dx%d", r.Pictures, px.W, px.H)
				}
				if ids := v.tokenizer.Encode(r.Question, true); !slices.Equal(ids, r.IDs) {
					t.Errorf("%q is %v, want %v", r.Question, ids, r.IDs)
				}
				states := m.encoded(t, r.Pictures, PictureOptions{})
				logits, _, err := v.logits(context.Background(), states[0], r.Question)
				if err != nil {
					t.Fatal(err)
				}
				golden.Within(t, r.Question, 1e-3, g.Rows(fmt.Sprintf("logits.%d", i)), [][]float32{logits})
				a, err := m.Answer(context.Background(), states, r.Question, Request{})
				if err != nil || a.Text != *r.Text || len(a.Ranked) != len(v.labels) || a.Ranked[0].Answer != a.Text {
					t.Errorf("%q: %+v %v, want %q", r.Question, a, err, *r.Text)
				}
				list, err := m.Rank(context.Background(), states, r.Question, []string{"yes", "Red"})
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range list {
					if want := logSigmoid(logits[slices.Index(v.labels, strings.ToLower(x.Answer))]); math.Abs(x.LogProb-want) > 1e-9 {
						t.Errorf("%q has %v, want %v", x.Answer, x.LogProb, want)
					}
				}
			}
		})
	}
}

// TestViLTRefuses says in a sentence what is wrong.
func TestViLTRefuses(t *testing.T) {
	m := open(t, "testdata/vilt", Options{DType: "f32"})
	ctx := context.Background()
	states := m.encoded(t, []string{"wide.png"}, PictureOptions{})
	for says, f := range map[string]func() error{
		"the model reads 40": func() error {
			_, err := m.Answer(ctx, states, strings.Repeat("a ", 60), Request{})
			return err
		},
		`"blue" is none of the 7 answers`: func() error { _, err := m.Rank(ctx, states, "?", []string{"blue"}); return err },
		"too narrow": func() error {
			_, err := m.Encode(ctx, image.NewRGBA(image.Rect(0, 0, 1, 4000)), PictureOptions{})
			return err
		},
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want %q", err, says)
		}
	}
}
