package index

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

var (
	benchDocuments = flag.Int("filter.documents", 20_000, "documents of BenchmarkFilter")
	benchDir       = flag.String("filter.dir", "", "where BenchmarkFilter keeps them; empty means nowhere")
)

// pictureDocument has the fields that a library gives a picture.
func pictureDocument(r *rand.Rand, i int) Document {
	m := map[string]any{
		"kind": []string{"jpeg", "jpeg", "jpeg", "heic", "png"}[r.IntN(5)], "source": "file", "hash": fmt.Sprintf("%032x", r.Uint64()),
		"size": r.Int64N(8e6), "added": 1.7e9 + int64(i)/20, "mtime": r.Int64N(2e9), "inode": r.Int64(),
		"width": []int64{6000, 4000, 4032, 3024}[r.IntN(4)], "height": []int64{4000, 3024, 3000}[r.IntN(3)],
		"camera": fmt.Sprintf("Maker Model%d", r.IntN(20)), "lens": fmt.Sprintf("Lens %dmm F2", r.IntN(60)),
		"taken": 9.5e8 + r.Int64N(8e8), "zone": int64(r.IntN(3)) * 3600,
		"tag": []string{fmt.Sprintf("t%d", r.IntN(1000)), fmt.Sprintf("place %d", r.IntN(300))},
	}
	if r.IntN(10) < 7 {
		m["latitude"], m["longitude"] = r.Float64()*180-90, r.Float64()*360-180
	}
	return Document{ID: fmt.Sprintf("/home/someone/Pictures/%d/Album %d/IMG_%06d.jpg", 2000+i/50_000, i/200, i), Metadata: m}
}

// fillBench writes documents past the index, whose other parts do not matter here.
func fillBench(b *testing.B, dir string, n int) {
	ix, err := Open(dir, Options{Private: []string{"hash", "mtime", "inode"}})
	if err != nil {
		b.Fatal(err)
	}
	if s, err := ix.Stats(); err != nil || s.Documents == n {
		ix.Close()
		return
	}
	r := rand.New(rand.NewPCG(1, 1))
	batch := ix.db.NewBatch()
	for i := range n {
		d := pictureDocument(r, i)
		value, err := encodeRecord(&d)
		if err != nil {
			b.Fatal(err)
		}
		batch.Set(docKey(uint32(i)), value, nil)
		batch.Set(idKey(d.ID), binary.BigEndian.AppendUint32(nil, uint32(i)), nil)
		if batch.Len() > 4<<20 || i == n-1 {
			batch.Set([]byte(keyNext), binary.BigEndian.AppendUint64(nil, uint64(n)), nil)
			if err := ix.db.Apply(batch, syncWrites); err != nil {
				b.Fatal(err)
			}
			batch.Reset()
		}
	}
	if err := ix.Close(); err != nil {
		b.Fatal(err)
	}
}

func heapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkFilter opens an index of pictures without vectors, reads its columns and
// asks for filters that were not asked before. Its columns are made anew once.
func BenchmarkFilter(b *testing.B) {
	n, dir := *benchDocuments, *benchDir
	if dir == "" {
		dir = b.TempDir()
	}
	fillBench(b, dir, n)
	for _, saved := range []bool{false, true} {
		if !saved {
			os.RemoveAll(filepath.Join(dir, "derived"))
		}
		ix, err := Open(dir, Options{Private: []string{"hash", "mtime", "inode"}})
		if err != nil {
			b.Fatal(err)
		}
		before, start := heapBytes(), time.Now()
		v, err := ix.loadFacts(ix.view.Load())
		if err != nil {
			b.Fatal(err)
		}
		f, _ := ParseFilter("t7 and year>=2020")
		found := v.facts.matching(f).GetCardinality()
		first := time.Since(start)
		b.Logf("columns saved: %v; first filter after %v (%d found), %d bytes a document, %d segments", saved, first, found, (heapBytes()-before)/uint64(n), len(v.facts.segments))
		if saved {
			benchFilters(b, v)
		}
		start = time.Now()
		if err := ix.Close(); err != nil {
			b.Fatal(err)
		}
		b.Logf("closed in %v", time.Since(start))
	}
}

func benchFilters(b *testing.B, v *view) {
	for _, text := range []string{
		"t7", "year:2020", "camera:model3", "folder:\"album 77\"", "t7 and taken>=2010", "t7 and not camera:Model3 and width>4000",
		"taken>=2010", "size<1000000", "taken:2015-05", "near(50,10,50km)", "near(50,10,1000km)", "not t7", "camera:Model3 or width<4000",
		"name:IMG_000123.jpg", "name:*123.jpg", "path:/home/someone/Pictures/2001/**", "name:img and t7",
	} {
		f, err := ParseFilter(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text, func(b *testing.B) {
			matches := uint64(0)
			for b.Loop() {
				v.facts.cache.answers = nil
				matches = v.facts.matching(f).GetCardinality()
			}
			b.ReportMetric(float64(matches), "matches")
		})
	}
	b.Run("newest of all", func(b *testing.B) {
		for b.Loop() {
			v.facts.newest(v.facts.matching(nil), []string{fieldTaken, fieldAdded}, &newestOf{limit: 50})
		}
	})
	b.Run("facets of all", func(b *testing.B) {
		for b.Loop() {
			c := v.facts.counter(v.facts.matching(nil))
			for _, name := range []string{"kind", "camera", "lens", "tag", "year", "folder"} {
				c.facet(name, 10)
			}
		}
	})
}
