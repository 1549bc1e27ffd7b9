package index

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	scaleData = flag.String("scale-data", "", "folder of base.npy, queries and samples by tools/peers/index/make.py, for TestScale")
	scaleDir  = flag.String("scale-dir", "", "where TestScale keeps its index")
	scaleRows = flag.Int("scale-rows", 0, "how many rows of the base it takes; 0 means all")
)

// npy reads a float32 array of rows.
func npy(t *testing.T, name string) [][]float32 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(*scaleData, name))
	check(t, err)
	head := 10 + int(binary.LittleEndian.Uint16(data[8:]))
	var n, dim int
	text := string(data[10:head])
	_, err = fmt.Sscanf(text[strings.Index(text, "'shape': (")+10:], "%d, %d", &n, &dim)
	check(t, err)
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, dim)
		decodeVector(out[i], data[head+i*4*dim:head+(i+1)*4*dim])
	}
	return out
}

// resident is the process's anonymous memory in MB, 0 where it is not known.
func resident() int {
	runtime.GC()
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	kb := 0
	fmt.Sscanf(rest, "%d", &kb)
	return kb >> 10
}

// TestScale fills an index with the test data of tools/peers/index, waits for its
// graph, and measures: memory, the time from opening to the first answer after a
// clean stop and after none, queries a second and their recall.
func TestScale(t *testing.T) {
	if *scaleData == "" {
		t.Skip("needs -scale-data")
	}
	ctx := context.Background()
	ix, err := Open(*scaleDir, Options{Logf: t.Logf})
	check(t, err)
	check(t, ix.Define(Space{Name: "v", Dim: 512}))
	s, err := ix.Stats()
	check(t, err)
	if s.Documents > 0 {
		begun := time.Now()
		found, err := ix.Search(ctx, Query{Space: "v", Vector: npy(t, "picture-queries.npy")[0]})
		check(t, err)
		t.Logf("first answer of %d documents %v after Open, plan %s, %d compared", s.Documents, time.Since(begun), found.Plan, found.Visited)
	}
	fill(t, ix, s.Documents)
	start := time.Now()
	_, err = ix.load()
	check(t, err)
	for {
		s := ix.view.Load().shelves["v"]
		if s != nil && s.graph.Load() != nil && s.linked() == s.n && s.walked.Load() && !s.untaught(s.n) && !ix.waiting() {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("ready after %v; %d MB of anonymous memory", time.Since(start), resident())
	for _, kind := range []string{"picture", "text"} {
		ask(t, ix, kind)
	}
	t.Logf("%d MB of anonymous memory with the cache", resident())
	start = time.Now()
	check(t, ix.Close())
	t.Logf("closed in %v", time.Since(start))
	q := npy(t, "picture-queries.npy")[0]
	start = time.Now()
	ix, err = Open(*scaleDir, Options{Logf: t.Logf})
	check(t, err)
	opened := time.Since(start)
	found, err := ix.Search(ctx, Query{Space: "v", Vector: q})
	check(t, err)
	t.Logf("opened in %v; first answer %v after that began, plan %s, %d hits", opened, time.Since(start), found.Plan, len(found.Hits))
	check(t, ix.Close())
}

// fill writes the rows from the given one on.
func fill(t *testing.T, ix *Index, from int) {
	start := time.Now()
	base := npy(t, "base.npy")
	if *scaleRows > 0 {
		base = base[:*scaleRows]
	}
	for at := from; at < len(base); at += 500 {
		var changes []Change
		for i := at; i < min(at+500, len(base)); i++ {
			changes = append(changes, Change{Put, Document{ID: fmt.Sprint(i), Vectors: map[string][][]float32{"v": {base[i]}}}})
		}
		_, err := ix.Apply(context.Background(), changes)
		check(t, err)
	}
	if from >= len(base) {
		return
	}
	check(t, ix.Learn(context.Background(), "v", npy(t, "text-sample.npy")))
	t.Logf("%d rows written in %v", len(base)-from, time.Since(start))
}

// ask measures one kind of query.
func ask(t *testing.T, ix *Index, kind string) {
	queries := npy(t, kind+"-queries.npy")
	queries = queries[:min(len(queries), 200)]
	hit, plans, expected := 0, map[Plan]int{}, 0.0
	for _, q := range queries {
		got, err := ix.Search(context.Background(), Query{Space: "v", Vector: q, MinRecall: 0.99})
		check(t, err)
		want, err := ix.Search(context.Background(), Query{Space: "v", Vector: q, Exact: true})
		check(t, err)
		for _, h := range got.Hits {
			if slices.ContainsFunc(want.Hits, func(w Hit) bool { return w.ID == h.ID }) {
				hit++
			}
		}
		plans[got.Plan]++
		expected += got.Expected / float64(len(queries))
	}
	recall := float64(hit) / float64(10*len(queries))
	n, start := 0, time.Now()
	for time.Since(start) < 3*time.Second {
		_, err := ix.Search(context.Background(), Query{Space: "v", Vector: queries[n%len(queries)], MinRecall: 0.99})
		check(t, err)
		n++
	}
	t.Logf("%s: %.0f queries/s, recall %.4f (%.4f expected), %v", kind, float64(n)/time.Since(start).Seconds(), recall, math.Round(expected*1e4)/1e4, plans)
}
