package bench

import (
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// Peak is what the machine multiplies at most, in GFLOP/s: the tile kernels that
// weights of a kind are multiplied by, at their full height, on operands in the
// first-level caches of all workers at once. It is the best of several windows.
func Peak(k *simd.Kernels, kind tensor.Kind, workers int) float64 {
	tiles, macs, ldb := tilesOf(k, kind)
	all := make([]*work, workers)
	for i := range all {
		all[i] = newWork(k, tiles, ldb)
		half := func(i int) uint32 { return 0x3f003f00 + uint32(i%113) } // about 0.5 in every float format
		all[i].fill(half, half)
	}
	best, calls := 0.0, 1
	for windows := 0; windows < 8; {
		took := together(workers, func(i int) { all[i].run(calls) })
		best = max(best, 2*float64(macs*unitsK*min(len(tiles), highest)*k.NR*calls*workers)/took.Seconds()/1e9)
		if took < 10*time.Millisecond {
			calls *= 2
		} else {
			windows++
		}
	}
	return best
}

// unitsK is how many units of 4 bytes the operands have along k, 16 kB of weights, and
// highest how many rows they have at most. The rows of activations are one, so that
// all of it stays in the first-level cache.
const (
	unitsK  = 128
	highest = 128
)

// tilesOf finds the tiles for a kind, their multiply-adds per unit and column, and
// the bytes of a unit of the weights, as the processor's backend chooses them.
func tilesOf(k *simd.Kernels, kind tensor.Kind) (tiles []simd.Tile, macs, ldb int) {
	switch {
	case kind == tensor.KindF16 && k.F16 != nil:
		return k.F16, 1, 2 * k.NR
	case kind == tensor.KindBF16 && k.BF16 != nil, kind.Group() > 0 && k.FastBF16:
		return k.BF16, 2, 4 * k.NR
	case kind == tensor.KindI8 && k.I8 != nil && k.WideI8:
		return k.I8, 2, 2 * k.NR
	case kind == tensor.KindI8 && k.I8 != nil:
		return k.I8, 4, 4 * k.NR
	}
	return k.F32, 1, 4 * k.NR
}

// together runs f(0) to f(n−1) on n threads at once and returns how long all of them took.
func together(n int, f func(i int)) time.Duration {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-start
			f(i)
		})
	}
	ready.Wait()
	begin := time.Now()
	close(start)
	done.Wait()
	return time.Since(begin)
}

// work is a tile's operands.
type work struct {
	tile     simd.Tile
	a, b, c  []uint32
	ldb, ldc int // bytes
}

func newWork(k *simd.Kernels, tiles []simd.Tile, ldb int) *work {
	m := min(len(tiles), highest)
	w := &work{tile: tiles[m-1], ldb: ldb, ldc: 4 * k.NR}
	w.a, w.b, w.c = aligned(4*unitsK), aligned(unitsK*ldb), aligned(m*w.ldc)
	return w
}

func (w *work) fill(a, b func(i int) uint32) {
	for i := range w.a {
		w.a[i] = a(i)
	}
	for i := range w.b {
		w.b[i] = b(i)
	}
}

func (w *work) run(calls int) {
	a, b, c := unsafe.Pointer(&w.a[0]), unsafe.Pointer(&w.b[0]), unsafe.Pointer(&w.c[0])
	for range calls {
		w.tile(a, b, c, 0, uintptr(w.ldb), uintptr(w.ldc), unitsK, 0, b, uintptr(w.ldb))
	}
}

// aligned is zeroed memory on a cache line, with a line to spare: tiles may read
// whole registers past the end.
func aligned(bytes int) []uint32 {
	m := make([]uint32, bytes/4+64)
	skip := (64 - int(uintptr(unsafe.Pointer(&m[0]))%64)) % 64 / 4
	return m[skip:]
}
