package picture

import (
	"bytes"
	"encoding/binary"
	"image"

	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
)

// webpFile is what matters of a WebP file: its canvas and its first frame.
// Alpha is not looked for, because it is dropped.
type webpFile struct {
	w, h     int // of the canvas
	x, y     int // of the frame
	fw, fh   int
	lossless bool
	data     []byte // the VP8 or VP8L chunk
	tags     tags
}

func webpHeader(data []byte, o Options) (Header, error) {
	f, err := parseWebP(data)
	if err != nil {
		return Header{}, err
	}
	if err := o.check("webp", int64(f.w), int64(f.h), len(data)); err != nil {
		return Header{}, err
	}
	return Header{W: f.w, H: f.h, Orientation: f.tags.orientation()}, nil
}

func parseWebP(data []byte) (*webpFile, error) {
	f := &webpFile{}
	eachChunk(data[12:], func(kind string, body []byte) {
		switch kind {
		case "VP8X":
			if len(body) >= 10 {
				f.w, f.h = 1+u24(body[4:]), 1+u24(body[7:])
			}
		case "ANMF":
			f.animated(body)
		case "VP8 ", "VP8L":
			f.frame(kind, body)
		case "EXIF":
			f.tags.exif = body
		case "XMP ":
			f.tags.xmp = body
		}
	})
	if f.data == nil {
		return nil, fail(Corrupt, "the webp file has no picture; save the picture again")
	}
	if err := f.size(); err != nil {
		return nil, err
	}
	if f.w == 0 {
		f.w, f.h = f.fw, f.fh
	}
	if f.x+f.fw > f.w || f.y+f.fh > f.h {
		return nil, fail(Corrupt, "the webp file has a frame of %dx%d on a canvas of %dx%d; save the picture again", f.fw, f.fh, f.w, f.h)
	}
	return f, nil
}

// eachChunk walks RIFF chunks as far as they are whole.
func eachChunk(rest []byte, f func(kind string, body []byte)) {
	for len(rest) >= 8 {
		n := uint64(binary.LittleEndian.Uint32(rest[4:]))
		if n > uint64(len(rest)-8) {
			return
		}
		f(string(rest[:4]), rest[8:8+n])
		rest = rest[min(8+n+n&1, uint64(len(rest))):]
	}
}

func u24(b []byte) int {
	return int(b[0]) | int(b[1])<<8 | int(b[2])<<16
}

// animated takes the first frame of an animation.
func (f *webpFile) animated(body []byte) {
	if len(body) < 16 || f.data != nil {
		return
	}
	f.x, f.y = 2*u24(body), 2*u24(body[3:])
	eachChunk(body[16:], f.frame)
}

func (f *webpFile) frame(kind string, body []byte) {
	if f.data == nil && (kind == "VP8 " || kind == "VP8L") {
		f.data, f.lossless = body, kind == "VP8L"
	}
}

// size reads the frame's own header, which is what decoding allocates by.
func (f *webpFile) size() error {
	if f.lossless {
		c, err := vp8l.DecodeConfig(bytes.NewReader(f.data))
		if err != nil {
			return corrupt("webp", err)
		}
		f.fw, f.fh = c.Width, c.Height
		return nil
	}
	d := vp8.NewDecoder()
	d.Init(bytes.NewReader(f.data), len(f.data))
	h, err := d.DecodeFrameHeader()
	if err != nil {
		return corrupt("webp", err)
	}
	f.fw, f.fh = h.Width, h.Height
	return nil
}

func webpDecode(data []byte, h Header, o Options) (*RGB, error) {
	f, err := parseWebP(data)
	if err != nil {
		return nil, err
	}
	p, err := f.decode()
	if err != nil {
		return nil, corrupt("webp", err)
	}
	if p.W != f.fw || p.H != f.fh {
		return nil, fail(Corrupt, "the webp header says %dx%d but the data is %dx%d; save the picture again", f.fw, f.fh, p.W, p.H)
	}
	return p.Crop(-f.x, -f.y, f.w, f.h), nil
}

func (f *webpFile) decode() (*RGB, error) {
	if f.lossless {
		im, err := vp8l.Decode(bytes.NewReader(f.data))
		if err != nil {
			return nil, err
		}
		return FromImage(im), nil
	}
	d := vp8.NewDecoder()
	d.Init(bytes.NewReader(f.data), len(f.data))
	if _, err := d.DecodeFrameHeader(); err != nil {
		return nil, err
	}
	im, err := d.DecodeFrame()
	if err != nil {
		return nil, err
	}
	return fancyUpsampled(im), nil
}

// fancyUpsampled converts VP8's planes as libwebp does (EmitFancyRGB and
// UPSAMPLE_FUNC): chroma comes from the four nearest samples, weighed 9, 3, 3
// and 1, and mirrored at the edges.
func fancyUpsampled(im *image.YCbCr) *RGB {
	b := im.Bounds()
	out := NewRGB(b.Dx(), b.Dy())
	cw, ch := (out.W+1)/2, (out.H+1)/2
	for y := range out.H {
		near := y / 2
		far := min(max(near-1+2*(y&1), 0), ch-1)
		luma := im.Y[y*im.YStride:][:out.W]
		row := out.row(y)
		nu, nv := im.Cb[near*im.CStride:][:cw], im.Cr[near*im.CStride:][:cw]
		fu, fv := im.Cb[far*im.CStride:][:cw], im.Cr[far*im.CStride:][:cw]
		for x, l := range luma {
			n := x / 2
			f := min(max(n-1+2*(x&1), 0), cw-1)
			yuv(row[3*x:], int(l), chroma(nu, fu, n, f), chroma(nv, fv, n, f))
		}
	}
	return out
}

// chroma weighs the sample at n of the near row, that at f, and the same two
// of the far row, with libwebp's two roundings.
func chroma(near, far []byte, n, f int) int {
	a, b, c, d := int(near[n]), int(near[f]), int(far[n]), int(far[f])
	if n == f { // at a side there are two samples, weighed 3 and 1
		return (3*a + c + 2) >> 2
	}
	return ((a+b+c+d+8+2*(b+c))>>3 + a) >> 1
}

// yuv is VP8YuvToRgb.
func yuv(rgb []byte, y, u, v int) {
	y = y * 19077 >> 8
	rgb[0] = clipYUV(y + v*26149>>8 - 14234)
	rgb[1] = clipYUV(y - u*6419>>8 - v*13320>>8 + 8708)
	rgb[2] = clipYUV(y + u*33050>>8 - 17685)
}

func clipYUV(v int) byte {
	return byte(min(max(v>>6, 0), 255))
}
