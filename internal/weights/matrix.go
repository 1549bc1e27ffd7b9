package weights

import (
	"encoding/binary"
	"sync"
	"unsafe"

	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// matrix reads a tensor as rows of float32, a few at a time, so that no whole
// float32 copy of a checkpoint ever exists.
type matrix struct {
	rows, cols int
	read       tensor.Rows
}

// piece is how many rows make about a megabyte of float32.
func (m matrix) piece() int { return max(1, 1<<18/m.cols) }

// readAll reads the matrix piece by piece.
func (m matrix) readAll(dst []float32) {
	for lo := 0; lo < m.rows; lo += m.piece() {
		hi := min(lo+m.piece(), m.rows)
		m.read(lo, hi, dst[lo*m.cols:hi*m.cols])
	}
}

// widen reads numbers of a dtype that floats has said yes to, and returns the largest
// of their magnitudes; NaN if one of them is none.
func widen(k *simd.Kernels, dst []float32, d safetensors.DType, src []byte) (top float64) {
	n := 0
	if kernel := widener(k, d); kernel != nil && len(dst) >= k.Lanes {
		var lanes [16]float32
		n = len(dst) / k.Lanes * k.Lanes
		kernel(unsafe.Pointer(&src[0]), unsafe.Pointer(&dst[0]), unsafe.Pointer(&lanes), uintptr(n/k.Lanes))
		top = largest(safetensors.F32, nil, lanes[:k.Lanes])
		src = src[n*(len(src)/len(dst)):]
	}
	rest := dst[n:]
	err := safetensors.ToF32(rest, safetensors.View{DType: d, Shape: []int{len(rest)}, Data: src})
	if err != nil {
		panic(err) // the dtype and the sizes have been checked
	}
	return max(top, largest(d, src, rest))
}

// widener is the kernel for a dtype; nil where there is none.
func widener(k *simd.Kernels, d safetensors.DType) func(x, y, s unsafe.Pointer, nv uintptr) {
	switch {
	case !littleEndian:
		return nil
	case d == safetensors.F32:
		return k.FromF32
	case d == safetensors.F16:
		return k.FromF16
	case d == safetensors.BF16:
		return k.FromBF16
	}
	return nil
}

// floats tells whether a dtype can be read as weights.
func floats(d safetensors.DType) bool {
	switch d {
	case safetensors.F32, safetensors.F16, safetensors.BF16, safetensors.F64:
		return true
	}
	return false
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// stack puts matrices of one width under each other.
func stack(parts []matrix) matrix {
	all := matrix{cols: parts[0].cols}
	for _, p := range parts {
		all.rows += p.rows
	}
	all.read = func(lo, hi int, dst []float32) {
		at := 0
		for _, p := range parts {
			if a, b := max(lo, at), min(hi, at+p.rows); a < b {
				p.read(a-at, b-at, dst[(a-lo)*p.cols:(b-lo)*p.cols])
			}
			at += p.rows
		}
	}
	return all
}

// rowsOf is part p of m's rows.
func (m matrix) rowsOf(p Part) matrix {
	at := m.rows / p.Of * p.Lo
	return matrix{m.rows / p.Of * (p.Hi - p.Lo), m.cols, func(lo, hi int, dst []float32) { m.read(at+lo, at+hi, dst) }}
}

// transposed swaps rows and columns. The source is small (a projection), so it
// is read once.
func (m matrix) transposed() matrix {
	whole := sync.OnceValue(func() []float32 {
		v := make([]float32, m.rows*m.cols)
		m.read(0, m.rows, v)
		return v
	})
	return matrix{m.cols, m.rows, func(lo, hi int, dst []float32) {
		v := whole()
		for r := lo; r < hi; r++ {
			for k := range m.rows {
				dst[(r-lo)*m.rows+k] = v[k*m.cols+r]
			}
		}
	}}
}

// channelsLast turns rows of (channels, pixels) into rows of (pixels, channels).
func (m matrix) channelsLast(channels int) matrix {
	pixels := m.cols / channels
	return matrix{m.rows, m.cols, func(lo, hi int, dst []float32) {
		row := make([]float32, m.cols)
		for r := lo; r < hi; r++ {
			m.read(r, r+1, row)
			d := dst[(r-lo)*m.cols:][:m.cols]
			for c := range channels {
				for p := range pixels {
					d[p*channels+c] = row[c*pixels+p]
				}
			}
		}
	}}
}

// scaled multiplies each row by its element of by.
func (m matrix) scaled(by matrix) matrix {
	f := make([]float32, by.rows*by.cols)
	by.read(0, by.rows, f)
	return matrix{m.rows, m.cols, func(lo, hi int, dst []float32) {
		m.read(lo, hi, dst)
		for r := lo; r < hi; r++ {
			row := dst[(r-lo)*m.cols:][:m.cols]
			for i := range row {
				row[i] *= f[r]
			}
		}
	}}
}

// plus adds by times the product of left (rows, rank) and right (rank, columns).
func (m matrix) plus(left, right matrix, by float32) matrix {
	r := make([]float32, right.rows*right.cols)
	right.read(0, right.rows, r)
	return matrix{m.rows, m.cols, func(lo, hi int, dst []float32) {
		m.read(lo, hi, dst)
		l := make([]float32, (hi-lo)*left.cols)
		left.read(lo, hi, l)
		for i, w := range l {
			row := dst[i/left.cols*m.cols:][:m.cols]
			for j, x := range r[i%left.cols*m.cols:][:m.cols] {
				row[j] += by * w * x
			}
		}
	}}
}

// blank is a matrix of zeros of m's size.
func (m matrix) blank() matrix {
	return matrix{m.rows, m.cols, func(_, _ int, dst []float32) { clear(dst) }}
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func bytesOf[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}

// firstDim is the number of rows of a tensor; a scalar is one row.
func firstDim(shape []int) int {
	if len(shape) == 0 {
		return 1
	}
	return shape[0]
}
