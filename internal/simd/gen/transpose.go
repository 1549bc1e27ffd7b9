package main

// transpose writes y[j][i] = x[i][j] for a 16 by 16 block of 4-byte values, ldx and
// ldy in bytes: how attention lays out keys as columns. Pairs of rows are
// interleaved by 4 bytes, then by 8, then by 16 twice.
func (k *kernels) transpose() {
	const x, y, ldx, ldy = 0, 1, 2, 3
	k.begin("transpose", "transposes 16 by 16 values of 4 bytes.", "x", "y", "ldx", "ldy")
	for i := range 16 {
		k.load(i, x, 0)
		k.add(x, ldx)
	}
	for i := 0; i < 16; i += 2 { // rows i, i+1 → 16+i, 17+i
		k.p("VPUNPCKLDQ Z%d, Z%d, Z%d", i+1, i, 16+i)
		k.p("VPUNPCKHDQ Z%d, Z%d, Z%d", i+1, i, 17+i)
	}
	for i := 0; i < 16; i += 4 { // four columns of four rows → i … i+3
		for j := range 2 {
			k.p("VPUNPCKLQDQ Z%d, Z%d, Z%d", 18+i+j, 16+i+j, i+2*j)
			k.p("VPUNPCKHQDQ Z%d, Z%d, Z%d", 18+i+j, 16+i+j, i+2*j+1)
		}
	}
	for c := range 4 { // columns c, c+4, c+8, c+12 of eight rows → 16+4c …
		k.p("VSHUFI32X4 $0x88, Z%d, Z%d, Z%d", 4+c, c, 16+4*c)
		k.p("VSHUFI32X4 $0xdd, Z%d, Z%d, Z%d", 4+c, c, 17+4*c)
		k.p("VSHUFI32X4 $0x88, Z%d, Z%d, Z%d", 12+c, 8+c, 18+4*c)
		k.p("VSHUFI32X4 $0xdd, Z%d, Z%d, Z%d", 12+c, 8+c, 19+4*c)
	}
	for c := range 4 { // and of all sixteen
		k.p("VSHUFI32X4 $0x88, Z%d, Z%d, Z%d", 18+4*c, 16+4*c, c)
		k.p("VSHUFI32X4 $0x88, Z%d, Z%d, Z%d", 19+4*c, 17+4*c, 4+c)
		k.p("VSHUFI32X4 $0xdd, Z%d, Z%d, Z%d", 18+4*c, 16+4*c, 8+c)
		k.p("VSHUFI32X4 $0xdd, Z%d, Z%d, Z%d", 19+4*c, 17+4*c, 12+c)
	}
	for i := range 16 {
		k.store(i, y, 0)
		k.add(y, ldy)
	}
	k.ret()
}
