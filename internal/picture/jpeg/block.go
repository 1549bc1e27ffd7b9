package jpeg

// readDC decodes a block's DC difference and returns the new prediction.
func (t *huffTable) readDC(r *bitReader, pred int32) int32 {
	r.need()
	e := t.look[r.acc>>(64-lookBits)]
	if v := int32(e) >> 16; v != 0 {
		r.skip(uint(e & 63))
		return pred + v
	}
	s := uint(t.symbol(r))
	if s == 0 {
		return pred
	}
	return pred + extend(r.take(s), s)
}

// readAC decodes a sequential block's AC coefficients into blk, which must be
// zero, in natural order and not dequantized. It returns false if the block ends
// at once.
//
// This is the decoder's inner loop: the reader's fields live in locals, and one
// lookup gives the run, the value and the length of most coefficients.
func (t *huffTable) readAC(r *bitReader, blk *[64]int16) bool {
	data, pos, acc, n := r.data, r.pos, r.acc, r.n
	k := uint32(1)
	for k < 64 {
		if n < 32 {
			pos, acc, n = fill(data, pos, acc, n)
		}
		e := t.look[acc>>(64-lookBits)]
		if v := int16(e >> 16); v != 0 {
			k += e >> 8 & 255
			blk[zigzag[(k-1)&127]&63] = v
			acc <<= e & 63
			n -= uint(e & 63)
			continue
		}
		symbol, bits := byte(e>>8), uint(e&63)
		if bits == 0 {
			symbol, bits = t.long(acc)
		}
		acc <<= bits & 63
		n -= bits
		size := uint(symbol & 15)
		if size == 0 {
			if symbol != 0xF0 {
				break
			}
			k += 16
			continue
		}
		k += uint32(symbol >> 4)
		v := extend(int32(acc>>((64-size)&63)), size)
		acc <<= size
		n -= size
		blk[zigzag[k&127]&63] = int16(v)
		k++
	}
	r.pos, r.acc, r.n = pos, acc, n
	return k > 1
}

// skipAC steps over a sequential block's AC coefficients. It is readAC without
// the storing.
func (t *huffTable) skipAC(r *bitReader) {
	data, pos, acc, n := r.data, r.pos, r.acc, r.n
	for k := uint32(1); k < 64; {
		if n < 32 {
			pos, acc, n = fill(data, pos, acc, n)
		}
		e := t.look[acc>>(64-lookBits)]
		if e>>16 != 0 {
			k += e >> 8 & 255
			acc <<= e & 63
			n -= uint(e & 63)
			continue
		}
		symbol, bits := byte(e>>8), uint(e&63)
		if bits == 0 {
			symbol, bits = t.long(acc)
		}
		if symbol&15 == 0 && symbol != 0xF0 {
			k = 64
		}
		k += uint32(symbol>>4) + 1
		bits += uint(symbol & 15)
		acc <<= bits & 63
		n -= bits
	}
	r.pos, r.acc, r.n = pos, acc, n
}
