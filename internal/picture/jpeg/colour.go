package jpeg

// Factors of the colour conversion, scaled by 1<<16 (libjpeg's jdcolor.c).
const (
	fixR  = 91881  // 1.40200
	fixGb = 22554  // 0.34414
	fixGr = 46802  // 0.71414
	fixB  = 116130 // 1.77200
	half  = 1 << 15
)

func clamp(x int32) byte { return byte(max(0, min(255, x))) }

// yccPixel converts one pixel.
func yccPixel(y, cb, cr byte) (r, g, b byte) {
	l, u, v := int32(y), int32(cb)-128, int32(cr)-128
	return clamp(l + (fixR*v+half)>>16),
		clamp(l + (-fixGb*u-fixGr*v+half)>>16),
		clamp(l + (fixB*u+half)>>16)
}

// yccToRGB converts a row to (len(y), 3) interleaved.
func yccToRGB(dst, y, cb, cr []byte) {
	yccToRGBFrom(dst, y, cb, cr, yccToRGBVector(dst, y, cb, cr))
}

// yccToRGBFrom converts the pixels from i on.
func yccToRGBFrom(dst, y, cb, cr []byte, i int) {
	for ; i < len(y); i++ {
		p := dst[3*i : 3*i+3 : 3*i+3]
		p[0], p[1], p[2] = yccPixel(y[i], cb[i], cr[i])
	}
}

// ycckToCMYK converts a row to (len(y), 4): what YCbCr codes is RGB, of which
// Pillow's CMYK is the same number after its two inversions.
func ycckToCMYK(dst, y, cb, cr, k []byte) {
	for i := range y {
		p := dst[4*i : 4*i+4 : 4*i+4]
		p[0], p[1], p[2] = yccPixel(y[i], cb[i], cr[i])
		p[3] = 255 - k[i]
	}
}

// interleave3 writes (len(a), 3).
func interleave3(dst, a, b, c []byte) {
	for i := range a {
		p := dst[3*i : 3*i+3 : 3*i+3]
		p[0], p[1], p[2] = a[i], b[i], c[i]
	}
}

// invert4 writes (len(a), 4) of 255 minus the samples.
func invert4(dst, a, b, c, d []byte) {
	for i := range a {
		p := dst[4*i : 4*i+4 : 4*i+4]
		p[0], p[1], p[2], p[3] = 255-a[i], 255-b[i], 255-c[i], 255-d[i]
	}
}
