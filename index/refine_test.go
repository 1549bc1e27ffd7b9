package index

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestLikeIsRocchio(t *testing.T) {
	ix := pets(t)
	for _, c := range []struct {
		name string
		q    Query
		want string
	}{
		{"one", Query{Space: "v", Like: []string{"a.jpg"}}, "b.jpg c.jpg d.jpg"},
		{"two", Query{Space: "v", Like: []string{"a.jpg", "c.jpg"}}, "b.jpg d.jpg"},
		{"unlike", Query{Space: "v", Like: []string{"b.jpg"}, Unlike: []string{"a.jpg"}}, "c.jpg d.jpg"},
		{"and a vector", Query{Space: "v", Vector: []float32{0, 0, 1, 0}, Like: []string{"c.jpg"}}, "d.jpg b.jpg a.jpg"},
		{"and words", Query{Space: "v", Like: []string{"b.jpg"}, Words: "kite"}, "a.jpg c.jpg d.jpg"},
	} {
		if got := ids(search(t, ix, c.q).Hits); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// By hand: 0.75·(0.9, 0.4)/√0.97 − 0.15·(1, 0), at unit length, against c.
	u := 0.75 / math.Sqrt(0.97)
	x, y := u*0.9-0.15, u*0.4
	got := search(t, ix, Query{Space: "v", Like: []string{"b.jpg"}, Unlike: []string{"a.jpg"}}).Hits[0]
	if want := y / math.Hypot(x, y); math.Abs(float64(got.Score)-want) > 1e-6 {
		t.Errorf("score %v, want %v", got.Score, want)
	}
}

// album has groups of near duplicates along a circle: cosine 0.999 within one, at most 0.95
// between them.
func album(t testing.TB, groups, each int) *Index {
	rng := rand.New(rand.NewPCG(4, 4))
	var docs []Document
	for g := range groups {
		angle := float64(g) * 0.35
		for i := range each {
			a := angle + 0.02*rng.Float64()
			d := doc(fmt.Sprintf("%d-%d.jpg", g, i), "album", float32(math.Cos(a)), float32(math.Sin(a)), 0, 0)
			d.Metadata["roll"] = fmt.Sprintf("roll %d", g%3)
			docs = append(docs, d)
		}
	}
	return gallery(t, Options{}, docs...)
}

func TestCollapse(t *testing.T) {
	ix := album(t, 5, 80)
	found := search(t, ix, Query{Space: "v", Vector: []float32{1, 0, 0, 0}, Collapse: 0.99, Limit: 4})
	if len(found.Hits) != 4 {
		t.Fatalf("%d hits", len(found.Hits))
	}
	for g, h := range found.Hits {
		if !strings.HasPrefix(h.ID, fmt.Sprint(g, "-")) || len(h.Folded) != 79 && g < 3 {
			t.Errorf("%s stands for %d", h.ID, len(h.Folded))
		}
		for _, id := range h.Folded {
			if !strings.HasPrefix(id, fmt.Sprint(g, "-")) {
				t.Errorf("%s is folded into %s", id, h.ID)
			}
		}
	}
}

func TestGroupBy(t *testing.T) {
	ix := album(t, 6, 90)
	q := Query{Space: "v", Vector: []float32{1, 0, 0, 0}, GroupBy: "roll", Limit: 2}
	first := search(t, ix, q)
	if len(first.Hits) != 2 || first.Hits[0].Group != "roll 0" || first.Hits[1].Group != "roll 1" || first.Next == "" {
		t.Fatalf("%+v", first)
	}
	best := search(t, ix, Query{Space: "v", Vector: q.Vector, Limit: 1}).Hits[0]
	if first.Hits[0].ID != best.ID || first.Hits[0].GroupSize < 90 {
		t.Errorf("%+v, want %s", first.Hits[0], best.ID)
	}
	// Others write meanwhile; the pages are of one moment.
	if _, err := ix.Put(context.Background(), doc("new.jpg", "", 1, 0, 0, 0)); err != nil {
		t.Fatal(err)
	}
	q.Cursor = first.Next
	second := search(t, ix, q)
	if len(second.Hits) != 1 || second.Hits[0].Group != "roll 2" || second.Next != "" || second.Seq != first.Seq {
		t.Errorf("%+v", second)
	}
}

func TestDiversityIsMMR(t *testing.T) {
	ix := album(t, 4, 3)
	v := []float32{1, 0, 0, 0}
	all := search(t, ix, Query{Space: "v", Vector: v, Limit: 100}).Hits
	for _, diversity := range []float64{0.3, 0.6, 1} {
		found := search(t, ix, Query{Space: "v", Vector: v, Diversity: diversity, Limit: 6})
		var want []string
		for _, i := range mmr(t, ix, all, diversity, 6) {
			want = append(want, all[i].ID)
		}
		if got := ids(found.Hits); got != strings.Join(want, " ") {
			t.Errorf("%v: %s, want %s", diversity, got, strings.Join(want, " "))
		}
		for _, h := range found.Hits {
			if at := slices.IndexFunc(all, func(o Hit) bool { return o.ID == h.ID }); all[at].Score != h.Score {
				t.Errorf("%s has the score %v", h.ID, h.Score)
			}
		}
	}
}

// mmr is the formula, in float64 and without any memory.
func mmr(t *testing.T, ix *Index, all []Hit, diversity float64, n int) []int {
	vector := make([][]float32, len(all))
	for i, h := range all {
		d, err := ix.Get(h.ID)
		if err != nil {
			t.Fatal(err)
		}
		vector[i] = d.Vectors["v"][0]
	}
	var out []int
	for len(out) < n {
		best, top := -1, math.Inf(-1)
		for i, h := range all {
			if slices.Contains(out, i) {
				continue
			}
			near := 0.0
			for _, j := range out {
				near = max(near, float64(dot(vector[i], vector[j])))
			}
			relevance := float64(h.Score-all[len(all)-1].Score) / float64(all[0].Score-all[len(all)-1].Score)
			if value := (1-diversity)*relevance - diversity*near; value > top {
				best, top = i, value
			}
		}
		out = append(out, best)
	}
	return out
}

// TestPagesOfWordsWhileOthersWrite: no hit twice, none missing, as of the first page.
func TestPagesOfWordsWhileOthersWrite(t *testing.T) {
	s := newSpoken(t, 7)
	defer func() { s.Close() }()
	for range 3 {
		s.change(300)
	}
	for _, q := range []Query{{Words: "beach"}, {Words: "hund", Highlight: 40}, {Words: "do*"}} {
		q.Limit = 1000
		whole := search(t, s.Index, q)
		q.Limit = 7
		var pages []Hit
		for {
			page := search(t, s.Index, q)
			pages = append(pages, page.Hits...)
			if page.Seq != whole.Seq {
				t.Fatalf("a page as of %d, the first as of %d", page.Seq, whole.Seq)
			}
			if page.Next == "" {
				break
			}
			q.Cursor = page.Next
			s.change(60)
			if s.rng.IntN(3) == 0 {
				s.fold()
			}
		}
		if len(whole.Hits) < 30 || ids(pages) != ids(whole.Hits) {
			t.Errorf("%s: pages %s, whole %s", q.Words, ids(pages), ids(whole.Hits))
		}
		for i, h := range whole.Hits {
			if pages[i].Score != h.Score {
				t.Errorf("%s: %s has %v on a page, %v in the whole", q.Words, h.ID, pages[i].Score, h.Score)
			}
		}
	}
}

func TestDuplicatesAreJoinedBySingleLinks(t *testing.T) {
	ix := album(t, 4, 5)
	ctx := context.Background()
	// A chain of small steps from the first group to the second joins them.
	var chain []Document
	for i := range 10 {
		a := 0.02 + 0.035*float64(i)
		chain = append(chain, doc(fmt.Sprintf("chain-%d.jpg", i), "", float32(math.Cos(a)), float32(math.Sin(a)), 0, 0))
	}
	if _, err := ix.Put(ctx, append(chain, doc("alone.jpg", "", 0, 0, 1, 0), doc("bare.jpg", ""))...); err != nil {
		t.Fatal(err)
	}
	if _, err := ix.Delete(ctx, "2-0.jpg"); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for g, err := range ix.Duplicates(ctx, "v", 0.999) {
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(g.IDs))
		if !slices.IsSorted(g.Ordinals) || len(g.Ordinals) != len(g.IDs) || g.Least < 0.999 {
			t.Errorf("%+v", g)
		}
	}
	if !slices.Equal(sizes, []int{20, 4, 5}) {
		t.Errorf("groups of %v", sizes)
	}
	for _, threshold := range []float32{0, 1.5, float32(math.NaN())} {
		for _, err := range ix.Duplicates(ctx, "v", threshold) {
			if err == nil {
				t.Errorf("a threshold of %v is taken", threshold)
			}
		}
	}
	for _, err := range ix.Duplicates(ctx, "w", 0.9) {
		if err == nil {
			t.Error("a space that is not there is taken")
		}
	}
}

// TestDuplicatesByPairsAndBySearch: both ways make the same groups.
func TestDuplicatesByPairsAndBySearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	var docs []Document
	for i := range 300 {
		docs = append(docs, doc(fmt.Sprint(i), "", rng.Float32(), rng.Float32(), rng.Float32(), rng.Float32()))
	}
	ix := gallery(t, Options{}, docs...)
	v, err := ix.load()
	if err != nil {
		t.Fatal(err)
	}
	snap := ix.db.NewSnapshot()
	defer snap.Close()
	m, err := momentOf(snap, v.seq)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := v.space("v")
	var groups [2][]Duplicates
	for way := range groups {
		d := duplicator{ix: ix, v: v, m: m, s: s, threshold: 0.998, parent: map[uint32]uint32{}, least: map[uint32]float32{}}
		if err := d.read(); err != nil {
			t.Fatal(err)
		}
		look := d.pairs
		if way == 1 {
			look = d.walk
		}
		if err := look(context.Background()); err != nil {
			t.Fatal(err)
		}
		if groups[way], err = d.groups(); err != nil {
			t.Fatal(err)
		}
	}
	if len(groups[0]) < 5 || !slices.EqualFunc(groups[0], groups[1], func(a, b Duplicates) bool { return slices.Equal(a.Ordinals, b.Ordinals) && a.Least == b.Least }) {
		t.Errorf("%v\n%v", groups[0], groups[1])
	}
}

// TestWordsAsOf: an answer about the past is the answer that was given then, whatever
// was written, folded and restarted since.
func TestWordsAsOf(t *testing.T) {
	s := newSpoken(t, 8)
	defer func() { s.Close() }()
	type answer struct {
		q    Query
		hits []Hit
	}
	var answers []answer
	for round := range 6 {
		s.change(120)
		for range 5 {
			q := Query{Words: s.query(), Limit: 1000}
			found := search(t, s.Index, q)
			q.AsOf = found.Seq
			answers = append(answers, answer{q, found.Hits})
		}
		if round%2 == 1 {
			s.fold()
		}
		if round == 3 {
			s.Close()
			s.open()
		}
	}
	some := 0
	for _, a := range answers {
		hits := search(t, s.Index, a.q).Hits
		some += len(hits)
		if !slices.EqualFunc(hits, a.hits, func(x, y Hit) bool { return x.ID == y.ID && x.Score == y.Score && x.Ordinal == y.Ordinal }) {
			t.Errorf("%q as of %d: %s, then %s", a.q.Words, a.q.AsOf, ids(hits), ids(a.hits))
		}
	}
	if some == 0 {
		t.Error("nothing was found at all")
	}
}
