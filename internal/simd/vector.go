package simd

import "unsafe"

// FetchAhead is how many rows Lists.Codes fetches ahead.
const FetchAhead = 12

// Lists holds the kernels that score a list of rows in one call and fetch the rows
// to come while they work.
type Lists struct {
	// Codes writes out[i] = Σ code·q, int32, over n ≥ 1 rows of 4-bit codes at
	// base + ids[i]·stride. A row has chunks of 64 bytes that hold 128 codes: byte
	// j has code j in its low half and code 64+j in its high half. q has 128 int8
	// a chunk, none below -127. ids (uint32) is readable for FetchAhead entries
	// past n, whatever they are; side + 16·ids[i] is fetched too.
	Codes func(base, ids unsafe.Pointer, n uintptr, q, out unsafe.Pointer, stride, chunks uintptr, side unsafe.Pointer)

	// Rows writes out[i] = Σ q·row over n ≥ 1 rows of nv registers, given by their
	// addresses; each sum has the same order, whatever the list. The list is
	// readable for one entry past n, whatever it is.
	Rows func(q, list unsafe.Pointer, n uintptr, out unsafe.Pointer, nv uintptr)
}

func genericLists(lanes int) Lists {
	return Lists{
		Codes: genericCodes,
		Rows: func(q, list unsafe.Pointer, n uintptr, out unsafe.Pointer, nv uintptr) {
			x, sums := floats(q, int(nv)*lanes), floats(out, int(n))
			for i, row := range unsafe.Slice((*unsafe.Pointer)(list), n) {
				sums[i] = dotChains(x, floats(row, len(x)))
			}
		},
	}
}

func genericCodes(base, ids unsafe.Pointer, n uintptr, q, out unsafe.Pointer, stride, chunks uintptr, _ unsafe.Pointer) {
	x, sums := unsafe.Slice((*int8)(q), 128*chunks), unsafe.Slice((*int32)(out), n)
	for i, id := range unsafe.Slice((*uint32)(ids), n) {
		row := unsafe.Slice((*byte)(at(base, uintptr(id)*stride)), 64*chunks)
		sum := int32(0)
		for len(row) > 0 {
			low, high, codes := x[len(x)-2*len(row):][:64], x[len(x)-2*len(row)+64:][:64], row[:64]
			for j, c := range codes {
				sum += int32(c&15)*int32(low[j]) + int32(c>>4)*int32(high[j])
			}
			row = row[64:]
		}
		sums[i] = sum
	}
}

// dotChains is the inner product in four chains.
func dotChains(x, y []float32) float32 {
	var s0, s1, s2, s3 float32
	y = y[:len(x)]
	for len(x) >= 4 && len(y) >= 4 {
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	for i := range x {
		s0 += x[i] * y[i]
	}
	return (s0 + s3) + (s1 + s2)
}
