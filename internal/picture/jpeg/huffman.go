package jpeg

import (
	"fmt"
	"slices"
)

// lookBits is the width of the lookup tables: nearly all codes, and most codes
// with their value bits, are that short.
const lookBits = 10

// huffTable is one Huffman table in the forms that decoding wants.
type huffTable struct {
	// look maps the next lookBits bits to
	//	value<<16 | (run+1)<<8 | bits  code and value both fit
	//	symbol<<8 | bits               the code fits; 0 bits: it does not
	look [1 << lookBits]uint32
	// plain has symbol<<8 | bits for every code that fits.
	plain [1 << lookBits]uint16

	// For longer codes (T.81 figure F.15). maxCode is aligned to 16 bits, -1 if
	// no code has that length.
	maxCode [17]int32
	offset  [17]int32 // symbols index minus code
	symbols [256]byte
}

func (d *decoder) readHuffman(seg []byte) error {
	for len(seg) > 0 {
		if len(seg) < 17 {
			return fmt.Errorf("jpeg: a Huffman table segment ends inside a table")
		}
		class, id, n := seg[0]>>4, seg[0]&15, 0
		for _, c := range seg[1:17] {
			n += int(c)
		}
		if class > 1 || id > 3 {
			return fmt.Errorf("jpeg: Huffman table %d of class %d", id, class)
		}
		if n > 256 || 17+n > len(seg) {
			return fmt.Errorf("jpeg: a Huffman table with %d codes in %d bytes", n, len(seg))
		}
		t, err := newHuffTable(seg[1:17], seg[17:17+n])
		if err != nil {
			return err
		}
		if class == 1 {
			d.ac[id] = t
		} else if d.dc[id] = t; slices.Max(t.symbols[:]) > 15 {
			return fmt.Errorf("jpeg: a DC Huffman table holds the symbol %d", slices.Max(t.symbols[:]))
		}
		seg = seg[17+n:]
	}
	return nil
}

// newHuffTable builds a table from the number of codes of each length (16) and
// the symbols in code order.
func newHuffTable(counts, symbols []byte) (*huffTable, error) {
	t := &huffTable{}
	copy(t.symbols[:], symbols)
	code, k := int32(0), int32(0)
	for l := uint(1); l <= 16; l++ {
		n := int32(counts[l-1])
		if code+n > 1<<l {
			return nil, fmt.Errorf("jpeg: a Huffman table has too many codes of %d bits", l)
		}
		t.offset[l], t.maxCode[l] = k-code, -1
		if n > 0 {
			t.maxCode[l] = (code+n)<<(16-l) - 1
		}
		for i := int32(0); i < n && l <= lookBits; i++ {
			t.enter(code+i, l, t.symbols[k+i])
		}
		code, k = (code+n)<<1, k+n
	}
	return t, nil
}

// enter fills the lookup entries whose top l bits are code.
func (t *huffTable) enter(code int32, l uint, symbol byte) {
	first := code << (lookBits - l)
	size := uint(symbol & 15)
	for i := int32(0); i < 1<<(lookBits-l); i++ {
		e := uint32(symbol)<<8 | uint32(l)
		t.plain[first+i] = uint16(e)
		if size > 0 && l+size <= lookBits {
			v := extend(i>>(lookBits-l-size), size)
			e = uint32(v)<<16 | uint32(symbol>>4+1)<<8 | uint32(l+size)
		}
		t.look[first+i] = e
	}
}

// long decodes the code longer than lookBits at the top of acc: its symbol and
// its length. A code that the table does not have reads as 17 bits for 0, as in
// libjpeg.
func (t *huffTable) long(acc uint64) (symbol byte, bits uint) {
	top := int32(acc >> 48)
	for l := uint(lookBits + 1); l <= 16; l++ {
		if top <= t.maxCode[l] {
			return t.symbols[(top>>(16-l)+t.offset[l])&255], l
		}
	}
	return 0, 17
}

// symbol decodes one symbol. The reader needs 17 valid bits.
func (t *huffTable) symbol(r *bitReader) byte {
	e := t.plain[r.acc>>(64-lookBits)]
	if bits := uint(e & 63); bits != 0 {
		r.skip(bits)
		return byte(e >> 8)
	}
	s, bits := t.long(r.acc)
	r.skip(bits)
	return s
}
