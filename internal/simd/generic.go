package simd

import (
	"math"
	"unsafe"
)

// The plain Go twins. They take the same raw addresses as the assembly.

const genericMR = 4

// generic returns the twin kernels for a register width and panel width, so that
// they can also stand in for what an instruction set lacks.
func generic(name string, lanes, nr int) *Kernels {
	k := &Kernels{Name: name, Lanes: lanes, NR: nr}
	for m := 1; m <= genericMR; m++ {
		k.F32 = append(k.F32, genericTile(m, nr, dotF32))
		k.F16 = append(k.F16, genericTile(m, nr, dotF16))
		k.BF16 = append(k.BF16, genericTile(m, nr, dotBF16))
		k.I8 = append(k.I8, genericTileI8(m, nr))
	}
	k.ToF32, k.ToBF16 = genericStored(lanes, nr, 4, putF32), genericStored(lanes, nr, 2, putBF16)
	k.Convert = func(x, y unsafe.Pointer, nv uintptr) {
		for i, v := range floats(x, int(nv)*lanes) {
			putBF16(y, i, v)
		}
	}
	k.Quantize = func(x, y, s unsafe.Pointer, nv uintptr) { quantize(floats(x, int(nv)*lanes), y, s) }
	k.UnpackF32, k.UnpackBF16 = genericUnpack(nr, putWhole), genericUnpack(nr, putHalf)
	k.Dot = func(x, y, s unsafe.Pointer, nv uintptr) {
		xs, ys, sum := floats(x, int(nv)*lanes), floats(y, int(nv)*lanes), float32(0)
		for i := range xs {
			sum += xs[i] * ys[i]
		}
		floats(s, 1)[0] = sum
	}
	k.Lists = genericLists(lanes)
	return k
}

func floats(p unsafe.Pointer, n int) []float32 { return unsafe.Slice((*float32)(p), n) }

func at(p unsafe.Pointer, off uintptr) unsafe.Pointer { return unsafe.Add(p, off) }

func putF32(y unsafe.Pointer, i int, v float32) { *(*float32)(unsafe.Add(y, 4*i)) = v }

func putBF16(y unsafe.Pointer, i int, v float32) { *(*uint16)(unsafe.Add(y, 2*i)) = bf16(v) }

func bf16(f float32) uint16 {
	b := math.Float32bits(f)
	if f != f {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func fromBF16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// FromF16 widens a half-precision float.
func FromF16(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch {
	case exp == 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case exp == 0:
		f := float32(frac) * (1.0 / (1 << 24))
		if sign != 0 {
			return -f
		}
		return f
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// multiply adds the products of one 4-byte unit of a with one column of b.
type multiply func(sum float32, a, b unsafe.Pointer, col int) float32

func dotF32(sum float32, a, b unsafe.Pointer, col int) float32 {
	return sum + *(*float32)(a)**(*float32)(unsafe.Add(b, 4*col))
}

func dotF16(sum float32, a, b unsafe.Pointer, col int) float32 {
	return sum + *(*float32)(a)*FromF16(*(*uint16)(unsafe.Add(b, 2*col)))
}

func dotBF16(sum float32, a, b unsafe.Pointer, col int) float32 {
	x, y := (*[2]uint16)(a), (*[2]uint16)(unsafe.Add(b, 4*col))
	sum += fromBF16(x[1]) * fromBF16(y[1])
	return sum + fromBF16(x[0])*fromBF16(y[0])
}

func genericTile(m, nr int, mul multiply) Tile {
	return func(a, b, c unsafe.Pointer, lda, ldb, ldc, k, acc uintptr, _ unsafe.Pointer, _ uintptr) {
		for i := range m {
			row := floats(at(c, uintptr(i)*ldc), nr)
			if acc == 0 {
				clear(row)
			}
			for u := range k {
				x, y := at(a, uintptr(i)*lda+4*u), at(b, u*ldb)
				for j := range row {
					row[j] = mul(row[j], x, y, j)
				}
			}
		}
	}
}

// genericTileI8 multiplies u8 activations (128 added) by s8 weights into int32.
func genericTileI8(m, nr int) Tile {
	return func(a, b, c unsafe.Pointer, lda, ldb, ldc, k, acc uintptr, _ unsafe.Pointer, _ uintptr) {
		for i := range m {
			row := unsafe.Slice((*int32)(at(c, uintptr(i)*ldc)), nr)
			if acc == 0 {
				clear(row)
			}
			for u := range k {
				x := (*[4]uint8)(at(a, uintptr(i)*lda+4*u))
				for j := range row {
					y := (*[4]int8)(at(b, u*ldb+4*uintptr(j)))
					for l := range x {
						row[j] += int32(x[l]) * int32(y[l])
					}
				}
			}
		}
	}
}

func quantize(x []float32, y, s unsafe.Pointer) {
	top := float32(1e-30)
	for _, v := range x {
		top = max(top, v, -v)
	}
	floats(s, 1)[0] = top * (1.0 / 127)
	inv := 127 / top
	out := unsafe.Slice((*uint8)(y), len(x))
	for i, v := range x {
		out[i] = uint8(int32(math.RoundToEven(float64(v*inv))) + 128)
	}
}

// dequant turns a row of int32 sums into float32 in place.
func dequant(row, x unsafe.Pointer, n int, by float32) {
	in, out := unsafe.Slice((*int32)(row), n), floats(row, n)
	corr, scale := unsafe.Slice((*int32)(x), n), floats(at(x, uintptr(4*n)), n)
	for j := range in {
		out[j] = float32(in[j]-corr[j]) * (scale[j] * by)
	}
}

// genericStored builds the twins that store elements of size bytes with put.
func genericStored(lanes, nr int, size uintptr, put func(unsafe.Pointer, int, float32)) Stored {
	s := Stored{
		Softmax: func(x, y, sc unsafe.Pointer, nv uintptr) { softmax(floats(x, int(nv)*lanes), y, sc, put) },
		LayerNorm: func(x, w, bias, y, sc unsafe.Pointer, nv uintptr) {
			n := int(nv) * lanes
			layerNorm(floats(x, n), floats(w, n), floats(bias, n), y, floats(sc, 2), put)
		},
		RMSNorm: func(x, w, y, sc unsafe.Pointer, nv uintptr) {
			n := int(nv) * lanes
			rmsNorm(floats(x, n), floats(w, n), y, floats(sc, 2), put)
		},
		ScaleRows: func(c, sc, y unsafe.Pointer, ldc, ldy, rows, nv uintptr) {
			n := int(nv) * lanes
			for r := range rows {
				by := floats(at(sc, 4*r), 1)[0]
				for i, v := range floats(at(c, r*ldc), n) {
					put(at(y, r*(ldy+uintptr(n)*size)), i, v*by)
				}
			}
		},
	}
	for a := range s.Finish {
		s.Finish[a] = genericFinish(nr, a, put)
		s.FinishInt[a] = func(c, bias, res, y unsafe.Pointer, ldc, ldres, ldy, rows uintptr, x, sc unsafe.Pointer) {
			for r := range rows {
				dequant(at(c, r*ldc), x, nr, floats(at(sc, 4*r), 1)[0])
			}
			s.Finish[a](c, bias, res, y, ldc, ldres, ldy, rows)
		}
	}
	return s
}

func genericFinish(n, act int, put func(unsafe.Pointer, int, float32)) Finish {
	return func(c, bias, res, y unsafe.Pointer, ldc, ldres, ldy, rows uintptr) {
		b := floats(bias, n)
		for r := range rows {
			for i, v := range floats(at(c, r*ldc), n) {
				v = Activate(act, v+b[i])
				if res != nil {
					v += floats(at(res, r*ldres), n)[i]
				}
				put(at(y, r*ldy), i, v)
			}
		}
	}
}

// Activate applies activation number act (see Acts) to one value.
func Activate(act int, x float32) float32 {
	f := float64(x)
	switch act {
	case 1:
		f = f / 2 * (1 + math.Erf(f/math.Sqrt2))
	case 2:
		f = f / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(f+0.044715*f*f*f)))
	case 3:
		f = f / (1 + math.Exp(-1.702*f))
	case 4:
		f = f / (1 + math.Exp(-f))
	case 5:
		return max(x, 0)
	}
	return float32(f)
}

func softmax(x []float32, y, s unsafe.Pointer, put func(unsafe.Pointer, int, float32)) {
	top := float32(math.Inf(-1))
	for _, v := range x {
		top = max(top, v)
	}
	sc := floats(s, 2)
	sum := float32(0)
	for i, v := range x {
		e := float32(math.Exp(float64((v - top) * sc[0])))
		sum += e
		put(y, i, e)
	}
	sc[1] = sum
}

func layerNorm(x, w, bias []float32, y unsafe.Pointer, s []float32, put func(unsafe.Pointer, int, float32)) {
	mean, square := float32(0), float32(0)
	for _, v := range x {
		mean += v
	}
	mean *= s[1]
	for _, v := range x {
		square += (v - mean) * (v - mean)
	}
	rstd := float32(1 / math.Sqrt(float64(square*s[1]+s[0])))
	for i, v := range x {
		put(y, i, (v-mean)*rstd*w[i]+bias[i])
	}
}

func rmsNorm(x, w []float32, y unsafe.Pointer, s []float32, put func(unsafe.Pointer, int, float32)) {
	square := float32(0)
	for _, v := range x {
		square += v * v
	}
	rstd := float32(1 / math.Sqrt(float64(square*s[1]+s[0])))
	for i, v := range x {
		put(y, i, v*rstd*w[i])
	}
}

// genericUnpack stores weight i of a column with put.
func genericUnpack(nr int, put func(y unsafe.Pointer, nr, i, col int, v float32)) Unpack {
	return func(q, s, y unsafe.Pointer, n uintptr) {
		scales := floats(s, nr)
		for r := range int(n) {
			for j, w := range unsafe.Slice((*uint32)(unsafe.Add(q, 4*nr*r)), nr) {
				for i := range 8 {
					put(y, nr, 8*r+i, j, float32(int32(w>>(4*i)&15)-8)*scales[j])
				}
			}
		}
	}
}

func putWhole(y unsafe.Pointer, nr, i, col int, v float32) { putF32(y, i*nr+col, v) }

// putHalf cuts off.
func putHalf(y unsafe.Pointer, nr, i, col int, v float32) {
	half := uint16(math.Float32bits(v) >> 16)
	*(*uint16)(unsafe.Add(y, 4*(i/2*nr+col)+i%2*2)) = half
}
