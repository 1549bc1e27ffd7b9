package attack

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"strings"
)

// fate is what a server has to do with a picture.
type fate int

const (
	refuse fate = iota
	either      // as it likes, if it is quick
	take        // it is odd, but a picture
)

func (f fate) statuses() []int {
	return map[fate][]int{refuse: {400, 413, 422}, either: {200, 400, 413, 422}, take: {200}}[f]
}

// bomb is a picture's file that is made to be expensive, broken or odd.
type bomb struct {
	name string
	file []byte
	fate fate
}

// bombs are made here, so that no file of the kind has to be kept.
func bombs() []bomb {
	var all []bomb
	for _, some := range [][]bomb{pngBombs(), jpegBombs(), gifBombs(), webpBombs(), bmpBombs(), strangers()} {
		all = append(all, some...)
	}
	return all
}

func pngBombs() []bomb {
	whole := plain(64, 64, color.RGBA{10, 20, 30, 255})
	zeros := packed(make([]byte, 64<<20))
	deep := image.NewNRGBA64(image.Rect(0, 0, 9, 7))
	deep.Set(3, 3, color.NRGBA64{1000, 20000, 65535, 30000})
	few := image.NewPaletted(image.Rect(0, 0, 9, 7), color.Palette{color.NRGBA{255, 0, 0, 0}, color.White})
	return []bomb{
		{"a PNG that says 65,535 × 65,535", pngSaying(65535, 65535, nil), refuse},
		{"a PNG that says 2³¹ × 1", pngSaying(1<<31-1, 1, nil), refuse},
		{"a PNG of 0 × 0", pngSaying(0, 0, nil), refuse},
		{"a PNG whose pixels unpack to a gigabyte", pngSaying(30000, 30000, make([]byte, 4<<20)), refuse},
		{"a PNG of 8 × 8 with pixels for 64 megabytes", pngSaying(8, 8, make([]byte, 64<<20)), either},
		{"a PNG with a colour profile of 64 megabytes", pngWith(whole, "iCCP", append([]byte("a\x00\x00"), zeros...)), either},
		{"a PNG with a text of 64 megabytes", pngWith(whole, "zTXt", append([]byte("a\x00\x00"), zeros...)), either},
		{"a PNG with 100,000 empty chunks", pngWith(whole, "", bytes.Repeat(appendChunk(nil, "tEXt", nil), 100000)), either},
		{"a PNG with a chunk of 4 gigabytes", append(bytes.Clone(whole[:33]), "\xff\xff\xff\xffIDAT"...), refuse},
		{"a PNG cut in half", whole[:len(whole)/2], refuse},
		{"a PNG with a wrong checksum", append(bytes.Clone(whole[:29]), append([]byte{0, 0, 0, 0}, whole[33:]...)...), either},
		{"a PNG of 1 × 1", plain(1, 1, color.White), take},
		{"a PNG of 1 × 4,096", plain(1, 4096, color.White), take},
		{"a PNG of 4,096 × 1", plain(4096, 1, color.Black), take},
		{"an invisible PNG", plain(8, 8, color.RGBA{}), take},
		{"a PNG of 16 bits", encoded(deep), take},
		{"a PNG of a palette with a hole", encoded(few), take},
		{"a PNG with bytes behind its end", append(bytes.Clone(whole), make([]byte, 1<<16)...), take},
	}
}

func jpegBombs() []bomb {
	gray := jpegOf(image.NewGray(image.Rect(0, 0, 64, 64)))
	colour := jpegOf(image.NewRGBA(image.Rect(0, 0, 33, 17)))
	return []bomb{
		{"a JPEG that says 65,500 × 65,500", jpegSaying(gray, 65500, 65500), refuse},
		{"a JPEG of 0 × 64", jpegSaying(gray, 0, 64), refuse},
		{"a JPEG that says 8,000 × 6,000", jpegSaying(gray, 8000, 6000), refuse},
		{"a JPEG of its header alone", gray[:20], refuse},
		{"a JPEG cut before its end", gray[:len(gray)-20], either},
		{"a JPEG of 20,000 scans", manyScans(20000), either},
		{"a JPEG with a megabyte of markers", append([]byte("\xff\xd8"), bytes.Repeat([]byte("\xff\xfe\x00\x02"), 1<<18)...), refuse},
		{"a JPEG with EXIF that turns in a circle", append([]byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x69\x87\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00"), gray[2:]...), take},
		{"a gray JPEG", gray, take},
		{"a JPEG of 33 × 17", colour, take},
		{"a JPEG of 1 × 1", jpegOf(image.NewRGBA(image.Rect(0, 0, 1, 1))), take},
	}
}

func gifBombs() []bomb {
	var anim bytes.Buffer
	g := &gif.GIF{}
	for range 50 {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, 16, 16), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, 1)
	}
	gif.EncodeAll(&anim, g)
	const table = "\x80\x00\x00\x00\x00\x00\xff\xff\xff"
	return []bomb{
		{"a GIF that says 65,535 × 65,535", []byte("GIF89a\xff\xff\xff\xff" + table + ",\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02D\x01\x00;"), refuse},
		{"a GIF with a frame larger than itself", []byte("GIF89a\x10\x00\x10\x00" + table + ",\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02D\x01\x00;"), refuse},
		{"a GIF with a megabyte of comments", []byte("GIF89a\x01\x00\x01\x00" + table + strings.Repeat("!\xfe\x01a\x00", 200000) + ",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"), either},
		{"a GIF of nothing", []byte("GIF89a\x10\x00\x10\x00" + table + ";"), refuse},
		{"a GIF of 50 frames", anim.Bytes(), take},
	}
}

func webpBombs() []bomb {
	lossless := "VP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"
	return []bomb{
		{"a WebP that says 16,384 × 16,384", riff("VP8L\x0d\x00\x00\x00\x2f\xff\xff\xff\x0f\x00\x00\x00\x00\x00\x00\x00\x00\x00"), refuse},
		{"a lossy WebP that says 16,383 × 16,383", riff("VP8 \x0a\x00\x00\x00\x30\x01\x00\x9d\x01\x2a\xff\x3f\xff\x3f"), refuse},
		{"a WebP with a canvas of 2²⁴ × 2²⁴", riff("VP8X\x0a\x00\x00\x00\x10\x00\x00\x00\xff\xff\xff\xff\xff\xff" + lossless), refuse},
		{"a WebP whose alpha is of another size", riff("VP8X\x0a\x00\x00\x00\x10\x00\x00\x00\xff\x0f\x00\xff\x0f\x00ALPH\x02\x00\x00\x00\x00\x00VP8 \x0a\x00\x00\x00\x30\x01\x00\x9d\x01\x2a\x01\x00\x01\x00"), refuse},
		{"a WebP with a chunk of 4 gigabytes", riff("VP8L\xff\xff\xff\xff\x2f"), refuse},
		{"a WebP of its header alone", riff(""), refuse},
		{"a WebP of 1 × 1", riff(lossless), take},
	}
}

func bmpBombs() []bomb {
	return []bomb{
		{"a BMP that says 65,535 × 65,535", bmpSaying(65535, 65535, 24, 0, 12), refuse},
		{"a BMP that says 2³¹ × -2³¹", bmpSaying(1<<31-1, -1<<31, 24, 0, 12), refuse},
		{"a BMP of 40 bits", bmpSaying(4, 4, 40, 0, 80), refuse},
		{"a BMP in runs that says 30,000 × 30,000", bmpSaying(30000, 30000, 8, 1, 16), refuse},
		{"a BMP cut off", bmpSaying(64, 64, 24, 0, 12), refuse},
		{"a BMP upside down", bmpSaying(4, -4, 24, 0, 48), take},
		{"a BMP of 1 × 1", bmpSaying(1, 1, 24, 0, 4), take},
	}
}

// strangers are files that are not read from the network, or no pictures at all.
func strangers() []bomb {
	ftyp := func(brand string) []byte {
		return append([]byte("\x00\x00\x00\x18ftyp"+brand+"\x00\x00\x00\x00mif1"+brand), make([]byte, 4096)...)
	}
	return []bomb{
		{"an SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>`), refuse},
		{"an SVG that grows", []byte(`<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&b;&x;</svg>`), refuse},
		{"a PDF", []byte("%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"), refuse},
		{"a PostScript file", []byte("%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%id) (w) file\n"), refuse},
		{"a TIFF", []byte("II*\x00\x08\x00\x00\x00\x01\x00\x00\x01\x04\x00\x01\x00\x00\x00\xff\xff\xff\x7f\x00\x00\x00\x00"), refuse},
		{"a TIFF that turns in a circle", []byte("II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00"), refuse},
		{"a TIFF of the large kind", []byte("II+\x00\x08\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\x7f"), refuse},
		{"a HEIC", ftyp("heic"), refuse},
		{"an AVIF", ftyp("avif"), refuse},
		{"an MP4", ftyp("mp42"), refuse},
		{"an icon", []byte("\x00\x00\x01\x00\xff\xff\x00\x00\x00\x00"), refuse},
		{"a Photoshop file", []byte("8BPS\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\xff\xff\xff\xff\xff\xff\xff\xff"), refuse},
		{"an archive", append([]byte("PK\x03\x04"), make([]byte, 64)...), refuse},
		{"words", []byte("this is no picture"), refuse},
		{"noise", bytes.Repeat([]byte("\xff\xd8\x00\xff"), 4096), refuse},
	}
}
