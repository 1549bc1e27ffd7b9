package jpeg

// Constants of the slow integer inverse DCT (Loeffler, Ligtenberg and Moschytz),
// scaled by 1<<13, as in libjpeg's jidctint.c and jidctred.c.
const (
	constBits = 13
	passBits  = 2 // extra precision between the passes

	f0211 = 1730
	f0298 = 2446
	f0390 = 3196
	f0509 = 4176
	f0541 = 4433
	f0601 = 4926
	f0720 = 5906
	f0765 = 6270
	f0850 = 6967
	f0899 = 7373
	f1061 = 8697
	f1175 = 9633
	f1272 = 10426
	f1451 = 11893
	f1501 = 12299
	f1847 = 15137
	f1961 = 16069
	f2053 = 16819
	f2172 = 17799
	f2562 = 20995
	f3072 = 25172
	f3624 = 29692
)

// descale divides by 1<<n, rounding.
func descale(x int32, n uint) int32 { return (x + 1<<(n-1)) >> n }

// saturate limits x to 16 bits, as the vector kernels' packing does.
func saturate(x int32) int32 { return max(-1<<15, min(1<<15-1, x)) }

// clampCentre makes a sample of a transformed value.
func clampCentre(x int32) byte { return byte(max(-128, min(127, x)) + 128) }

// rotate8 is the one-dimensional transform of 8 values, before descaling. Sums
// of two inputs wrap at 16 bits, as in libjpeg-turbo's vector code; only damaged
// files get there.
func rotate8(in *[8]int32) (out [8]int32) {
	z2, z3 := in[2], in[6]
	tmp2 := z2*f0541 + z3*(f0541-f1847)
	tmp3 := z2*(f0541+f0765) + z3*f0541
	tmp0 := int32(int16(in[0]+in[4])) << constBits
	tmp1 := int32(int16(in[0]-in[4])) << constBits
	e0, e3 := tmp0+tmp3, tmp0-tmp3
	e1, e2 := tmp1+tmp2, tmp1-tmp2

	i7, i5, i3, i1 := in[7], in[5], in[3], in[1]
	s3, s4 := int32(int16(i7+i3)), int32(int16(i5+i1))
	w3 := s3*(f1175-f1961) + s4*f1175
	w4 := s3*f1175 + s4*(f1175-f0390)
	o0 := i7*(f0298-f0899) - i1*f0899 + w3
	o1 := i5*(f2053-f2562) - i3*f2562 + w4
	o2 := -i5*f2562 + i3*(f3072-f2562) + w3
	o3 := -i7*f0899 + i1*(f1501-f0899) + w4

	out[0], out[7] = e0+o3, e0-o3
	out[1], out[6] = e1+o2, e1-o2
	out[2], out[5] = e2+o1, e2-o1
	out[3], out[4] = e3+o0, e3-o0
	return out
}

// idct8 dequantizes a block and transforms it to 8 rows of 8 samples in dst.
func idct8(blk, quant *[64]int16, dst []byte, stride int) {
	var ws [64]int32
	for x := range 8 {
		var in [8]int32
		for y := range 8 {
			in[y] = int32(blk[8*y+x] * quant[8*y+x])
		}
		for y, v := range rotate8(&in) {
			ws[8*y+x] = saturate(descale(v, constBits-passBits))
		}
	}
	for y := range 8 {
		row := dst[y*stride:][:8]
		for x, v := range rotate8((*[8]int32)(ws[8*y:])) {
			row[x] = clampCentre(descale(v, constBits+passBits+3))
		}
	}
}
