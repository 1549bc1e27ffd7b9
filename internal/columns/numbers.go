package columns

import (
	"encoding/binary"
	"math/bits"
)

// Numbers is a list of unsigned keys, stored with the fewest of 0, 1, 2, 4 and 8
// bytes that hold the largest.
type Numbers struct {
	n     int
	width int
	data  []byte
}

// NewNumbers stores keys.
func NewNumbers(keys []uint64) *Numbers {
	var most uint64
	for _, k := range keys {
		most = max(most, k)
	}
	b := &Numbers{n: len(keys), width: widthOf(most)}
	b.data = make([]byte, 0, b.n*b.width)
	for _, k := range keys {
		switch b.width {
		case 1:
			b.data = append(b.data, byte(k))
		case 2:
			b.data = binary.LittleEndian.AppendUint16(b.data, uint16(k))
		case 4:
			b.data = binary.LittleEndian.AppendUint32(b.data, uint32(k))
		case 8:
			b.data = binary.LittleEndian.AppendUint64(b.data, k)
		}
	}
	return b
}

func widthOf(most uint64) int {
	switch n := bits.Len64(most); {
	case n == 0:
		return 0
	case n <= 8:
		return 1
	case n <= 16:
		return 2
	case n <= 32:
		return 4
	}
	return 8
}

// Len returns the number of keys.
func (b *Numbers) Len() int { return b.n }

// At returns key i.
func (b *Numbers) At(i int) uint64 {
	switch b.width {
	case 1:
		return uint64(b.data[i])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b.data[2*i:]))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b.data[4*i:]))
	case 8:
		return binary.LittleEndian.Uint64(b.data[8*i:])
	}
	return 0
}

// InRange sets the bit of every key that is at least least and at most most, in
// words of 64.
func (b *Numbers) InRange(least, most uint64, words []uint64) {
	span := most - least
	for w := range (b.n + 63) / 64 {
		from, to := w*64, min(w*64+64, b.n)
		var word uint64
		switch b.width {
		case 1:
			for i, k := range b.data[from:to] {
				word |= below(uint64(k)-least, span) << i
			}
		case 2:
			for i, at := 0, b.data[2*from:2*to]; len(at) >= 2; i, at = i+1, at[2:] {
				word |= below(uint64(binary.LittleEndian.Uint16(at))-least, span) << i
			}
		case 4:
			for i, at := 0, b.data[4*from:4*to]; len(at) >= 4; i, at = i+1, at[4:] {
				word |= below(uint64(binary.LittleEndian.Uint32(at))-least, span) << i
			}
		case 8:
			for i, at := 0, b.data[8*from:8*to]; len(at) >= 8; i, at = i+1, at[8:] {
				word |= below(binary.LittleEndian.Uint64(at)-least, span) << i
			}
		default:
			word = (1<<(to-from) - 1) * below(-least, span)
		}
		words[w] |= word
	}
}

// below is 1 if x is at most span.
func below(x, span uint64) uint64 {
	_, borrow := bits.Sub64(span, x, 0)
	return 1 - borrow
}
