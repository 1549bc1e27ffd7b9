package picture

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// bmpFile is a Windows or OS/2 bitmap. x/image/bmp has neither 16 bits nor RLE
// nor bit fields, which Pillow reads.
type bmpFile struct {
	data        []byte
	w, h        int64
	topDown     bool
	bits        int
	compression uint32
	palette     *[256][3]byte
	masks       [3]uint32 // red, green, blue; all zero means the usual ones
	offset      int64     // of the pixels
}

// Kinds of compression.
const (
	bmpRaw    = 0
	bmpRLE8   = 1
	bmpRLE4   = 2
	bmpFields = 3
)

func bmpHeaderSize(n uint32) bool {
	return slices.Contains([]uint32{12, 40, 52, 56, 64, 108, 124}, n)
}

func bmpHeader(data []byte, o Options) (Header, error) {
	b, err := parseBMP(data)
	if err != nil {
		return Header{}, err
	}
	if err := o.check("bmp", b.w, b.h, len(data)); err != nil {
		return Header{}, err
	}
	return Header{W: int(b.w), H: int(b.h), Orientation: 1}, nil
}

var errBMP = fail(Corrupt, "the bmp file ends too early; save the picture again")

func parseBMP(data []byte) (*bmpFile, error) {
	b := &bmpFile{data: data}
	size := int(binary.LittleEndian.Uint32(data[14:]))
	if len(data) < 14+size {
		return nil, errBMP
	}
	b.offset = int64(binary.LittleEndian.Uint32(data[10:]))
	info := data[14 : 14+size]
	colours, quad := uint32(0), 4
	if size == 12 {
		b.w, b.h = int64(binary.LittleEndian.Uint16(info[4:])), int64(binary.LittleEndian.Uint16(info[6:]))
		b.bits, quad = int(binary.LittleEndian.Uint16(info[10:])), 3
	} else {
		colours = b.windowsInfo(info)
	}
	if colours == 0 && b.bits <= 16 {
		colours = 1 << b.bits
	}
	if b.bits <= 8 && b.offset == int64(14+size) {
		b.offset += int64(quad) * int64(colours)
	}
	return b, b.checkKind(14+size, int(min(colours, 1<<16)), quad)
}

func (b *bmpFile) windowsInfo(info []byte) (colours uint32) {
	b.w, b.h = int64(binary.LittleEndian.Uint32(info[4:])), int64(binary.LittleEndian.Uint32(info[8:]))
	if info[11] == 0xff { // a negative height
		b.topDown, b.h = true, 1<<32-b.h
	}
	b.bits = int(binary.LittleEndian.Uint16(info[14:]))
	b.compression = binary.LittleEndian.Uint32(info[16:])
	return binary.LittleEndian.Uint32(info[32:])
}

// checkKind refuses what Pillow refuses and reads what follows the header:
// masks or a palette.
func (b *bmpFile) checkKind(at, colours, quad int) error {
	rle := b.compression == bmpRLE8 && b.bits == 8 || b.compression == bmpRLE4 && b.bits == 4
	fields := b.compression == bmpFields && b.bits >= 16
	known := slices.Contains([]int{1, 4, 8, 16, 24, 32}, b.bits)
	if !known || b.compression != bmpRaw && !rle && !fields {
		return fail(Unsupported, "a bmp file of %d bits and compression %d is not read here; save the picture as PNG", b.bits, b.compression)
	}
	if fields {
		return b.readMasks(at)
	}
	if b.bits <= 8 {
		b.readPalette(b.data[at:], colours, quad)
		if b.offset == 0 {
			b.offset = int64(at + colours*quad)
		}
	}
	if b.offset == 0 {
		b.offset = int64(at)
	}
	return nil
}

// readMasks reads the three masks, which stand where a 40-byte header ends.
func (b *bmpFile) readMasks(at int) error {
	if len(b.data) < 66 {
		return errBMP
	}
	for c := range 3 {
		b.masks[c] = binary.LittleEndian.Uint32(b.data[54+4*c:])
	}
	if b.offset == 0 {
		b.offset = int64(max(at, 66))
	}
	ok := b.masks == [3]uint32{}
	switch b.bits {
	case 16:
		ok = b.masks == [3]uint32{0xf800, 0x7e0, 0x1f} || b.masks == [3]uint32{0x7c00, 0x3e0, 0x1f}
	case 24:
		ok = b.masks == [3]uint32{0xff0000, 0xff00, 0xff}
	case 32:
		ok = ok || wholeByte(b.masks[0]) && wholeByte(b.masks[1]) && wholeByte(b.masks[2])
	}
	if !ok {
		return fail(Unsupported, "a bmp file with colour masks %x is not read here; save the picture as PNG", b.masks)
	}
	return nil
}

func wholeByte(mask uint32) bool {
	shift := bits.TrailingZeros32(mask)
	return mask != 0 && shift%8 == 0 && mask>>shift == 0xff
}

// readPalette reads blue, green, red and, but in the oldest files, a byte of
// nothing. Pillow drops a palette of 8 bits in which every colour is its own
// gray, so that indices behind it are grays too.
func (b *bmpFile) readPalette(rest []byte, colours, quad int) {
	b.palette = new([256][3]byte)
	gray := b.bits == 8 && colours > 2
	n := min(colours, 256, len(rest)/quad)
	for i := range n {
		q := rest[i*quad:]
		b.palette[i] = [3]byte{q[2], q[1], q[0]}
		gray = gray && b.palette[i] == [3]byte{byte(i), byte(i), byte(i)}
	}
	for i := n; gray && i < 256; i++ {
		b.palette[i] = [3]byte{byte(i), byte(i), byte(i)}
	}
}

func bmpDecode(data []byte, h Header, o Options) (*RGB, error) {
	b, err := parseBMP(data)
	if err != nil {
		return nil, err
	}
	if b.offset > int64(len(data)) {
		return nil, errBMP
	}
	pixels, stride := data[b.offset:], (h.W*b.bits+31)/32*4
	if b.compression == bmpRLE8 || b.compression == bmpRLE4 {
		pixels, stride = b.unpackRLE(h.W, h.H), h.W
		b.bits = 8
	}
	if len(pixels) < stride*h.H {
		return nil, errBMP
	}
	out := NewRGB(h.W, h.H)
	for y := range h.H {
		row := out.row(y)
		if !b.topDown {
			row = out.row(h.H - 1 - y)
		}
		b.convertRow(row, pixels[y*stride:][:stride])
	}
	return out, nil
}

func (b *bmpFile) convertRow(dst, src []byte) {
	switch b.bits {
	case 16:
		b.convert16(dst, src)
	case 24:
		permute(dst, src, 3, 2, 1, 0)
	case 32:
		r, g, bl := 2, 1, 0
		if b.masks != [3]uint32{} {
			r, g, bl = bits.TrailingZeros32(b.masks[0])/8, bits.TrailingZeros32(b.masks[1])/8, bits.TrailingZeros32(b.masks[2])/8
		}
		permute(dst, src, 4, r, g, bl)
	default:
		for i := 0; i < len(dst)/3; i++ {
			bit := i * b.bits
			v := src[bit/8] >> (8 - b.bits - bit%8) & (1<<b.bits - 1)
			copy(dst[3*i:3*i+3], b.palette[v][:])
		}
	}
}

func permute(dst, src []byte, step, r, g, b int) {
	for i, j := 0, 0; i < len(dst); i, j = i+3, j+step {
		dst[i], dst[i+1], dst[i+2] = src[j+r], src[j+g], src[j+b]
	}
}

// convert16 is ImagingUnpackBGR15 and ImagingUnpackBGR16 of Pillow.
func (b *bmpFile) convert16(dst, src []byte) {
	green := 31
	if b.masks[1] == 0x7e0 {
		green = 63
	}
	for i := 0; i < len(dst); i += 3 {
		v := int(binary.LittleEndian.Uint16(src[i/3*2:]))
		dst[i+2] = byte(v & 31 * 255 / 31)
		dst[i+1] = byte(v >> 5 & green * 255 / green)
		dst[i] = byte(v >> 5 / (green + 1) & 31 * 255 / 31)
	}
}
