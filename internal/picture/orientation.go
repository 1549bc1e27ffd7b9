package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
	"regexp"
	"strings"
)

// oriented returns the picture as ImageOps.exif_transpose turns it. n is
// EXIF's orientation; others than 2 to 8 leave the picture as it is.
func (p *RGB) oriented(n int) *RGB {
	if n < 2 || n > 8 {
		return p
	}
	out := &RGB{W: p.W, H: p.H, Pix: p.Pix}
	if n >= 5 {
		out = p.transposed()
	}
	// What is left is a flip of columns, rows, or both.
	columns := n == 2 || n == 3 || n == 6 || n == 7
	rows := n == 3 || n == 4 || n == 7 || n == 8
	if columns {
		out.flipColumns()
	}
	if rows {
		out.flipRows()
	}
	return out
}

// transposed swaps rows and columns, a block at a time for the cache's sake.
func (p *RGB) transposed() *RGB {
	const block = 32
	out := NewRGB(p.H, p.W)
	for y0 := 0; y0 < p.H; y0 += block {
		for x0 := 0; x0 < p.W; x0 += block {
			for y := y0; y < min(y0+block, p.H); y++ {
				for x := x0; x < min(x0+block, p.W); x++ {
					to, from := 3*(x*p.H+y), 3*(y*p.W+x)
					copy(out.Pix[to:to+3], p.Pix[from:from+3])
				}
			}
		}
	}
	return out
}

func (p *RGB) flipColumns() {
	for y := range p.H {
		row := p.row(y)
		for i, j := 0, len(row)-3; i < j; i, j = i+3, j-3 {
			for c := range 3 {
				row[i+c], row[j+c] = row[j+c], row[i+c]
			}
		}
	}
}

func (p *RGB) flipRows() {
	hold := make([]byte, 3*p.W)
	for i, j := 0, p.H-1; i < j; i, j = i+1, j-1 {
		copy(hold, p.row(i))
		copy(p.row(i), p.row(j))
		copy(p.row(j), hold)
	}
}

// tags is what a file has of an orientation. Pillow takes the EXIF's and, if
// that has none, the XMP's.
type tags struct {
	exif []byte // with or without "Exif\0\0" in front
	xmp  []byte
}

var xmpOrientation = regexp.MustCompile(`tiff:Orientation(?:="|>)([0-9])`)

// maxXMP is how much of an XMP packet is searched.
const maxXMP = 1 << 20

// orientation returns 1 to 8.
func (t tags) orientation() int {
	if n, ok := exifOrientation(t.exif); ok {
		return legalOrientation(n)
	}
	if m := xmpOrientation.FindSubmatch(t.xmp[:min(len(t.xmp), maxXMP)]); m != nil {
		return legalOrientation(int(m[1][0] - '0'))
	}
	return 1
}

func legalOrientation(n int) int {
	if n < 1 || n > 8 {
		return 1
	}
	return n
}

// exifOrientation reads the orientation from an EXIF block, which is a TIFF
// file without a picture.
func exifOrientation(block []byte) (n int, ok bool) {
	for range 2 {
		block = bytes.TrimPrefix(block, []byte("Exif\x00\x00"))
	}
	d, ok := parseDirectory(block)
	if !ok {
		return 0, false
	}
	e, ok := d.entry(tagOrientation)
	if !ok {
		return 0, false
	}
	v, ok := d.uint(e, 0)
	return int(v), ok
}

// jpegTags finds EXIF and XMP in the segments in front of the first scan.
func jpegTags(data []byte) tags {
	var t tags
	for i := 2; i+4 <= len(data) && data[i] == 0xff; {
		kind := data[i+1]
		if kind == 0xff {
			i++
			continue
		}
		n := int(binary.BigEndian.Uint16(data[i+2:]))
		if kind == 0xda || kind == 0xd9 || n < 2 || i+2+n > len(data) {
			break
		}
		if kind == 0xe1 {
			t.addAPP1(data[i+4 : i+2+n])
		}
		i += 2 + n
	}
	return t
}

func (t *tags) addAPP1(body []byte) {
	const xmp = "http://ns.adobe.com/xap/1.0/\x00"
	switch {
	case bytes.HasPrefix(body, []byte("Exif\x00\x00")):
		// A long block goes on in the next segment.
		t.exif = append(t.exif, body[min(len(t.exif), 6):]...)
	case bytes.HasPrefix(body, []byte(xmp)):
		t.xmp = body[len(xmp):]
	}
}

// inflate decompresses no more than an orientation could lie in.
func inflate(b []byte) []byte {
	r, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	out, _ := io.ReadAll(io.LimitReader(r, maxXMP)) // what came before damage may do
	return out
}

// rawProfile decodes the EXIF block that ImageMagick writes as text into PNG:
// a line break, a name, a length, and hexadecimal lines.
func rawProfile(text []byte) []byte {
	lines := strings.Split(string(text[:min(len(text), maxXMP)]), "\n")
	if len(lines) < 4 {
		return nil
	}
	block, err := hex.DecodeString(strings.Join(lines[3:], ""))
	if err != nil {
		return nil
	}
	return block
}
