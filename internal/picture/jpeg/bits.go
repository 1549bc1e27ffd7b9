package jpeg

import (
	"bytes"
	"encoding/binary"
)

// bitReader hands out bits, first bit highest, of one entropy-coded segment
// whose byte stuffing has been removed. Past the end it gives zeros, as libjpeg
// does; over tells.
type bitReader struct {
	data []byte // the segment and 8 zero bytes
	pos  int    // of the next byte to load; runs on past the end
	acc  uint64 // n valid bits at the top
	n    uint
	size int // bytes of the segment
}

// fill returns acc and n with at least 56 valid bits. It is written to be
// inlined into loops that keep the reader's fields in registers.
func fill(data []byte, pos int, acc uint64, n uint) (int, uint64, uint) {
	if pos >= 0 && pos+8 <= len(data) {
		acc |= binary.BigEndian.Uint64(data[pos:]) >> (n & 63)
	}
	return pos + int((63-n)>>3), acc, n | 56
}

// need makes at least 56 bits valid.
func (r *bitReader) need() {
	if r.n < 32 {
		r.pos, r.acc, r.n = fill(r.data, r.pos, r.acc, r.n)
	}
}

// take returns the next k bits, 1 to 16. need must have been called.
func (r *bitReader) take(k uint) int32 {
	v := int32(r.acc >> ((64 - k) & 63))
	r.skip(k)
	return v
}

func (r *bitReader) skip(k uint) {
	r.acc <<= k & 63
	r.n -= k
}

// bit returns the next bit.
func (r *bitReader) bit() int32 {
	if r.n == 0 {
		r.pos, r.acc, r.n = fill(r.data, r.pos, r.acc, r.n)
	}
	return r.take(1)
}

// over says whether more bits were taken than the segment has.
func (r *bitReader) over() bool {
	return r.pos > r.size && r.pos*8-int(r.n) > r.size*8
}

// extend turns k bits into the signed number they stand for (T.81 figure F.12).
func extend(v int32, k uint) int32 {
	if v < 1<<(k-1) {
		v += -1<<k + 1
	}
	return v
}

// reset points the reader at the segment at src's start, using buf as its
// memory, and returns the length in src up to the marker behind the segment; ok
// is false if there is none.
func (r *bitReader) reset(src, buf []byte) (length int, ok bool, kept []byte) {
	out := buf[:0]
	for {
		i := bytes.IndexByte(src[length:], 0xFF)
		if i < 0 {
			out = append(out, src[length:]...)
			length = len(src)
			break
		}
		out = append(out, src[length:length+i]...)
		length += i
		end := length + 1
		for end < len(src) && src[end] == 0xFF {
			end++
		}
		if end == len(src) {
			length = end
			break
		}
		if src[end] != 0 {
			ok = true
			break
		}
		out = append(out, 0xFF)
		length = end + 1
	}
	*r = bitReader{size: len(out)}
	r.data = append(out, 0, 0, 0, 0, 0, 0, 0, 0)
	return length, ok, r.data
}
