package index

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/emblem-search/emblem/internal/columns"
)

// variedMetadata takes every way that a segment has to hold values, for many
// documents: see randomMetadata for fields with few values.
func variedMetadata(r *rand.Rand) map[string]any {
	m := randomMetadata(r)
	delete(m, "secret")
	maybe := func(name string, v any) {
		if r.IntN(3) > 0 {
			m[name] = v
		}
	}
	maybe("big", int64(1)<<62+r.Int64N(1000))
	maybe("exact", []any{int64(math.MaxInt64), int64(math.MinInt64), 9007199254740993, 9007199254740992.0, math.MaxFloat64, 0.1}[r.IntN(6)])
	maybe("price", float64(r.IntN(100000))/100)
	maybe("real", r.NormFloat64())
	maybe("latitude", float64(r.IntN(2000))/100)
	maybe("longitude", float64(r.IntN(2000))/100-10)
	if r.IntN(10) == 0 {
		m["gps"] = []any{"1.5, 2", "nowhere", []string{"3,4"}, []string{"3,4", "5,6"}, int64(3)}[r.IntN(5)]
	}
	maybe("caption", fmt.Sprint([]string{"A kite", "ein Käfer", "Kite", "two"}[r.IntN(4)], " ", r.IntN(3000)))
	maybe("label", []string{fmt.Sprint(r.IntN(3000)), fmt.Sprint(r.IntN(3000))})
	if r.IntN(20) == 0 {
		m[[]string{"name", "path", "folder", "year"}[r.IntN(4)]] = []any{"d", int64(2010), true, []string{}}[r.IntN(4)]
	}
	if r.IntN(20) == 0 {
		m["taken"] = []any{"2010-05", []string{"1999", "2010-05-01"}, 1e9 + 0.5, true}[r.IntN(4)]
	}
	return m
}

func variedFilter(r *rand.Rand, depth int) string {
	if depth > 0 || r.IntN(2) == 0 {
		return randomFilter(r, depth)
	}
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	op := pick(":", "=", "!=", "<", "<=", ">", ">=")
	switch r.IntN(6) {
	case 0:
		return pick("big", "exact") + op + pick("4611686018427387950", "9223372036854775807", "9007199254740993", "9007199254740992", "-9223372036854775808", "1e300", "*")
	case 1:
		return pick("price", "real") + op + pick("100", "-0.5", "500.25", "1000", "0.1")
	case 2:
		return fmt.Sprintf("near(%v,%v,%dkm)", r.Float64()*20, r.Float64()*20-10, []int{1, 50, 800, 30000}[r.IntN(4)])
	case 3:
		return "caption" + op + pick("kite", "käfer", `"A kite 7"`, "*12*", "KITE*", "two", "B")
	case 4:
		return "label" + op + pick("7", "1*", "2999", "*")
	}
	return pick("label in(1,2,3,4,5)", "price in(1,2.5)", "year in(2010,2011)", "caption in(kite,two)", "gps:*", "not path:*7.jpg", "name!=d", "path<=/f1/d/20")
}

func variedFacts(r *rand.Rand, n int, gap int) []fact {
	docs := make([]fact, n)
	ord := uint32(r.IntN(5 * gap))
	for i := range docs {
		docs[i] = fact{ord: ord, id: fmt.Sprintf("/f%d/d/%d.jpg", r.IntN(30), ord), metadata: variedMetadata(r)}
		ord += 1 + uint32(r.IntN(gap))
	}
	return docs
}

func checkSegment(t *testing.T, r *rand.Rand, s *segment, docs []fact, rounds int) {
	t.Helper()
	for range rounds {
		query := variedFilter(r, r.IntN(4))
		f, err := ParseFilter(query)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		var want []uint32
		for _, d := range docs {
			if d.holds(f.root) {
				want = append(want, d.ord)
			}
		}
		got := s.ordinals(s.find(f.root, nil)).ToArray()
		if !slices.Equal(got, want) {
			t.Fatalf("%s: %d documents, want %d", query, len(got), len(want))
		}
	}
}

// TestSegment compares what is found in columns with trying every document.
func TestSegment(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 5))
		gap := []int{1, 3, 50}[seed%3]
		docs := variedFacts(r, []int{3, 300, 5000}[r.IntN(3)], gap)
		s := segmentOf(docs)
		checkSegment(t, r, s, docs, 60)
		checkSegment(t, r, reread(t, s), docs, 60)
	}
}

func reread(t testing.TB, s *segment) *segment {
	t.Helper()
	var e columns.Encoder
	s.encode(&e)
	d := columns.NewDecoder(e.Data)
	again := decodeSegment(d)
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	return again
}

// TestMerge takes documents away from some segments and joins what is left.
func TestMerge(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 6))
		all := variedFacts(r, 3000, 1+int(seed%2)*3)
		groups := make([][]fact, 4)
		var left []fact
		dead := make([][]uint32, 4)
		for _, d := range all {
			i := r.IntN(4)
			groups[i] = append(groups[i], d)
			if r.IntN(3) == 0 {
				dead[i] = append(dead[i], d.ord)
			} else {
				left = append(left, d)
			}
		}
		var segments []held
		for i, docs := range groups {
			h := held{segment: segmentOf(docs), dead: roaring.New()}
			for _, ord := range dead[i] {
				at, _ := h.place(ord)
				h.dead.Add(at)
			}
			segments = append(segments, h)
		}
		checkSegment(t, r, mergeSegments(segments), left, 40)
	}
}

func FuzzDecodeSegment(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 3, 200} {
		var e columns.Encoder
		segmentOf(variedFacts(r, n, 2)).encode(&e)
		f.Add(e.Data)
	}
	var filters []*Filter
	for range 20 {
		filter, err := ParseFilter(variedFilter(r, 2))
		if err != nil {
			f.Fatal(err)
		}
		filters = append(filters, filter)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := columns.NewDecoder(data)
		s := decodeSegment(d)
		if d.End() != nil {
			return
		}
		for _, filter := range filters {
			s.ordinals(s.find(filter.root, nil))
		}
		mergeSegments([]held{{segment: s}})
	})
}
