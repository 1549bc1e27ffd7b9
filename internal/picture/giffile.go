package picture

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"io"
)

// gifFrame is the first frame of a GIF file. image/gif would do but for files
// that Pillow reads and it does not: frames that reach over the screen, no
// palette, data that goes on after the last pixel.
type gifFrame struct {
	w, h         int // of the canvas
	x, y, fw, fh int // of the frame
	palette      []byte
	transparent  int // index, or -1
	interlaced   bool
	width        int // bits of a literal
	data         []byte
}

func gifHeader(data []byte, o Options) (Header, error) {
	f, err := parseGIF(data)
	if err != nil {
		return Header{}, err
	}
	return Header{W: f.w, H: f.h, Orientation: 1}, o.check("gif", int64(f.w), int64(f.h), len(data))
}

var errGIF = fail(Corrupt, "the gif file ends before its first frame; save the picture again")

func parseGIF(data []byte) (*gifFrame, error) {
	if len(data) < 13 {
		return nil, errGIF
	}
	f := &gifFrame{transparent: -1}
	f.w, f.h = int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:]))
	rest := f.takePalette(data[13:], data[10])
	for len(rest) > 0 {
		switch rest[0] {
		case ',':
			return f.image(rest[1:])
		case ';':
			return nil, errGIF
		case '!':
			rest = f.extension(rest[1:])
		default: // Pillow skips what it does not know
			rest = rest[1:]
		}
	}
	return nil, errGIF
}

// takePalette reads the palette that flags announce.
func (f *gifFrame) takePalette(rest []byte, flags byte) []byte {
	if flags&0x80 == 0 {
		return rest
	}
	n := min(3<<(flags&7+1), len(rest))
	f.palette = rest[:n]
	return rest[n:]
}

// extension skips an extension's blocks and reads the graphic control's.
func (f *gifFrame) extension(rest []byte) []byte {
	if len(rest) == 0 {
		return nil
	}
	if len(rest) >= 6 && rest[0] == 0xf9 && rest[1] >= 4 && rest[2]&1 != 0 {
		f.transparent = int(rest[5])
	}
	for rest = rest[1:]; len(rest) > 0 && rest[0] != 0; {
		rest = rest[min(1+int(rest[0]), len(rest)):]
	}
	return rest[min(1, len(rest)):]
}

// image reads the frame's place; the canvas grows to hold it.
func (f *gifFrame) image(rest []byte) (*gifFrame, error) {
	if len(rest) < 10 {
		return nil, errGIF
	}
	at := func(i int) int { return int(binary.LittleEndian.Uint16(rest[i:])) }
	f.x, f.y, f.fw, f.fh = at(0), at(2), at(4), at(6)
	f.w, f.h = max(f.w, f.x+f.fw), max(f.h, f.y+f.fh)
	f.interlaced = rest[8]&0x40 != 0
	rest = f.takePalette(rest[9:], rest[8])
	if len(rest) == 0 {
		return nil, errGIF
	}
	f.width, f.data = int(rest[0]), rest[1:]
	if f.width < 2 || f.width > 8 {
		return nil, fail(Corrupt, "the gif file has pixels of %d bits; save the picture again", f.width)
	}
	return f, nil
}

func gifDecode(data []byte, h Header, o Options) (*RGB, error) {
	f, err := parseGIF(data)
	if err != nil {
		return nil, err
	}
	pixels := make([]byte, f.fw*f.fh)
	r := lzw.NewReader(&gifBlocks{rest: f.data}, lzw.LSB, f.width)
	defer r.Close()
	if _, err := io.ReadFull(r, pixels); err != nil {
		return nil, corrupt("gif", err)
	}
	palette := f.colours()
	out := NewRGB(f.w, f.h)
	for i := 0; i < len(out.Pix) && f.transparent >= 0; i += 3 {
		copy(out.Pix[i:i+3], palette[f.transparent][:])
	}
	if f.transparent < 0 {
		fill(out.Pix, palette[0])
	}
	for i := range f.fh {
		row := out.row(f.y + f.row(i))[3*f.x:][:3*f.fw]
		indexed(row, pixels[i*f.fw:], palette)
	}
	return out, nil
}

func fill(pix []byte, c [3]byte) {
	for i := 0; i < len(pix); i += 3 {
		copy(pix[i:i+3], c[:])
	}
}

// colours is the palette; without one an index is a shade of gray.
func (f *gifFrame) colours() *[256][3]byte {
	var out [256][3]byte
	for i := range out {
		if len(f.palette) == 0 {
			out[i] = [3]byte{byte(i), byte(i), byte(i)}
		} else if 3*i+3 <= len(f.palette) {
			copy(out[i][:], f.palette[3*i:])
		}
	}
	return &out
}

// row is where the i-th row of the data belongs.
func (f *gifFrame) row(i int) int {
	if !f.interlaced {
		return i
	}
	for _, pass := range [...]struct{ first, step int }{{0, 8}, {4, 8}, {2, 4}, {1, 2}} {
		n := (f.fh - pass.first + pass.step - 1) / pass.step
		if i < n {
			return pass.first + i*pass.step
		}
		i -= max(n, 0)
	}
	return i
}

// gifBlocks reads through the lengths that stand before every 255 bytes.
type gifBlocks struct{ block, rest []byte }

func (b *gifBlocks) next() bool {
	for len(b.block) == 0 {
		if len(b.rest) == 0 || b.rest[0] == 0 {
			return false
		}
		n := min(1+int(b.rest[0]), len(b.rest))
		b.block, b.rest = b.rest[1:n], b.rest[n:]
	}
	return true
}

func (b *gifBlocks) ReadByte() (byte, error) {
	if !b.next() {
		return 0, io.EOF
	}
	c := b.block[0]
	b.block = b.block[1:]
	return c, nil
}

func (b *gifBlocks) Read(p []byte) (int, error) {
	if !b.next() {
		return 0, io.EOF
	}
	n, err := bytes.NewReader(b.block).Read(p)
	b.block = b.block[n:]
	return n, err
}
