package picture

import "encoding/binary"

// The TIFF tags that are read here.
const (
	tagNewSubfile   = 0x00fe
	tagWidth        = 0x0100
	tagHeight       = 0x0101
	tagCompression  = 0x0103
	tagPhotometric  = 0x0106
	tagMake         = 0x010f
	tagStripOffsets = 0x0111
	tagOrientation  = 0x0112
	tagStripCounts  = 0x0117
	tagTileWidth    = 0x0142
	tagTileHeight   = 0x0143
	tagSubIFDs      = 0x014a
	tagXMP          = 0x02bc
	tagJPEGOffset   = 0x0201
	tagJPEGLength   = 0x0202
	tagDNGVersion   = 0xc612
)

// directory is one IFD of a TIFF file or an EXIF block. Nothing is copied out
// of the file, and every access is checked against its length.
type directory struct {
	file    []byte
	order   binary.ByteOrder
	entries []byte // (n, 12)
	next    uint32 // offset of the next directory, 0 if there is none
}

// entry is one field: 12 bytes of tag, type, count, value or offset.
type entry []byte

// parseDirectory reads the first directory of a TIFF file.
func parseDirectory(file []byte) (directory, bool) {
	if len(file) < 8 {
		return directory{}, false
	}
	d := directory{file: file}
	switch string(file[:4]) {
	case "II*\x00":
		d.order = binary.LittleEndian
	case "MM\x00*":
		d.order = binary.BigEndian
	default:
		return directory{}, false
	}
	return d.at(d.order.Uint32(file[4:]))
}

// at reads the directory at an offset of the same file.
func (d directory) at(offset uint32) (directory, bool) {
	size := uint64(len(d.file))
	start := uint64(offset) + 2
	if offset < 8 || start > size {
		return directory{}, false
	}
	n := uint64(d.order.Uint16(d.file[offset:])) * 12
	out := directory{file: d.file, order: d.order, entries: d.file[start:min(start+n, size)]}
	if start+n+4 <= size {
		out.next = d.order.Uint32(d.file[start+n:])
	}
	return out, true
}

// entry returns the first field with that tag.
func (d directory) entry(tag uint16) (entry, bool) {
	for e := d.entries; len(e) >= 12; e = e[12:] {
		if d.order.Uint16(e) == tag {
			return entry(e[:12]), true
		}
	}
	return nil, false
}

func (d directory) count(e entry) int { return int(d.order.Uint32(e[4:])) }

// bytes returns the field's values, or nil if they lie outside the file.
func (d directory) bytes(e entry) []byte {
	n := uint64(d.order.Uint32(e[4:])) * uint64(typeSize(d.order.Uint16(e[2:])))
	if n <= 4 {
		return e[8 : 8+n]
	}
	at := uint64(d.order.Uint32(e[8:]))
	if at+n > uint64(len(d.file)) {
		return nil
	}
	return d.file[at : at+n]
}

// typeSize is the size of a value of a TIFF type; types that are not read have
// none.
func typeSize(t uint16) int {
	switch t {
	case 1, 2, 6, 7: // byte, ASCII, signed byte, undefined
		return 1
	case 3: // short
		return 2
	case 4, 13: // long, IFD
		return 4
	}
	return 0
}

// uint returns the i-th value of a field of whole numbers.
func (d directory) uint(e entry, i int) (uint32, bool) {
	size := typeSize(d.order.Uint16(e[2:]))
	v := d.bytes(e)
	if size == 0 || (i+1)*size > len(v) {
		return 0, false
	}
	switch v = v[i*size:]; size {
	case 1:
		return uint32(v[0]), true
	case 2:
		return uint32(d.order.Uint16(v)), true
	}
	return d.order.Uint32(v), true
}

// value returns the first value of a tag, or 0.
func (d directory) value(tag uint16) uint32 {
	e, ok := d.entry(tag)
	if !ok {
		return 0
	}
	v, _ := d.uint(e, 0)
	return v
}

// text returns the bytes of a tag's value.
func (d directory) text(tag uint16) []byte {
	e, ok := d.entry(tag)
	if !ok {
		return nil
	}
	return d.bytes(e)
}
