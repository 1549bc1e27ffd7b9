package text

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
)

// TestTurns: texts of unequal length go in turns of like ones, each text once, and
// every text has the bits that it has alone.
func TestTurns(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"clip-legacy", "openclip-xlmr", "openclip-coca", "siglip-72"} {
		e, err := LoadEncoder(ctx, filepath.Join("../fusion/testdata", name), EncoderOptions{DType: "f32"})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		c, r := e.net.config, rand.New(rand.NewPCG(1, 2))
		texts := make([][]int32, 90)
		for i := range texts {
			n := 2 + i%3
			if i%10 == 0 {
				n = c.positions
			}
			texts[i] = make([]int32, n)
			for k := range texts[i] {
				texts[i][k] = int32(3 + r.IntN(c.vocab-4))
			}
			if c.pool == poolMax {
				texts[i][n-1] = int32(c.vocab - 1)
			}
		}
		turns, seen := c.turns(texts), []int{}
		computed, needed := 0, 0
		for _, which := range turns {
			seen = append(seen, which...)
			longest := 0
			for _, i := range which {
				longest, needed = max(longest, c.length(texts[i])), needed+c.length(texts[i])
			}
			computed += longest * len(which)
		}
		slices.Sort(seen)
		for i := range texts {
			if len(seen) != len(texts) || seen[i] != i {
				t.Fatalf("%s: %v", name, turns)
			}
		}
		if 2*computed > 3*needed+2*spared*len(turns) {
			t.Errorf("%s: %d tokens are computed for %d", name, computed, needed)
		}
		all, err := e.Embed(ctx, texts)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{0, 1, 10, 89} {
			if one, err := e.Embed(ctx, texts[i:i+1]); err != nil || !slices.Equal(one[0], all[i]) {
				t.Errorf("%s: text %d is another one alone (%v)", name, i, err)
			}
		}
	}
}
