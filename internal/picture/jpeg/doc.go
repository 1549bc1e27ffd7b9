// Package jpeg decodes JPEG files to the very bytes Pillow delivers, faster
// than image/jpeg.
//
// It reads baseline, extended sequential (8 bit) and progressive Huffman files
// with any whole sampling ratio, in grey, YCbCr, RGB, CMYK and YCCK. [ReadHeader]
// looks at the frame header only; [Decode] gives an [Image] of interleaved
// samples, at full size or, with [Options].Scale, at 1/2, 1/4 or 1/8 by
// transforming fewer coefficients.
//
// The arithmetic is libjpeg-turbo's default: the slow integer inverse DCT, the
// triangle filter for chroma at half width or height ("fancy upsampling"),
// replication for other ratios, and 16 bit fixed point colour conversion. On
// amd64 with AVX2 these run as assembly; EMBLEM_KERNELS=generic selects the plain
// Go code, which gives the same bits.
//
// Caveat: the caller bounds the size. Check Width*Height from ReadHeader before
// Decode, which needs about 3 bytes a pixel for baseline and 9 for progressive.
// Arithmetic coding, lossless and 12 bit files are refused, and progressive
// files that leave out the last bits of their coefficients are not smoothed.
//
//	h, err := jpeg.ReadHeader(data)
//	if err != nil || h.Width*h.Height > limit {
//		return errTooLarge
//	}
//	img, err := jpeg.Decode(data, jpeg.Options{})
//	// img.Pix is (img.Height, img.Width, img.Components)
package jpeg
