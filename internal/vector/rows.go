package vector

import (
	"math"
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
)

// Rows gives the vectors as they are stored, for exact scores. What Row returns
// stays unchanged until the call that asked for it returns.
type Rows interface {
	Row(id uint32) []float32
}

// Matrix is Rows in one piece of memory: row i is Data[i·Dim : (i+1)·Dim].
type Matrix struct {
	Data []float32
	Dim  int
}

// Row returns the i-th row.
func (m Matrix) Row(i uint32) []float32 {
	return m.Data[int(i)*m.Dim : (int(i)+1)*m.Dim : (int(i)+1)*m.Dim]
}

// list is Rows of their own.
type list [][]float32

// Row returns the i-th row.
func (l list) Row(i uint32) []float32 { return l[i] }

// Metric says how vectors compare. A higher score is nearer.
type Metric uint8

const (
	Dot Metric = iota // the inner product; with vectors of length 1, the cosine
	L2                // minus the square of the distance
)

// scorer computes exact scores of rows, many in a call. The order of additions
// depends on the dimension alone, so equal rows score equal.
type scorer struct {
	kernels *simd.Kernels
	metric  Metric
	list    [listRows + 1]unsafe.Pointer
	out     [listRows]float32
}

const listRows = 64

// scores appends the scores of the rows of ids to out.
func (s *scorer) scores(q []float32, rows Rows, ids []uint32, out []float32) []float32 {
	if s.metric == L2 {
		for _, id := range ids {
			out = append(out, -squareDistance(q, rows.Row(id)))
		}
		return out
	}
	whole := len(q) / s.kernels.Lanes * s.kernels.Lanes
	for len(ids) > 0 {
		n := min(len(ids), listRows)
		for i, id := range ids[:n] {
			s.list[i] = unsafe.Pointer(&rows.Row(id)[0])
		}
		s.list[n] = s.list[0]
		clear(s.out[:n])
		if whole > 0 {
			s.kernels.Rows(unsafe.Pointer(&q[0]), unsafe.Pointer(&s.list), uintptr(n), unsafe.Pointer(&s.out), uintptr(whole/s.kernels.Lanes))
		}
		for i, id := range ids[:n] {
			sum := s.out[i]
			if whole < len(q) {
				for j, x := range rows.Row(id)[whole:] {
					sum += q[whole+j] * x
				}
			}
			out = append(out, sum)
		}
		ids = ids[n:]
	}
	return out
}

func squareDistance(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	for len(a) >= 4 && len(b) >= 4 {
		d0, d1, d2, d3 := a[0]-b[0], a[1]-b[1], a[2]-b[2], a[3]-b[3]
		s0 += d0 * d0
		s1 += d1 * d1
		s2 += d2 * d2
		s3 += d3 * d3
		a, b = a[4:], b[4:]
	}
	for i := range a {
		d := a[i] - b[i]
		s0 += d * d
	}
	return (s0 + s2) + (s1 + s3)
}

// inner is the inner product in float64.
func inner(a, b []float32) float64 {
	sum := 0.0
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	return sum
}

func norm(a []float32) float64 { return math.Sqrt(inner(a, a)) }

// Mean is the mean of n rows, or of 65536 spread evenly over more.
func Mean(rows Rows, n int) []float32 {
	take := min(n, 1<<16)
	sum := make([]float64, 0)
	for i := range take {
		row := rows.Row(uint32(i * n / take))
		if i == 0 {
			sum = make([]float64, len(row))
		}
		for j, x := range row {
			sum[j] += float64(x)
		}
	}
	mean := make([]float32, len(sum))
	for i, x := range sum {
		mean[i] = float32(x / float64(take))
	}
	return mean
}
