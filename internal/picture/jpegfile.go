package picture

import (
	"github.com/emblem-search/emblem/internal/picture/jpeg"
)

func jpegHeader(data []byte, o Options) (Header, error) {
	h, err := jpeg.ReadHeader(data)
	if err != nil {
		return Header{}, &Error{Kind: Corrupt, Message: "this jpeg file cannot be read; save the picture again", Err: err}
	}
	if err := o.check("jpeg", int64(h.Width), int64(h.Height), len(data)); err != nil {
		return Header{}, err
	}
	return Header{W: h.Width, H: h.Height, Orientation: jpegTags(data).orientation()}, nil
}

func jpegDecode(data []byte, h Header, o Options) (*RGB, error) {
	scale := jpegScale(min(h.W, h.H), o.MinSide)
	im, err := jpeg.Decode(data, jpeg.Options{Scale: scale})
	if err != nil {
		return nil, corrupt("jpeg", err)
	}
	if w, ht := (h.W+scale-1)/scale, (h.H+scale-1)/scale; im.Width != w || im.Height != ht {
		return nil, fail(Corrupt, "the header says %dx%d but the data is %dx%d; save the picture again", w, ht, im.Width, im.Height)
	}
	if im.Components == 3 {
		return &RGB{W: im.Width, H: im.Height, Pix: im.Pix}, nil
	}
	out := NewRGB(im.Width, im.Height)
	if im.Components == 4 {
		fromCMYK(out.Pix, im.Pix)
	} else {
		spread(out.Pix, im.Pix)
	}
	return out, nil
}

// jpegScale is the largest reduction that leaves the shorter side twice what
// is wanted.
func jpegScale(side, wanted int) int {
	if wanted <= 0 {
		return 1
	}
	for scale := 8; scale > 1; scale /= 2 {
		if (side+scale-1)/scale >= 2*wanted {
			return scale
		}
	}
	return 1
}
