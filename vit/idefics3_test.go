package vit

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
)

// TestBuckets holds the positions of patches to the reference, for tables of 1 to 40 a
// side, with the rounding that leaves some out.
func TestBuckets(t *testing.T) {
	raw, err := os.ReadFile("testdata/buckets.json")
	var all map[string][]int
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil || len(all) < 100 {
		t.Fatal(len(all), err)
	}
	uneven := 0
	for name, want := range all {
		var side, n int
		if _, err := fmt.Sscan(name, &side, &n); err != nil {
			t.Fatal(err)
		}
		got := bucketed(n, side)
		for i, p := range got {
			if n == side && p != i {
				uneven++
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d patches of %d positions: %v, want %v", n, side, got, want)
		}
	}
	if uneven == 0 {
		t.Error("no case is rounded")
	}
}

// TestCut: the grid of tiles for pictures of all shapes, within every budget.
func TestCut(t *testing.T) {
	p := &Preprocess{tiling: &tiling{longest: 2048, side: 512, split: true}}
	for _, c := range []struct{ w, h, most, rows, cols int }{
		{100, 100, 0, 4, 4}, {4000, 3000, 0, 3, 4}, {3000, 4000, 0, 4, 3}, {10000, 10, 0, 1, 4}, {1, 1, 0, 4, 4}, {1, 9999, 0, 4, 1},
		{100, 100, 17, 4, 4}, {100, 100, 16, 3, 3}, {100, 100, 9, 2, 2}, {100, 100, 4, 0, 0}, {100, 100, 1, 0, 0}, {2048, 600, 4, 1, 3}, {2048, 600, 2, 0, 0},
	} {
		if rows, cols := p.Grid(c.w, c.h, c.most); rows != c.rows || cols != c.cols {
			t.Errorf("%dx%d in at most %d parts: %dx%d, want %dx%d", c.w, c.h, c.most, rows, cols, c.rows, c.cols)
		}
	}
	if n := p.MaxTiles(); n != 17 {
		t.Errorf("at most %d tiles, want 17", n)
	}
}
