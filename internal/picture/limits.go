package picture

// Limits bounds what a picture may cost. A zero field means the default for
// HTTP.
type Limits struct {
	MaxPixels     int64   // width x height; 0: 50 million
	MaxWebPPixels int64   // the same for WebP, which decodes slower; 0: 25 million
	MaxSide       int     // pixels a side; 0: 16384
	MaxBytes      int64   // of the file; 0: 20 MiB
	PixelsPerByte float64 // above 4 million pixels, the most pixels that a byte of the file may stand for; 0: 400
}

// freePixels is the size up to which a file may be as small as it likes.
const freePixels = 4_000_000

// HTTPLimits returns the limits for pictures that strangers send.
func HTTPLimits() Limits {
	return Limits{MaxPixels: 50e6, MaxWebPPixels: 25e6, MaxSide: 16384, MaxBytes: 20 << 20, PixelsPerByte: 400}
}

// LocalLimits returns the limits for the user's own files. 0 megapixels means
// 250.
func LocalLimits(maxMegapixels int) Limits {
	if maxMegapixels <= 0 {
		maxMegapixels = 250
	}
	n := int64(maxMegapixels) * 1e6
	return Limits{MaxPixels: n, MaxWebPPixels: n, MaxSide: 1<<16 - 1, MaxBytes: 2 << 30, PixelsPerByte: 400}
}

func (l Limits) withDefaults() Limits {
	d := HTTPLimits()
	if l.MaxPixels == 0 {
		l.MaxPixels = d.MaxPixels
	}
	if l.MaxWebPPixels == 0 {
		l.MaxWebPPixels = d.MaxWebPPixels
	}
	if l.MaxSide == 0 {
		l.MaxSide = d.MaxSide
	}
	if l.MaxBytes == 0 {
		l.MaxBytes = d.MaxBytes
	}
	if l.PixelsPerByte == 0 {
		l.PixelsPerByte = d.PixelsPerByte
	}
	return l
}

// checkBytes refuses a file by its length.
func (o Options) checkBytes(n int) error {
	if most := o.Limits.withDefaults().MaxBytes; int64(n) > most {
		return fail(TooLarge, "%d bytes are over the limit of %d; save the picture smaller", n, most)
	}
	return nil
}

// check refuses a w x h picture of that format in so many bytes.
func (o Options) check(format string, w, h int64, bytes int) error {
	l := o.Limits.withDefaults()
	most := l.MaxPixels
	if format == "webp" {
		most = min(most, l.MaxWebPPixels)
	}
	switch {
	case w < 1 || h < 1:
		return fail(Corrupt, "the %s header says %dx%d, which is no size; save the picture again", format, w, h)
	case w > int64(l.MaxSide) || h > int64(l.MaxSide):
		return fail(TooLarge, "%dx%d is over the limit of %d pixels a side; scale the picture down", w, h, l.MaxSide)
	case w*h > most:
		return fail(TooLarge, "%dx%d is over the limit of %d megapixels; %s", w, h, most/1e6, o.remedy())
	case w*h > freePixels && float64(w)*float64(h) > l.PixelsPerByte*float64(bytes):
		return fail(TooLarge, "%dx%d in %d bytes is over %.0f pixels a byte and looks like a decompression bomb; save the picture as JPEG", w, h, bytes, l.PixelsPerByte)
	}
	return nil
}

func (o Options) remedy() string {
	if o.Local {
		return "raise --max-megapixels"
	}
	return "scale the picture down"
}
