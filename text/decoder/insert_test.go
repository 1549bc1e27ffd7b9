package decoder

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
)

// embeddings are those of tokens, one row after the other.
func (d *Decoder) embeddings(t *testing.T, ids []int32) []float32 {
	t.Helper()
	out := make([]float32, len(ids)*d.Width())
	err := d.pool.Device().Run(context.Background(), d.lane, func(s *tensor.Stream) error {
		x := s.NewDense(tensor.F32, len(ids), d.Width())
		embed(s, d.net.Tokens.T, ids, tensor.Tensor{}, nil, &d.net.PreNorm, x)
		return tensor.Get(s, out, x)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestInserts: embeddings in the place of tokens do what the tokens do whose embeddings
// they are, bit for bit, however the prompt is cut; what has another key is not shared.
func TestInserts(t *testing.T) {
	for _, dtype := range []string{"f32", "bf16"} {
		d := open(t, "testdata/llama-gqa", Options{DType: dtype})
		long := make([]int32, 60)
		for i := range long {
			long[i] = int32(3 + i*5)
		}
		want := d.tokens(t, long, Request{MaxTokens: 8, LogProbs: true})
		masked := slices.Clone(long)
		rows := d.embeddings(t, long)
		c := d.Width()
		inserts := []Insert{{At: 2, Rows: rows[2*c : 21*c], Key: [32]byte{1}}, {At: 21, Rows: rows[21*c : 25*c], Key: [32]byte{2}}, {At: 40, Rows: rows[40*c:], Key: [32]byte{3}}}
		for _, in := range inserts {
			for i := range len(in.Rows) / c {
				masked[in.At+i] = 7 // stands for a picture
			}
		}
		for i, k := range []struct {
			inserts []Insert
			cached  int
		}{
			{inserts, 0},
			{inserts, 48},
			{[]Insert{inserts[0], {At: 21, Rows: inserts[1].Rows, Key: [32]byte{9}}, inserts[2]}, 16},
			{[]Insert{inserts[0], inserts[1], {At: 40, Rows: inserts[2].Rows, Key: [32]byte{9}}}, 32},
		} {
			var got []string
			u, err := d.Generate(context.Background(), masked, Request{MaxTokens: 8, LogProbs: true, Inserts: k.inserts}, func(k Token) error {
				got = append(got, fmt.Sprint(k.ID, k.LogProb, k.Tops, k.Finish))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if u.Cached != k.cached || !slices.Equal(got, want) {
				t.Errorf("%s, %d: %d cached, want %d;\n%v, want\n%v", dtype, i, u.Cached, k.cached, got, want)
			}
		}
	}
}

// TestInsertsInCompany: prompts that are together longer than a turn, and so cut,
// give the same alone and beside others, and with so little room that they have to
// begin anew.
func TestInsertsInCompany(t *testing.T) {
	alone := open(t, "testdata/llama-gqa", Options{DType: "f32", CacheTokens: 4096})
	tight := open(t, "testdata/llama-gqa", Options{DType: "f32", CacheTokens: 192})
	rows := alone.embeddings(t, slices.Repeat([]int32{5, 9, 11, 2}, 15))
	prompt := slices.Repeat([]int32{7}, 80)
	var all sync.WaitGroup
	for i := range 8 {
		r := Request{
			Sampling: Sampling{Temperature: 0.9, Seed: uint64(i)}, MaxTokens: 10, LogProbs: true,
			Inserts: []Insert{{At: 3 + i, Rows: rows, Key: [32]byte{byte(i % 2)}}},
		}
		want := alone.tokens(t, prompt, r)
		all.Go(func() {
			if got := tight.tokens(t, prompt, r); !slices.Equal(got, want) {
				t.Errorf("%d: %v in company, %v alone", i, got, want)
			}
		})
	}
	all.Wait()
}

// TestScore: the probabilities of tokens that are given are those of the same tokens
// when they are generated, in company too.
func TestScore(t *testing.T) {
	for _, room := range []int{0, 96} {
		d := open(t, "testdata/llama-gqa", Options{DType: "f32", CacheTokens: room})
		prompt := make([]int32, 40)
		for i := range prompt {
			prompt[i] = int32(3 + i*5)
		}
		var all sync.WaitGroup
		for seed := range 4 {
			var next []int32
			var want []float32
			r := Request{Sampling: Sampling{Temperature: 1.5, Seed: uint64(seed)}, MaxTokens: 12, LogProbs: true}
			if _, err := d.Generate(context.Background(), prompt, r, func(k Token) error {
				next, want = append(next, k.ID), append(want, k.LogProb)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			for n := range 3 {
				n := len(next) - n
				all.Go(func() {
					got, err := d.Score(context.Background(), prompt, next[:n], Request{})
					if err != nil || !slices.Equal(got, want[:n]) {
						t.Errorf("room for %d tokens: %v %v, want %v", room, got, err, want[:n])
					}
				})
			}
		}
		all.Wait()
	}
}

// TestBadInserts: what does not fit is refused in words.
func TestBadInserts(t *testing.T) {
	d := open(t, "testdata/llama-gqa", Options{DType: "f32"})
	row := make([]float32, d.Width())
	for _, c := range []struct {
		inserts []Insert
		want    string
	}{
		{[]Insert{{At: 0}}, "0 numbers"},
		{[]Insert{{At: 0, Rows: row[1:]}}, "want a multiple"},
		{[]Insert{{At: 4, Rows: row}}, "0 to 3 are free"},
		{[]Insert{{At: -1, Rows: row}}, "0 to 3 are free"},
		{[]Insert{{At: 2, Rows: row}, {At: 2, Rows: row}}, "3 to 3 are free"},
	} {
		if _, err := d.Generate(context.Background(), make([]int32, 4), Request{Inserts: c.inserts}, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	for _, name := range []string{"gpt2", "bart"} {
		d := open(t, "testdata/"+name, Options{DType: "f32"})
		if _, err := d.Generate(context.Background(), make([]int32, 4), Request{Inserts: []Insert{{Rows: make([]float32, d.Width())}}}, nil); err == nil || !strings.Contains(err.Error(), "tokens only") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, next := range [][]int32{{-1}, {2, 1 << 30}} {
		if _, err := d.Score(context.Background(), []int32{1}, next, Request{}); err == nil {
			t.Errorf("%v is no error", next)
		}
	}
}
