package simd

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkTile measures tiles on operands in the first-level cache: the machine's
// own ceiling, and how much of it each height reaches.
func BenchmarkTile(b *testing.B) {
	k, err := Best()
	if err != nil {
		b.Fatal(err)
	}
	const units = 96
	r := rand.New(rand.NewPCG(1, 1))
	x, w, c := random(r, 512*units), random(r, units*k.NR), make([]float32, 512*k.NR)
	for _, s := range []struct {
		name  string
		tiles []Tile
		macs  int
	}{{"f32", k.F32, 1}, {"bf16", k.BF16, 2}, {"int8", k.I8, 4}} {
		for _, m := range []int{1, 2, 4, 8, 12, 13, 14, 16, 32, 64, 512} {
			if m > len(s.tiles) {
				continue
			}
			b.Run(fmt.Sprintf("%s/%d", s.name, m), func(b *testing.B) {
				for b.Loop() {
					s.tiles[m-1](ptr(x), ptr(w), ptr(c), 4*units, uintptr(4*k.NR), uintptr(4*k.NR), units, 0, ptr(x), 0)
				}
				b.ReportMetric(2*float64(s.macs*m*k.NR*units*b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
