package index

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// randomMetadata has few values of each kind, so that filters meet.
func randomMetadata(r *rand.Rand) map[string]any {
	m := map[string]any{}
	maybe := func(name string, v any) {
		if r.IntN(4) > 0 {
			m[name] = v
		}
	}
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	maybe("camera", pick("FUJIFILM X100V", "Canon EOS R6", "Canon X100", "ä b", "*"))
	maybe("taken", r.Int64N(2e9)-2e8)
	maybe("zone", int64(r.IntN(25)-12)*3600)
	maybe("tag", []string{pick("a", "b"), pick("b", "c", "Two Words")})
	maybe("width", int64(r.IntN(20)))
	maybe("latitude", float64(r.IntN(20)))
	maybe("longitude", float64(r.IntN(20))-10)
	maybe("mixed", []any{int64(r.IntN(5)), float64(r.IntN(5)) + 0.5, pick("1", "x y", "true"), r.IntN(2) == 0}[r.IntN(4)])
	maybe("secret", pick("x", "y"))
	return m
}

func randomFilter(r *rand.Rand, depth int) string {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	if depth > 0 && r.IntN(3) > 0 {
		switch r.IntN(3) {
		case 0:
			return "not (" + randomFilter(r, depth-1) + ")"
		case 1:
			return "(" + randomFilter(r, depth-1) + " or " + randomFilter(r, depth-1) + ")"
		}
		return randomFilter(r, depth-1) + " and " + randomFilter(r, depth-1)
	}
	op := pick(":", "=", "!=", "<", "<=", ">", ">=")
	switch r.IntN(9) {
	case 0:
		return "camera" + op + pick("x100", "X100*", `"canon eos"`, "Canon*", `"Canon X100"`, "ä", "d")
	case 1:
		return "taken" + op + pick("1969", "1999", "2010-05", "2020-02-29", "2001-01-01T10:00")
	case 2:
		return pick("a", "b", "tag=c", "tag:words", `tag!="Two Words"`, "tag in(a,c)", "tag:t*")
	case 3:
		return pick("year", "month", "width") + op + pick("5", "11", "2010", "1.5")
	case 4:
		return fmt.Sprintf("near(%d,%d,%dkm)", r.IntN(20), r.IntN(20)-10, r.IntN(800))
	case 5:
		return "mixed" + op + pick("1", "2.5", "true", `"x y"`, "x", "?", "1*")
	case 6:
		return pick("name", "path", "folder") + op + pick("1", "/f1/*", "f?", "**/*2.jpg", "*1*", "/f2/d/**", "d")
	case 7:
		return pick("secret", "absent", "gps", "camera", "tag", "taken", "mixed") + pick(":*", "=*", "!=*")
	}
	return "secret" + op + "x"
}

// filterBench is an index that changes under a plain map.
type filterBench struct {
	t     *testing.T
	r     *rand.Rand
	ix    *Index
	docs  map[string]Document
	space Space
}

func (b *filterBench) change(n int) {
	b.t.Helper()
	var changes []Change
	for range n {
		id := fmt.Sprintf("/f%d/d/%d.jpg", b.r.IntN(3), b.r.IntN(400))
		old, known := b.docs[id]
		d := Document{ID: id, Metadata: randomMetadata(b.r), Hidden: b.r.IntN(10) == 0}
		switch {
		case known && b.r.IntN(4) == 0:
			delete(b.docs, id)
			changes = append(changes, Change{Delete, d})
			continue
		case known && b.r.IntN(2) == 0:
			d.Vectors = old.Vectors
			changes = append(changes, Change{Update, d})
		default:
			for range b.r.IntN(3) { // none, one or two vectors
				d.Vectors = map[string][][]float32{"v": append(d.Vectors["v"], []float32{b.r.Float32(), b.r.Float32(), b.r.Float32()})}
			}
			changes = append(changes, Change{Put, d})
		}
		b.docs[id] = d
	}
	receipt, err := b.ix.Apply(context.Background(), changes)
	if err == nil {
		err = receipt.Err()
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// passes tries a filter on a document the way of the plain map.
func (b *filterBench) passes(f *Filter, d Document) bool {
	m := map[string]any{}
	for k, v := range d.Metadata {
		if k != "secret" {
			m[k] = v
		}
	}
	return !d.Hidden && f.Match(d.ID, m)
}

func (b *filterBench) check(text string) {
	b.t.Helper()
	f, err := ParseFilter(text)
	if err != nil {
		b.t.Fatalf("%s: %v", text, err)
	}
	ctx := context.Background()
	q := []float32{b.r.Float32(), b.r.Float32(), b.r.Float32()}
	found, err := b.ix.Search(ctx, Query{Space: "v", Vector: q, Limit: 1000})
	all := found.Hits
	if err != nil {
		b.t.Fatal(err)
	}
	limit := 1 + b.r.IntN(60)
	var want []string
	for _, h := range all {
		if b.passes(f, b.docs[h.ID]) && len(want) < limit {
			want = append(want, fmt.Sprint(h.ID, h.Score, h.Ordinal))
		}
	}
	answer, err := b.ix.Search(ctx, Query{Space: "v", Vector: q, Limit: limit, Filter: f})
	hits := answer.Hits
	if err != nil {
		b.t.Fatal(err)
	}
	var got []string
	for _, h := range hits {
		got = append(got, fmt.Sprint(h.ID, h.Score, h.Ordinal))
	}
	if !slices.Equal(got, want) {
		b.t.Fatalf("%s: %d hits, want %d\n%v\n%v", text, len(got), len(want), got, want)
	}
	b.checkSelect(f, text)
}

// checkSelect compares the listing with the plain map's.
func (b *filterBench) checkSelect(f *Filter, text string) {
	b.t.Helper()
	var want []Document
	for _, d := range b.docs {
		if b.passes(f, d) {
			want = append(want, d)
		}
	}
	age := func(id string) float64 {
		d := fact{id: id, metadata: b.docs[id].Metadata}
		for _, name := range []string{fieldTaken, fieldWidth} {
			if v := d.values(name); len(v) > 0 {
				return v[0].num
			}
		}
		return math.Inf(-1)
	}
	found, err := b.ix.Select(context.Background(), Selection{Filter: f, Newest: []string{fieldTaken, fieldWidth}, Limit: 1000})
	hits := found.Hits
	if err != nil || len(hits) != len(want) {
		b.t.Fatalf("%s: selects %d, want %d (%v)", text, len(hits), len(want), err)
	}
	for _, h := range hits {
		if !b.passes(f, b.docs[h.ID]) {
			b.t.Fatalf("%s: selects %s", text, h.ID)
		}
	}
	if !slices.IsSortedFunc(hits, func(a, c Hit) int {
		return cmp.Or(cmp.Compare(age(c.ID), age(a.ID)), cmp.Compare(a.Ordinal, c.Ordinal))
	}) {
		b.t.Fatalf("%s: not newest first: %v", text, hits)
	}
}

// TestFilteredSearch compares filtered searches with filtering what an
// exhaustive search found, while documents come, change and go.
func TestFilteredSearch(t *testing.T) {
	ix, err := Open(t.TempDir(), Options{Private: []string{"secret"}, seal: 50})
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	b := &filterBench{t: t, r: rand.New(rand.NewPCG(7, 7)), ix: ix, docs: map[string]Document{}, space: Space{Name: "v", Dim: 3, Encoder: "e"}}
	if err := ix.Define(b.space); err != nil {
		t.Fatal(err)
	}
	passed := 0
	for round := range 12 {
		b.change([]int{1, 30, 300, 1000}[round%4])
		for range 30 {
			b.check(randomFilter(b.r, b.r.IntN(5)))
		}
		if ix.view.Load().facts != nil {
			passed++
		}
	}
	if passed == 0 {
		t.Error("no filter used columns")
	}
}

// TestFilterWhileWriting searches while metadata flips: what is found passes, and
// of the two halves that always change places one is found whole.
func TestFilterWhileWriting(t *testing.T) {
	ix, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	if err := ix.Define(Space{Name: "v", Dim: 2, Encoder: "e"}); err != nil {
		t.Fatal(err)
	}
	flip := func(n int) {
		var changes []Change
		for i := range 20 {
			changes = append(changes, Change{Put, Document{ID: fmt.Sprint(i), Vectors: map[string][][]float32{"v": {{1, float32(i)}}},
				Metadata: map[string]any{"on": (i+n)%2 == 0}}})
		}
		if receipt, err := ix.Apply(context.Background(), changes); err != nil || receipt.Err() != nil {
			t.Error(err, receipt.Err())
		}
	}
	flip(0)
	f, err := ParseFilter("on:true")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 150 {
			flip(n)
		}
	}()
	for writing := true; writing; {
		select {
		case <-done:
			writing = false
		default:
		}
		found, err := ix.Search(context.Background(), Query{Space: "v", Vector: []float32{1, 1}, Limit: 30, Filter: f})
		hits := found.Hits
		if err != nil {
			t.Fatal(err)
		}
		parity := map[byte]int{}
		for _, h := range hits {
			if h.Metadata["on"] != true {
				t.Fatalf("%s was found with %v", h.ID, h.Metadata)
			}
			parity[(h.ID[len(h.ID)-1]-'0')%2]++
		}
		if len(hits) != 10 || len(parity) != 1 {
			t.Fatalf("found %v: not one moment", parity)
		}
	}
}

func TestFields(t *testing.T) {
	ix, err := Open(t.TempDir(), Options{Private: []string{"hash"}})
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	receipt, err := ix.Put(context.Background(),
		Document{ID: "/a/1.jpg", Metadata: map[string]any{"tag": []string{"sea", "my dog"}, "hash": "x", "taken": int64(1e9), "zone": 0}},
		Document{ID: "/a/2.jpg", Metadata: map[string]any{"tag": []string{"sea"}, "latitude": 1.5, "longitude": 2}},
		Document{ID: "/b/3.jpg", Metadata: map[string]any{"tag": []string{"hidden"}, "own": true}, Hidden: true})
	if err != nil || receipt.Err() != nil {
		t.Fatal(err, receipt.Err())
	}
	fields, err := ix.Fields(2)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range fields {
		got = append(got, fmt.Sprint(f.Name, f.Documents, f.Examples))
	}
	want := `added0 [] folder2 [/a] gps1 [near(1.5,2,1km)] latitude1 [1.5] longitude1 [2] month1 [9] name2 [1.jpg 2.jpg] path2 [/a/1.jpg /a/2.jpg] tag2 [sea "my dog"] taken1 [2001-09-09] year1 [2001] zone1 [0]`
	if strings.Join(got, " ") != want {
		t.Errorf("fields %s\nwant %s", strings.Join(got, " "), want)
	}
}
