package index

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"
)

var commitTime = flag.Duration("commit-time", 0, "how long TestGroupCommit measures each number of writers; 0 skips it")

// TestGroupCommit tells how many acknowledged inserts a second writers get, alone and
// together, each write synced.
func TestGroupCommit(t *testing.T) {
	if *commitTime == 0 {
		t.Skip("measures; give -commit-time")
	}
	rate := map[int]float64{}
	for _, writers := range []int{1, 64, 1, 64} {
		rate[writers] = insertsPerSecond(t, writers, 512)
		t.Logf("%d writers: %.0f acknowledged inserts/s", writers, rate[writers])
	}
	t.Logf("64 writers against 1: %.1f times", rate[64]/rate[1])
}

func insertsPerSecond(t *testing.T, writers, dim int) float64 {
	ix, err := Open(t.TempDir(), Options{})
	check(t, err)
	defer ix.Close()
	check(t, ix.Define(Space{Name: "v", Dim: dim}))
	var group sync.WaitGroup
	counts := make([]int, writers)
	start := time.Now()
	for w := range writers {
		group.Go(func() {
			v := make([]float32, dim)
			for time.Since(start) < *commitTime {
				v[w%dim], v[counts[w]%dim] = 1, 2
				d := Document{ID: fmt.Sprint(w, "/", counts[w]), Metadata: map[string]any{"n": counts[w]}, Vectors: map[string][][]float32{"v": {v}}}
				if _, err := ix.Put(context.Background(), d); err != nil {
					t.Error(err)
					return
				}
				counts[w]++
			}
		})
	}
	group.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(start).Seconds()
}
