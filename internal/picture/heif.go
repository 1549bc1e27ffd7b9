//go:build heif

package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"

	"github.com/gen2brain/avif"
	"github.com/gen2brain/heic"
)

// heifFile is what the properties of a HEIF file say of its picture.
type heifFile struct {
	w, h        int64 // of the largest item: a picture may be a grid of small ones
	rotated     int   // quarter turns against the clock
	mirrored    bool
	swapColumns bool // the mirror swaps columns, otherwise rows
}

// parseHEIF reads the boxes meta, iprp, ipco and in them the sizes and turns.
func parseHEIF(data []byte) (f heifFile) {
	meta := boxNamed(data, "meta")
	properties := boxNamed(boxNamed(meta[min(4, len(meta)):], "iprp"), "ipco")
	eachBox(properties, func(kind string, body []byte) {
		switch {
		case kind == "ispe" && len(body) >= 12:
			w, h := int64(binary.BigEndian.Uint32(body[4:])), int64(binary.BigEndian.Uint32(body[8:]))
			if w*h > f.w*f.h {
				f.w, f.h = w, h
			}
		case kind == "irot" && len(body) >= 1:
			f.rotated = int(body[0] & 3)
		case kind == "imir" && len(body) >= 1:
			f.mirrored, f.swapColumns = true, body[0]&1 == 1
		}
	})
	return f
}

// eachBox walks the boxes in b as far as they are whole.
func eachBox(b []byte, f func(kind string, body []byte)) {
	for len(b) >= 8 {
		n, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		if n == 1 && len(b) >= 16 {
			n, head = binary.BigEndian.Uint64(b[8:]), 16
		} else if n == 0 {
			n = uint64(len(b))
		}
		if n < head || n > uint64(len(b)) {
			return
		}
		f(string(b[4:8]), b[head:n])
		b = b[n:]
	}
}

func boxNamed(b []byte, name string) (found []byte) {
	eachBox(b, func(kind string, body []byte) {
		if kind == name && found == nil {
			found = body
		}
	})
	return found
}

// orientation is EXIF's number for the turn and the mirror, by Pillow's
// irot_imir_to_exif_orientation.
func (f heifFile) orientation() int {
	switch {
	case !f.mirrored:
		return [4]int{1, 8, 3, 6}[f.rotated]
	case f.swapColumns:
		return [4]int{2, 7, 4, 5}[f.rotated]
	}
	return [4]int{4, 5, 2, 7}[f.rotated]
}

func heifHeader(format string, data []byte, o Options) (heifFile, Header, error) {
	f := parseHEIF(data)
	if err := o.check(format, f.w, f.h, len(data)); err != nil {
		return f, Header{}, err
	}
	return f, Header{W: int(f.w), H: int(f.h), Orientation: 1}, nil
}

// heicHeader leaves orientation 1: the decoder turns the picture itself.
func heicHeader(data []byte, o Options) (Header, error) {
	_, h, err := heifHeader("heic", data, o)
	return h, err
}

func avifHeader(data []byte, o Options) (Header, error) {
	f, h, err := heifHeader("avif", data, o)
	h.Orientation = f.orientation()
	return h, err
}

func heicDecode(data []byte, h Header, o Options) (*RGB, error) {
	return heifDecode("heic", heic.Decode, data, h)
}

func avifDecode(data []byte, h Header, o Options) (*RGB, error) {
	return heifDecode("avif", avif.Decode, data, h)
}

func heifDecode(format string, decode func(io.Reader) (image.Image, error), data []byte, h Header) (*RGB, error) {
	im, err := decode(bytes.NewReader(data))
	if err != nil {
		return nil, corrupt(format, err)
	}
	// A turn swaps the sides and a clean aperture cuts them, but neither adds.
	if b := im.Bounds(); b.Dx()*b.Dy() > h.W*h.H {
		return nil, fail(Corrupt, "the %s header says %dx%d but the data is %dx%d; save the picture again", format, h.W, h.H, b.Dx(), b.Dy())
	}
	return FromImage(im), nil
}
