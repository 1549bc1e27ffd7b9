package picture

import (
	"image"
	"image/color"
)

// FromImage returns any picture as RGB by the rules of Pillow's convert("RGB"):
// alpha is dropped, not composited (a premultiplied pixel is divided by its
// alpha first); 16-bit gray is clipped at 255, 16-bit colours keep their high
// byte. An *RGB is returned as it is.
func FromImage(im image.Image) *RGB {
	if p, ok := im.(*RGB); ok {
		return p
	}
	b := im.Bounds()
	out := NewRGB(b.Dx(), b.Dy())
	if len(out.Pix) == 0 {
		return out
	}
	convert := rowConverter(im)
	for y := range out.H {
		convert(out.row(y), b.Min.X, b.Min.Y+y)
	}
	return out
}

// rowConverter returns what fills dst from the row of im that starts at (x, y).
func rowConverter(im image.Image) func(dst []byte, x, y int) {
	switch im := im.(type) {
	case *image.NRGBA:
		return func(dst []byte, x, y int) { dropAlpha(dst, im.Pix[im.PixOffset(x, y):]) }
	case *image.RGBA:
		return func(dst []byte, x, y int) { dividedByAlpha(dst, im.Pix[im.PixOffset(x, y):]) }
	case *image.NRGBA64:
		return func(dst []byte, x, y int) { highBytes(dst, im.Pix[im.PixOffset(x, y):]) }
	case *image.Gray:
		return func(dst []byte, x, y int) { spread(dst, im.Pix[im.PixOffset(x, y):]) }
	case *image.Gray16:
		return func(dst []byte, x, y int) { clipGray16(dst, im.Pix[im.PixOffset(x, y):]) }
	case *image.CMYK:
		return func(dst []byte, x, y int) { fromCMYK(dst, im.Pix[im.PixOffset(x, y):]) }
	case *image.Paletted:
		palette := paletteOf(im.Palette)
		return func(dst []byte, x, y int) { indexed(dst, im.Pix[im.PixOffset(x, y):], palette) }
	}
	return func(dst []byte, x, y int) { anyColor(dst, im, x, y) }
}

func dropAlpha(dst, src []byte) {
	for i, j := 0, 0; i < len(dst); i, j = i+3, j+4 {
		d, s := dst[i:i+3:i+3], src[j:j+3:j+3]
		d[0], d[1], d[2] = s[0], s[1], s[2]
	}
}

// dividedByAlpha is unpackRGBa of Pillow's Unpack.c.
func dividedByAlpha(dst, src []byte) {
	for i, j := 0, 0; i < len(dst); i, j = i+3, j+4 {
		a := int(src[j+3])
		for c := range 3 {
			switch a {
			case 255:
				dst[i+c] = src[j+c]
			case 0:
				dst[i+c] = 0
			default:
				dst[i+c] = byte(min(255*int(src[j+c])/a, 255))
			}
		}
	}
}

func highBytes(dst, src []byte) {
	for i, j := 0, 0; i < len(dst); i, j = i+3, j+8 {
		dst[i], dst[i+1], dst[i+2] = src[j], src[j+2], src[j+4]
	}
}

func spread(dst, src []byte) {
	for i := 0; i < len(dst); i += 3 {
		v := src[i/3]
		dst[i], dst[i+1], dst[i+2] = v, v, v
	}
}

// clipGray16 is I16_RGB of Pillow's Convert.c; src is big-endian.
func clipGray16(dst, src []byte) {
	for i, j := 0, 0; i < len(dst); i, j = i+3, j+2 {
		v := src[j+1]
		if src[j] != 0 {
			v = 255
		}
		dst[i], dst[i+1], dst[i+2] = v, v, v
	}
}

// fromCMYK is cmyk2rgb of Pillow's Convert.c.
func fromCMYK(dst, src []byte) {
	for i, j := 0, 0; i < len(dst); i, j = i+3, j+4 {
		nk := 255 - int(src[j+3])
		for c := range 3 {
			// MULDIV255: a*b/255, rounded.
			m := int(src[j+c])*nk + 128
			dst[i+c] = byte(nk - (m>>8+m)>>8)
		}
	}
}

func indexed(dst, src []byte, palette *[256][3]byte) {
	for i := 0; i < len(dst); i += 3 {
		c, d := &palette[src[i/3]], dst[i:i+3:i+3]
		d[0], d[1], d[2] = c[0], c[1], c[2]
	}
}

func paletteOf(p color.Palette) *[256][3]byte {
	var out [256][3]byte
	for i, c := range p[:min(len(p), 256)] {
		out[i] = rgbOf(c)
	}
	return &out
}

func rgbOf(c color.Color) [3]byte {
	switch c := c.(type) {
	case color.NRGBA: // by way of RGBA a transparent colour would be lost
		return [3]byte{c.R, c.G, c.B}
	case color.NRGBA64:
		return [3]byte{byte(c.R >> 8), byte(c.G >> 8), byte(c.B >> 8)}
	case color.RGBA:
		var out [3]byte
		dividedByAlpha(out[:], []byte{c.R, c.G, c.B, c.A})
		return out
	}
	n := color.NRGBA64Model.Convert(c).(color.NRGBA64)
	return [3]byte{byte(n.R >> 8), byte(n.G >> 8), byte(n.B >> 8)}
}

func anyColor(dst []byte, im image.Image, x, y int) {
	for i := 0; i < len(dst); i += 3 {
		c := rgbOf(im.At(x+i/3, y))
		copy(dst[i:i+3], c[:])
	}
}
