package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/png"
	"io"
	"strings"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

func pngHeader(data []byte, o Options) (Header, error) {
	if len(data) < 33 || string(data[12:16]) != "IHDR" {
		return Header{}, fail(Corrupt, "the png file ends in its header")
	}
	w, h := int64(binary.BigEndian.Uint32(data[16:])), int64(binary.BigEndian.Uint32(data[20:]))
	if err := o.check("png", w, h, len(data)); err != nil {
		return Header{}, err
	}
	return Header{W: int(w), H: int(h), Orientation: pngTags(data).orientation()}, nil
}

// pngTags looks behind the pixels too, because Pillow does.
func pngTags(data []byte) tags {
	var t tags
	eachPNGChunk(data, func(_ int, kind string, body []byte) bool {
		t.addChunk(kind, body)
		return true
	})
	return t
}

// eachPNGChunk walks the chunks as far as they are whole and f wants more.
func eachPNGChunk(data []byte, f func(at int, kind string, body []byte) bool) {
	for at := len(pngMagic); at+12 <= len(data); {
		n := uint64(binary.BigEndian.Uint32(data[at:]))
		if uint64(at)+12+n > uint64(len(data)) || !f(at, string(data[at+4:at+8]), data[at+8:][:n]) {
			return
		}
		at += 12 + int(n)
	}
}

func (t *tags) addChunk(kind string, body []byte) {
	const xmp, profile = "XML:com.adobe.xmp\x00\x00\x00", "Raw profile type exif\x00"
	switch {
	case kind == "eXIf":
		t.exif = body
	case kind == "iTXt" && bytes.HasPrefix(body, []byte(xmp)):
		// Language and translated keyword come first; they have no orientation.
		t.xmp = body[len(xmp):]
	case kind == "tEXt" && bytes.HasPrefix(body, []byte(profile)) && t.exif == nil:
		t.exif = rawProfile(body[len(profile):])
	case kind == "zTXt" && bytes.HasPrefix(body, []byte(profile+"\x00")) && t.exif == nil:
		t.exif = rawProfile(inflate(body[len(profile)+1:]))
	}
}

func pngDecode(data []byte, h Header, o Options) (*RGB, error) {
	// What follows the pixels may be cut off or broken, as for Pillow.
	pixels := bytes.NewReader(data[:endOfPixels(data)])
	im, err := png.Decode(io.MultiReader(pixels, strings.NewReader(pngEnd)))
	if err != nil {
		return nil, corrupt("png", err)
	}
	if deep, ok := im.(*image.NRGBA64); ok && data[25] == grayPNG {
		return clippedGray(deep, h)
	}
	return sized(im, h)
}

// pngEnd is an IEND chunk.
const pngEnd = "\x00\x00\x00\x00IEND\xaeB`\x82"

// endOfPixels is where the run of IDAT chunks ends.
func endOfPixels(data []byte) int {
	end := len(data)
	eachPNGChunk(data, func(at int, kind string, body []byte) bool {
		if kind == "IDAT" {
			end = at + 12 + len(body)
			return true
		}
		return end == len(data)
	})
	return end
}

// grayPNG is the colour type of gray without alpha.
const grayPNG = 0

// clippedGray takes the place of FromImage for 16-bit gray with a transparent
// shade, which image/png turns into colours with alpha and Pillow leaves gray.
func clippedGray(im *image.NRGBA64, h Header) (*RGB, error) {
	gray := image.NewGray16(im.Rect)
	for i := 0; i < len(gray.Pix); i += 2 {
		copy(gray.Pix[i:i+2], im.Pix[4*i:])
	}
	return sized(gray, h)
}
