package index

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
)

const benchDocs = 100_000

// syllabled are distinct words with a long tail.
func syllabled(n int) string {
	word := ""
	for n += 16; n > 0; n /= 16 {
		word += []string{"ba", "de", "ki", "lo", "mu", "ra", "se", "ti", "vo", "zu", "an", "er", "in", "os", "um", "et"}[n%16]
	}
	return word + "s"
}

// captioned fills an index with documents as a picture library has them.
func captioned(b *testing.B, dir string, n int) *Index {
	ix, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for from := 0; from < n; from += 1000 {
		docs := make([]Document, min(1000, n-from))
		for i := range docs {
			var caption strings.Builder
			for range 6 + rng.IntN(10) {
				fmt.Fprintf(&caption, "%s ", syllabled(int(math.Exp(rng.Float64()*10))))
			}
			docs[i] = Document{ID: fmt.Sprintf("/pictures/%d/%s/IMG_%05d.jpg", 2000+rng.IntN(25), syllabled(rng.IntN(300)), from+i),
				Metadata: map[string]any{"caption": caption.String(), "tags": []string{syllabled(rng.IntN(200))}}}
		}
		if _, err := ix.Put(context.Background(), docs...); err != nil {
			b.Fatal(err)
		}
	}
	return ix
}

// BenchmarkWords writes documents, waits until their words are in files and searches.
func BenchmarkWords(b *testing.B) {
	began := time.Now()
	dir := b.TempDir()
	ix := captioned(b, dir, benchDocs)
	written := time.Since(began)
	first := time.Now()
	if _, err := ix.Search(context.Background(), Query{Words: "img"}); err != nil {
		b.Fatal(err)
	}
	b.Logf("written in %v, the first answer after %v more", written, time.Since(first))
	for stale := uint64(benchDocs); stale > foldAt; time.Sleep(10 * time.Millisecond) {
		ix.words.mu.Lock()
		stale = ix.words.stale.GetCardinality()
		ix.words.mu.Unlock()
	}
	b.Logf("%.0f documents a second into files", benchDocs/time.Since(began).Seconds())
	time.Sleep(2 * foldIdle)
	var mem runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&mem)
	stats := ix.words.files.Stats()
	b.Logf("heap %d MB, files %d MB in %d", mem.HeapAlloc>>20, stats.Bytes>>20, stats.Segments)
	for _, c := range []struct{ name, words string }{
		{"one rare word", syllabled(20000)}, {"three words", syllabled(30) + " " + syllabled(300) + " " + syllabled(40)},
		{"a common word", syllabled(2)}, {"in every name", "img"}, {"a phrase", `"` + syllabled(2) + " " + syllabled(5) + `"`},
		{"a prefix", "deki*"}, {"fuzzy", syllabled(3000) + "~"},
	} {
		b.Run(c.name, func(b *testing.B) {
			total := 0
			for b.Loop() {
				found, err := ix.Search(context.Background(), Query{Words: c.words})
				if err != nil {
					b.Fatal(err)
				}
				total = found.Legs[0].Total
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
			b.ReportMetric(float64(total), "documents")
		})
	}
	if err := ix.Close(); err != nil {
		b.Fatal(err)
	}
	opened := time.Now()
	ix, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer ix.Close()
	if _, err := ix.Search(context.Background(), Query{Words: "img"}); err != nil {
		b.Fatal(err)
	}
	b.Logf("opened, every byte checked, and answered in %v", time.Since(opened))
}
