package calibrate

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// The evidence equals what numpy makes of the same vectors.
func TestEvidence(t *testing.T) {
	raw, err := os.ReadFile("testdata/evidence.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Sample, Captions, Words, Pictures, Hits [][]float32
		Size                                    int
		WantWords, WantPictures                 [][3]float64 // of query 0's hits, then of query 1's …
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 3 {
		t.Fatalf("%d cases", len(cases))
	}
	for i, c := range cases {
		b := NewBackground(c.Sample, c.Captions, c.Size)
		for k, want := range c.WantWords {
			q, h := c.Words[k/len(c.Hits)], c.Hits[k%len(c.Hits)]
			e := b.Words(q).words(dot(q, h), h)
			near(t, i, k, [3]float64{e.Height, e.Best, e.OnHit}, want)
		}
		for k, want := range c.WantPictures {
			q, h := c.Pictures[k/len(c.Hits)], c.Hits[k%len(c.Hits)]
			e := b.Picture(q).like(dot(q, h), h)
			near(t, i, k, [3]float64{e.Height, e.Likeness, e.Chance}, want)
		}
	}
}

func near(t *testing.T, i, k int, got, want [3]float64) {
	t.Helper()
	for x := range got {
		if math.Abs(got[x]-want[x]) > 1e-3*(1+math.Abs(want[x])) {
			t.Errorf("case %d, pair %d: %v, want %v", i, k, got, want)
		}
	}
}

func vectors(n, dim int, seed uint64) [][]float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([][]float32, n)
	for i := range out {
		v := make([]float32, dim)
		var sum float64
		for k := range v {
			v[k] = float32(r.NormFloat64())
			sum += float64(v[k]) * float64(v[k])
		}
		for k := range v {
			v[k] /= float32(math.Sqrt(sum))
		}
		out[i] = v
	}
	return out
}

// The order in which a library was filled changes no probability that anybody
// sees.
func TestOrder(t *testing.T) {
	sample, captions := vectors(300, 32, 1), vectors(64, 32, 2)
	query, hits := vectors(1, 32, 3)[0], vectors(20, 32, 4)
	before := NewBackground(sample, captions, 300)
	other := slices.Clone(sample)
	slices.Reverse(other)
	after := NewBackground(other, captions, 300)
	for _, h := range hits {
		for _, p := range [][2]float64{{before.Words(query).Probability(h), after.Words(query).Probability(h)}, {before.Picture(query).Probability(h), after.Picture(query).Probability(h)}} {
			if math.Abs(p[0]-p[1]) > 1e-9 {
				t.Errorf("%v, in another order %v", p[0], p[1])
			}
		}
	}
}

// Libraries of hardly anything: a picture is found by itself, and nothing is
// certain of chance.
func TestSmallLibraries(t *testing.T) {
	captions := vectors(64, 32, 2)
	for _, n := range []int{0, 1, 2, 5, 15} {
		sample := vectors(n, 32, 1)
		b := NewBackground(sample, captions, n)
		other := vectors(1, 32, 9)[0]
		if p := b.Words(other).Probability(vectors(1, 32, 8)[0]); p >= Cut || p < 0 {
			t.Errorf("%d pictures: words match any with %v", n, p)
		}
		if p := b.Picture(other).Probability(vectors(1, 32, 8)[0]); p >= Cut || p < 0 {
			t.Errorf("%d pictures: a picture is like any with %v", n, p)
		}
		if n > 0 {
			if p := b.Picture(sample[0]).Probability(sample[0]); p < 0.9 {
				t.Errorf("%d pictures: the same picture matches with %v", n, p)
			}
		}
	}
}

// Equal vectors, no captions: no evidence is not a number and none is certain.
func TestDegenerate(t *testing.T) {
	same := make([][]float32, 40)
	for i := range same {
		same[i] = vectors(1, 32, 1)[0]
	}
	for _, captions := range [][][]float32{nil, same, vectors(64, 32, 2)} {
		b := NewBackground(same, captions, 40)
		for _, j := range []*Judge{b.Words(same[0]), b.Picture(same[0]), b.Words(vectors(1, 32, 5)[0])} {
			if p := j.Probability(same[0]); !(p >= 0 && p <= 1) {
				t.Errorf("probability %v", p)
			}
		}
	}
}

func BenchmarkQuery(b *testing.B) {
	const dim = 512
	back := NewBackground(vectors(SampleSize, dim, 1), vectors(64, dim, 2), 1_000_000)
	query, hits := vectors(1, dim, 3)[0], vectors(20, dim, 4)
	b.ReportAllocs()
	for b.Loop() {
		j := back.Words(query)
		for _, h := range hits {
			j.Probability(h)
		}
	}
}

func BenchmarkBackground(b *testing.B) {
	sample, captions := vectors(SampleSize, 512, 1), vectors(64, 512, 2)
	for b.Loop() {
		NewBackground(sample, captions, 1_000_000)
	}
}

// TestDots: whatever the length, the machine's kernels add what dot does.
func TestDots(t *testing.T) {
	for _, dim := range []int{1, 3, 8, 17, 64, 100, 512} {
		rows := vectors(5, dim, uint64(dim))
		for i, got := range dots(rows[0], rows) {
			if want := dot(rows[0], rows[i]); math.Abs(got-want) > 1e-6 {
				t.Errorf("%d dimensions, row %d: %v, want %v", dim, i, got, want)
			}
		}
	}
	if len(dots([]float32{1}, nil)) != 0 {
		t.Error("no rows have sums")
	}
}
