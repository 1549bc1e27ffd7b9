package picture

// sumColumnsGeneric is the horizontal pass over one row, and the oracle of the
// vector kernel.
func sumColumnsGeneric(dst, src []byte, t *table) {
	for i, s := range t.start {
		k := t.coef[i*t.taps:][:t.taps]
		in := src[3*int(s):][:3*len(k)]
		r, g, b := int32(1<<(precision-1)), int32(1<<(precision-1)), int32(1<<(precision-1))
		for j, c := range k {
			r += c * int32(in[3*j])
			g += c * int32(in[3*j+1])
			b += c * int32(in[3*j+2])
		}
		dst[3*i], dst[3*i+1], dst[3*i+2] = clip8(r), clip8(g), clip8(b)
	}
}

// sumRowsGeneric is output row i of the vertical pass, and the oracle of the
// vector kernel. It sums a block of columns at a time to read along the rows.
func sumRowsGeneric(dst, src []byte, stride int, t *table, i int) {
	var acc [256]int32
	k := t.coef[i*t.taps:][:t.taps]
	for at := 0; at < len(dst); at += len(acc) {
		n := min(len(acc), len(dst)-at)
		for x := range n {
			acc[x] = 1 << (precision - 1)
		}
		for j, c := range k {
			if c == 0 {
				continue
			}
			for x, v := range src[j*stride+at:][:n] {
				acc[x] += c * int32(v)
			}
		}
		for x, v := range acc[:n] {
			dst[at+x] = clip8(v)
		}
	}
}

func clip8(v int32) byte {
	return byte(min(max(v>>precision, 0), 255))
}
