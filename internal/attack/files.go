package attack

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
)

func plain(w, h int, c color.Color) []byte {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.Set(i%w, i/w, c)
	}
	var b bytes.Buffer
	png.Encode(&b, m)
	return b.Bytes()
}

func encoded(m image.Image) []byte {
	var b bytes.Buffer
	png.Encode(&b, m)
	return b.Bytes()
}

// pngSaying is a PNG with this size in its header, and these bytes of pixels
// (zeros pack well).
func pngSaying(w, h uint32, pixels []byte) []byte {
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	z.Write(pixels)
	z.Close()
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	out := []byte("\x89PNG\r\n\x1a\n")
	out = appendChunk(out, "IHDR", append(head, 8, 2, 0, 0, 0))
	out = appendChunk(out, "IDAT", data.Bytes())
	return appendChunk(out, "IEND", nil)
}

func appendChunk(out []byte, kind string, data []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	body := append([]byte(kind), data...)
	out = append(out, body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
}

// packed is data as zlib has it.
func packed(data []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

// pngWith is a PNG with one more chunk behind its header; without a kind, body is
// chunks already.
func pngWith(whole []byte, kind string, body []byte) []byte {
	const header = 33
	if kind != "" {
		body = appendChunk(nil, kind, body)
	}
	out := append(bytes.Clone(whole[:header]), body...)
	return append(out, whole[header:]...)
}

func jpegOf(m image.Image) []byte {
	var b bytes.Buffer
	jpeg.Encode(&b, m, nil)
	return b.Bytes()
}

// jpegSaying is a JPEG with another size in its header.
func jpegSaying(file []byte, w, h uint16) []byte {
	out := bytes.Clone(file)
	if i := bytes.Index(out, []byte{0xff, 0xc0}); i > 0 {
		binary.BigEndian.PutUint16(out[i+5:], h)
		binary.BigEndian.PutUint16(out[i+7:], w)
	}
	return out
}

// manyScans is a progressive JPEG of 2,000 x 2,000 whose scans say in eight bytes that
// nothing changes: a decoder walks all 62,500 blocks for each.
func manyScans(n int) []byte {
	var b bytes.Buffer
	b.WriteString("\xff\xd8\xff\xdb\x00\x43\x00")
	b.Write(bytes.Repeat([]byte{1}, 64))
	b.WriteString("\xff\xc2\x00\x0b\x08\x07\xd0\x07\xd0\x01\x01\x11\x00") // one component
	for class, symbol := range map[byte]byte{0x00: 0x00, 0x10: 0xe0} {    // DC: no change; AC: a run of 2^14 empty blocks
		b.WriteString("\xff\xc4\x00\x14")
		b.WriteByte(class)
		b.WriteString("\x01" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
		b.WriteByte(symbol)
	}
	b.WriteString("\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00")
	b.Write(make([]byte, 62500/8+1))
	for range n {
		b.WriteString("\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	}
	b.WriteString("\xff\xd9")
	return b.Bytes()
}

// riff wraps the chunks of a WebP.
func riff(chunks string) []byte {
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(chunks)))
	return append(out, "WEBP"+chunks...)
}

// bmpSaying is a BMP with this size, depth and packing in its header, and n bytes of
// pixels.
func bmpSaying(w, h int32, bits, packing uint16, n int) []byte {
	const head = 14 + 40
	out := binary.LittleEndian.AppendUint32([]byte("BM"), uint32(head+n))
	out = binary.LittleEndian.AppendUint32(append(out, 0, 0, 0, 0), head)
	out = binary.LittleEndian.AppendUint32(out, 40)
	out = binary.LittleEndian.AppendUint32(out, uint32(w))
	out = binary.LittleEndian.AppendUint32(out, uint32(h))
	out = binary.LittleEndian.AppendUint16(append(out, 1, 0), bits)
	out = binary.LittleEndian.AppendUint32(out, uint32(packing))
	return append(out, make([]byte, 20+n)...)
}
