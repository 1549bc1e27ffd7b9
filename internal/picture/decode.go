package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
)

// Options says what to read and how far. The zero value is right for pictures
// from strangers: JPEG, PNG, WebP, GIF and BMP within [HTTPLimits], exactly.
type Options struct {
	Limits Limits // zero fields: HTTP's
	// Local reads the user's own files: also TIFF, HEIC and AVIF in a build
	// that has them, and the JPEG inside DNG, CR2, NEF and ARW.
	Local bool
	// MinSide > 0 lets a JPEG be decoded at 1/2, 1/4 or 1/8 as long as its
	// shorter side stays at least 2*MinSide pixels. 0: exactly.
	MinSide int
}

// Header is what a file says about its picture.
type Header struct {
	Format string // as Sniff names it
	W, H   int    // pixels as stored; Decode swaps them for orientations 5 to 8
	// Orientation is EXIF's, 1 to 8.
	Orientation int
}

// codec reads one format. header checks every limit and allocates nothing
// that a hostile file can make large; decode makes the pixels as stored.
type codec struct {
	local  bool
	header func(data []byte, o Options) (Header, error)
	decode func(data []byte, h Header, o Options) (*RGB, error)
}

var codecs = map[string]codec{
	"jpeg": {header: jpegHeader, decode: jpegDecode},
	"png":  {header: pngHeader, decode: pngDecode},
	"gif":  {header: gifHeader, decode: gifDecode},
	"bmp":  {header: bmpHeader, decode: bmpDecode},
	"webp": {header: webpHeader, decode: webpDecode},
	"tiff": {local: true, header: tiffHeader, decode: tiffDecode},
	"raw":  {local: true, header: rawHeader, decode: rawDecode},
	"heic": {local: true, header: heicHeader, decode: heicDecode},
	"avif": {local: true, header: avifHeader, decode: avifDecode},
}

// Sniff names a format by its magic bytes: jpeg, png, gif, bmp, webp, tiff, raw
// (a camera's, which is a TIFF inside), heic, avif.
func Sniff(data []byte) (format string, ok bool) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return "jpeg", true
	case bytes.HasPrefix(data, []byte(pngMagic)):
		return "png", true
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		return "gif", true
	case bytes.HasPrefix(data, []byte("BM")) && len(data) >= 18 && bmpHeaderSize(binary.LittleEndian.Uint32(data[14:])):
		return "bmp", true
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return "webp", true
	case bytes.HasPrefix(data, []byte("II*\x00")), bytes.HasPrefix(data, []byte("MM\x00*")):
		if isRaw(data) {
			return "raw", true
		}
		return "tiff", true
	case len(data) >= 12 && string(data[4:8]) == "ftyp":
		return sniffBrand(data)
	}
	return "", false
}

// sniffBrand tells HEIC from AVIF by the brands of the first box.
func sniffBrand(data []byte) (string, bool) {
	n := min(int(binary.BigEndian.Uint32(data)), len(data), 256)
	for i := 8; i+4 <= n; i += 4 {
		switch string(data[i : i+4]) {
		case "avif", "avis":
			return "avif", true
		case "heic", "heix", "hevc", "hevx", "heim", "heis":
			return "heic", true
		}
	}
	return "", false
}

// ReadHeader reads what the file says of its picture and checks every limit;
// nothing is decoded.
func ReadHeader(data []byte, o Options) (Header, error) {
	_, h, err := open(data, o)
	return h, err
}

// Decode returns the picture's first frame, upright: the orientation that EXIF
// gives is applied. Transparency is dropped.
func Decode(data []byte, o Options) (*RGB, error) {
	c, h, err := open(data, o)
	if err != nil {
		return nil, err
	}
	p, err := guard(h.Format, func() (*RGB, error) { return c.decode(data, h, o) })
	if err != nil {
		return nil, err
	}
	return p.oriented(h.Orientation), nil
}

func open(data []byte, o Options) (codec, Header, error) {
	if len(data) == 0 {
		return codec{}, Header{}, fail(Corrupt, "the file is empty")
	}
	if err := o.checkBytes(len(data)); err != nil {
		return codec{}, Header{}, err
	}
	format, ok := Sniff(data)
	c := codecs[format]
	if !ok || c.local && !o.Local {
		return c, Header{}, unreadable(format, o)
	}
	h, err := guard(format, func() (Header, error) { return c.header(data, o) })
	if err != nil {
		return c, Header{}, err
	}
	h.Format = format
	return c, h, nil
}

func unreadable(format string, o Options) error {
	reads := "JPEG, PNG, WebP, GIF or BMP"
	if o.Local {
		reads = "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, AVIF, DNG, CR2, NEF or ARW"
	}
	if format == "" {
		return fail(Unsupported, "this is no picture that emblem reads; send %s", reads)
	}
	return fail(Unsupported, "a %s file is not read here; send %s", format, reads)
}

// guard runs a decoder; its panic is the file's fault.
func guard[T any](format string, f func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			var zero T
			v, err = zero, corrupt(format, fmt.Errorf("the decoder failed: %v", r))
		}
	}()
	return f()
}

// sized returns what a decoder of another package made, if its size is the
// header's.
func sized(im image.Image, h Header) (*RGB, error) {
	if b := im.Bounds(); b.Dx() != h.W || b.Dy() != h.H {
		return nil, fail(Corrupt, "the header says %dx%d but the data is %dx%d; save the picture again", h.W, h.H, b.Dx(), b.Dy())
	}
	return FromImage(im), nil
}
