package mersenne

import (
	_ "embed"
	"encoding/json"
	"math"
	"slices"
	"testing"
)

//go:embed testdata/normal.json
var normalGolden []byte // tools/golden/noise.py

func readGolden(t *testing.T) (golden struct {
	Normal []struct {
		Seed  uint64
		Draws [][]float32
	}
	Float64 struct {
		Seed   uint64
		Values []float64
	}
}) {
	t.Helper()
	if err := json.Unmarshal(normalGolden, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Normal) == 0 || len(golden.Float64.Values) == 0 {
		t.Fatal("testdata/normal.json is empty; run tools/golden/noise.py")
	}
	return golden
}

// TestNormal: short draws, blocks, tails and what a generator keeps between draws.
func TestNormal(t *testing.T) {
	for _, c := range readGolden(t).Normal {
		s := New(c.Seed)
		for d, want := range c.Draws {
			for i, got := range s.Normal(len(want)) {
				if !(math.Abs(float64(got)-float64(want[i])) <= 1e-6) {
					t.Fatalf("seed %d, draw %d of %d numbers: number %d is %v, want %v", c.Seed, d, len(want), i, got, want[i])
				}
			}
		}
	}
}

// TestFloat64: torch.rand in float64, to the bit.
func TestFloat64(t *testing.T) {
	want := readGolden(t).Float64
	s := New(want.Seed)
	got := make([]float64, len(want.Values))
	for i := range got {
		got[i] = s.Float64()
	}
	if !slices.Equal(got, want.Values) {
		t.Errorf("%v, want %v", got, want.Values)
	}
}

// TestNormalFinite: a uniform of 0 and the largest below 1 stay finite.
func TestNormalFinite(t *testing.T) {
	for _, edge := range []float32{0, 1 - 1.0/(1<<24)} {
		u := slices.Repeat([]float32{edge}, block)
		boxMuller(u)
		for _, v := range u {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Errorf("uniform %v becomes %v", edge, v)
			}
		}
	}
}
