package simd

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

func TestCodes(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	each(t, func(t *testing.T, k, twin *Kernels) {
		for _, chunks := range []int{1, 2, 4, 9} {
			testCodes(t, r, k, twin, chunks, 0)
			testCodes(t, r, k, twin, chunks, 16)
		}
	})
}

// testCodes compares a list that repeats rows, with the largest codes and queries
// in some, against the twin, bit for bit; entries past the list must not matter.
func testCodes(t *testing.T, r *rand.Rand, k, twin *Kernels, chunks, gap int) {
	const rows = 13
	stride := 64*chunks + gap
	base, q := make([]byte, rows*stride), make([]int8, 128*chunks)
	for i := range base {
		base[i] = byte(r.Uint32())
	}
	for i := range stride {
		base[i] = 0xff
	}
	for i := range q {
		q[i] = int8(r.IntN(255) - 127)
	}
	side := make([]byte, 16*rows)
	for n := 1; n <= 20; n++ {
		if n == 20 {
			for i := range q {
				q[i] = -127
			}
		}
		ids := make([]uint32, n+FetchAhead)
		for i := range n {
			ids[i] = r.Uint32N(rows)
		}
		for i := range FetchAhead {
			ids[n+i] = r.Uint32()
		}
		got, want := make([]int32, n+1), make([]int32, n+1)
		got[n], want[n] = 42, 42
		k.Codes(ptr(base), ptr(ids), uintptr(n), ptr(q), ptr(got), uintptr(stride), uintptr(chunks), ptr(side))
		twin.Codes(ptr(base), ptr(ids), uintptr(n), ptr(q), ptr(want), uintptr(stride), uintptr(chunks), ptr(side))
		if !slices.Equal(got, want) {
			t.Fatalf("chunks=%d n=%d: %v, want %v", chunks, n, got, want)
		}
	}
}

func TestListRows(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	each(t, func(t *testing.T, k, twin *Kernels) {
		for _, nv := range []int{1, 3, 4, 5, 32, 33} {
			q, x := random(r, nv*k.Lanes), random(r, 7*nv*k.Lanes)
			for n := 1; n <= 7; n++ {
				list := make([]unsafe.Pointer, n+1)
				for i := range n {
					list[i] = ptr(x[i*nv*k.Lanes:])
				}
				list[n] = list[0]
				got, want, alone := make([]float32, n), make([]float32, n), make([]float32, 1)
				k.Rows(ptr(q), ptr(list), uintptr(n), ptr(got), uintptr(nv))
				twin.Rows(ptr(q), ptr(list), uintptr(n), ptr(want), uintptr(nv))
				near(t, "rows", got, want, 1e-4)
				k.Rows(ptr(q), ptr(list[n-1:]), 1, ptr(alone), uintptr(nv))
				if alone[0] != got[n-1] {
					t.Fatalf("nv=%d: a row's sum depends on its list: %v, %v", nv, alone[0], got[n-1])
				}
			}
		}
	})
}

func BenchmarkCodes(b *testing.B) {
	for _, name := range Names() {
		k, err := ByName(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			const n = 64
			base, q, side := make([]byte, 256*n), make([]int8, 512), make([]byte, 16*n)
			ids, out := make([]uint32, n+FetchAhead), make([]int32, n)
			for i := range n {
				ids[i] = uint32(i)
			}
			for b.Loop() {
				k.Codes(ptr(base), ptr(ids), n, ptr(q), ptr(out), 256, 4, ptr(side))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
		})
	}
}
