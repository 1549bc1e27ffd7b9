package jpeg

// reduce4 is the one-dimensional transform of 8 values, of which the fifth does
// not count, to 4, before descaling.
func reduce4(i0, i1, i2, i3, i5, i6, i7 int32) (o0, o1, o2, o3 int32) {
	e := i0 << (constBits + 1)
	t := i2*f1847 - i6*f0765
	e0, e1 := e+t, e-t
	odd1 := i3*-f2172 + i1*f1061 + i5*f1451 - i7*f0211
	odd0 := i3*f0899 + i1*f2562 - i5*f0601 - i7*f0509
	return e0 + odd0, e1 + odd1, e1 - odd1, e0 - odd0
}

// idct4 dequantizes a block and transforms it to 4x4 samples (libjpeg's
// jidctred.c).
func idct4(blk, quant *[64]int16, dst []byte, stride int) {
	var ws [4 * 8]int32
	for x := range 8 {
		if x == 4 {
			continue
		}
		in := func(y int) int32 { return int32(blk[8*y+x] * quant[8*y+x]) }
		o0, o1, o2, o3 := reduce4(in(0), in(1), in(2), in(3), in(5), in(6), in(7))
		const n = constBits - passBits + 1
		ws[x], ws[8+x] = saturate(descale(o0, n)), saturate(descale(o1, n))
		ws[16+x], ws[24+x] = saturate(descale(o2, n)), saturate(descale(o3, n))
	}
	for y := range 4 {
		w, row := ws[8*y:][:8], dst[y*stride:][:4]
		o0, o1, o2, o3 := reduce4(w[0], w[1], w[2], w[3], w[5], w[6], w[7])
		const n = constBits + passBits + 3 + 1
		row[0], row[1] = clampCentre(descale(o0, n)), clampCentre(descale(o1, n))
		row[2], row[3] = clampCentre(descale(o2, n)), clampCentre(descale(o3, n))
	}
}

// reduce2 is the one-dimensional transform of 8 values, of which the even ones
// but the first do not count, to 2, before descaling.
func reduce2(i0, i1, i3, i5, i7 int32) (o0, o1 int32) {
	e := i0 << (constBits + 2)
	odd := i1*f3624 - i3*f1272 + i5*f0850 - i7*f0720
	return e + odd, e - odd
}

// idct2 dequantizes a block and transforms it to 2x2 samples.
func idct2(blk, quant *[64]int16, dst []byte, stride int) {
	var ws [2 * 8]int32
	for _, x := range [...]int{0, 1, 3, 5, 7} {
		in := func(y int) int32 { return int32(blk[8*y+x] * quant[8*y+x]) }
		o0, o1 := reduce2(in(0), in(1), in(3), in(5), in(7))
		const n = constBits - passBits + 2
		ws[x], ws[8+x] = saturate(descale(o0, n)), saturate(descale(o1, n))
	}
	for y := range 2 {
		w, row := ws[8*y:][:8], dst[y*stride:][:2]
		o0, o1 := reduce2(w[0], w[1], w[3], w[5], w[7])
		const n = constBits + passBits + 3 + 2
		row[0], row[1] = clampCentre(descale(o0, n)), clampCentre(descale(o1, n))
	}
}
