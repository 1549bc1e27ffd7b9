package decoder

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

// run is what the reference makes of a prompt.
type run struct {
	Prompt string
	IDs    []int32
	Begin  []int32 // what an encoder-decoder's logits are of; IDs is its source
	New    []int32 // greedy
	Text   *string // of New, where that can be told alone
}

// cases calls f with every golden folder.
func cases(t *testing.T, f func(t *testing.T, path string, g *golden.File, runs []run)) {
	files, err := filepath.Glob("testdata/*/config.json")
	if err != nil || len(files) < 10 {
		t.Fatal("no goldens", err)
	}
	for _, file := range files {
		path := filepath.Dir(file)
		t.Run(filepath.Base(path), func(t *testing.T) {
			var meta struct{ Runs []run }
			g := golden.Open(t, path, &meta)
			f(t, path, g, meta.Runs)
		})
	}
}

func open(t testing.TB, path string, o Options) *Decoder {
	t.Helper()
	d, err := Load(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// TestLogits holds logits to the reference, for prompts as a whole and in parts, and
// demands the same bits of both.
func TestLogits(t *testing.T) {
	cases(t, func(t *testing.T, path string, g *golden.File, runs []run) {
		d := open(t, path, Options{DType: "f32"})
		for i, r := range runs {
			source, ids := []int32(nil), r.IDs
			if r.Begin != nil {
				source, ids = r.IDs, r.Begin
			}
			got := d.logits(t, source, ids, len(ids))
			want := g.Rows(fmt.Sprintf("logits.%d", i))
			if shown := got[len(got)-1:]; i > 0 {
				golden.Within(t, r.Prompt, 1e-3, want, shown)
			} else {
				var fourth [][]float32
				for j := 0; j < len(got); j += 4 {
					fourth = append(fourth, got[j])
				}
				golden.Within(t, r.Prompt, 1e-3, want, fourth)
			}
			for _, part := range []int{1, 7, 16} {
				if diff := golden.MaxDiff(got, d.logits(t, source, ids, part)); diff != 0 {
					t.Errorf("%q in parts of %d tokens differs by %g", r.Prompt, part, diff)
				}
			}
		}
	})
}

// logits computes those after each of ids, part tokens at a time, with a cache that
// nobody else sees.
func (d *Decoder) logits(t *testing.T, source, ids []int32, part int) (out [][]float32) {
	t.Helper()
	q := &sequence{ctx: context.Background(), source: source, ids: ids, prompt: len(ids)}
	if !d.turns.reserve(q, len(ids)) {
		t.Fatal("no page")
	}
	defer d.turns.free(q)
	if source != nil {
		if err := d.encode(q.ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	for q.pending() > 0 {
		n := min(part, q.pending())
		p := d.turns.pass([]share{{q, n}})
		p.want = nil
		for i := range n {
			p.want = append(p.want, int32(i))
		}
		flat := make([]float32, n*d.Vocabulary())
		if err := d.run(context.Background(), p, flat); err != nil {
			t.Fatal(err)
		}
		out = slices.AppendSeq(out, slices.Chunk(flat, d.Vocabulary()))
		q.done += n
	}
	return out
}

// TestGreedy holds tokens and text to the reference, one prompt at a time and all of
// them together.
func TestGreedy(t *testing.T) {
	cases(t, func(t *testing.T, path string, _ *golden.File, runs []run) {
		d := open(t, path, Options{DType: "f32"})
		for _, r := range runs {
			d.checkRun(t, r)
		}
		d = open(t, path, Options{DType: "f32"})
		var all sync.WaitGroup
		for range 3 {
			for _, r := range runs {
				all.Go(func() { d.checkRun(t, r) })
			}
		}
		all.Wait()
	})
}

func (d *Decoder) checkRun(t *testing.T, r run) {
	q := d.Defaults()
	q.MaxTokens = len(r.New)
	var ids []int32
	var b strings.Builder
	usage, err := d.Complete(context.Background(), r.Prompt, q, func(p Piece) error {
		ids = append(ids, p.ID)
		b.WriteString(p.Text)
		return nil
	})
	if err != nil {
		t.Errorf("%q: %v", r.Prompt, err)
		return
	}
	if !slices.Equal(ids, r.New) {
		t.Errorf("%q gives %v, want %v", r.Prompt, ids, r.New)
	}
	if r.Text != nil && b.String() != *r.Text {
		t.Errorf("%q gives %q, want %q", r.Prompt, b.String(), *r.Text)
	}
	if usage.Prompt != len(r.IDs) || usage.Generated != len(r.New) {
		t.Errorf("%q: %+v, want %d and %d tokens", r.Prompt, usage, len(r.IDs), len(r.New))
	}
}

// TestCompany: sampled tokens have the same bits of logarithms alone and in a crowd,
// with room for all and with so little that sequences have to begin anew, in every
// dtype.
func TestCompany(t *testing.T) {
	for _, name := range []string{"gpt2", "llama-gqa", "llama-dynamic", "bart"} {
		for _, dtype := range []string{"f32", "bf16", "int8"} {
			t.Run(name+"-"+dtype, func(t *testing.T) {
				alone := open(t, "testdata/"+name, Options{DType: dtype, CacheTokens: 4096})
				crowd := open(t, "testdata/"+name, Options{DType: dtype, CacheTokens: 4096})
				tight := open(t, "testdata/"+name, Options{DType: dtype, CacheTokens: 96})
				r := rand.New(rand.NewPCG(1, 2))
				var all sync.WaitGroup
				for i := range 24 {
					prompt := make([]int32, 1+r.IntN(30))
					for j := range prompt {
						prompt[j] = int32(r.IntN(40) * 7)
					}
					if i%3 == 0 {
						copy(prompt, []int32{5, 7, 9, 11, 5, 7, 9, 11, 5, 7, 9, 11, 5, 7, 9, 11, 5, 7, 9, 11})
					}
					q := Request{Sampling: Sampling{Temperature: 0.9, TopP: 0.95, Seed: uint64(i)}, MaxTokens: 1 + r.IntN(30), LogProbs: true, Tops: 3}
					want := alone.tokens(t, prompt, q)
					for _, d := range []*Decoder{crowd, tight} {
						all.Go(func() {
							if got := d.tokens(t, prompt, q); !slices.Equal(got, want) {
								t.Errorf("prompt %d with room for %d tokens:\n%v alone,\n%v in company", i, len(d.pages.all)*pageSize, want, got)
							}
						})
					}
				}
				all.Wait()
			})
		}
	}
}

// tokens generates and returns all that is known of each token, as text.
func (d *Decoder) tokens(t *testing.T, prompt []int32, r Request) (out []string) {
	_, err := d.Generate(context.Background(), prompt, r, func(k Token) error {
		out = append(out, fmt.Sprint(k.ID, k.LogProb, k.Tops, k.Finish))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return out
}
