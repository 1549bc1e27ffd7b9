package certificate

import (
	"context"
	"testing"
)

// BenchmarkGolden is what a family's golden adds to opening a model first.
func BenchmarkGolden(b *testing.B) {
	all, err := All()
	if err != nil {
		b.Fatal(err)
	}
	for _, g := range all {
		b.Run(g.Name, func(b *testing.B) {
			for b.Loop() {
				if _, err := g.Run(context.Background(), "cpu", "f32"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
