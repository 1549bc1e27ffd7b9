package words

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// captions makes texts as a picture library has them: a file name, a folder, tags and a
// caption of words with a long tail.
func captions(rng *rand.Rand, from, n int) []Text {
	texts := make([]Text, n)
	for i := range texts {
		var b strings.Builder
		for range 6 + rng.IntN(10) {
			fmt.Fprintf(&b, "%s ", wordNumber(int(math.Exp(rng.Float64()*10))))
		}
		texts[i] = Text{Ordinal: uint32(from + i), Values: []Value{
			{Label, fmt.Sprintf("IMG_%05d.jpg", from+i)},
			{Folder, fmt.Sprintf("/pictures/%d/%s", 2000+rng.IntN(25), wordNumber(rng.IntN(300)))},
			{Label, wordNumber(rng.IntN(200))},
			{Prose, "a " + b.String()},
		}}
	}
	return texts
}

// wordNumber makes distinct words that look like ones.
func wordNumber(n int) string {
	syllables := []string{"ba", "de", "ki", "lo", "mu", "ra", "se", "ti", "vo", "zu", "an", "er", "in", "os", "um", "et"}
	word := ""
	for n += 16; n > 0; n /= 16 {
		word += syllables[n%16]
	}
	return word + "s"
}

func library(b *testing.B, n int) *shelf {
	s := newShelf(b)
	rng := rand.New(rand.NewPCG(9, 10))
	for from := 0; from < n; from += 8192 {
		s.put(b, captions(rng, from, min(8192, n-from)))
	}
	if err := s.Merge(func() bool { return false }); err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkIndexing(b *testing.B) {
	rng := rand.New(rand.NewPCG(9, 10))
	s := newShelf(b)
	defer s.Close()
	at := 0
	for b.Loop() {
		s.put(b, captions(rng, at, 8192))
		at += 8192
		if err := s.Merge(func() bool { return false }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(at)/b.Elapsed().Seconds(), "docs/s")
	b.ReportMetric(float64(s.Stats().Bytes)/float64(at), "bytes/doc")
}

func BenchmarkSearching(b *testing.B) {
	s := library(b, 100_000)
	defer s.Close()
	for _, c := range []struct{ name, query string }{
		{"rare word", wordNumber(20000)},
		{"three words", wordNumber(30) + " " + wordNumber(300) + " " + wordNumber(40)},
		{"common word", wordNumber(2)},
		{"every file", "img"},
		{"phrase", `"` + wordNumber(2) + " " + wordNumber(5) + `"`},
		{"prefix", "deki*"},
		{"fuzzy", wordNumber(3000) + "~"},
	} {
		q, err := Parse(c.query, false)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			total := 0
			for b.Loop() {
				v := s.View()
				found, err := v.Search(context.Background(), q, Change{}, Wanted{Limit: 100})
				v.Close()
				if err != nil {
					b.Fatal(err)
				}
				total = found.Total
			}
			b.ReportMetric(float64(total), "hits")
		})
	}
}

func BenchmarkAnalysing(b *testing.B) {
	texts := captions(rand.New(rand.NewPCG(9, 10)), 0, 4000)
	for b.Loop() {
		for _, t := range texts {
			Analyse(t)
		}
	}
	b.ReportMetric(float64(b.N)*4000/b.Elapsed().Seconds(), "docs/s")
}

func BenchmarkListening(b *testing.B) {
	texts := captions(rand.New(rand.NewPCG(9, 10)), 0, 4000)
	q, err := Parse("beach dogs", false)
	if err != nil {
		b.Fatal(err)
	}
	listen := q.Listener()
	for b.Loop() {
		for _, t := range texts {
			listen(t)
		}
	}
	b.ReportMetric(float64(b.N)*4000/b.Elapsed().Seconds(), "docs/s")
}
