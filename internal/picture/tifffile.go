package picture

import (
	"bytes"
	"errors"
	"image"

	"golang.org/x/image/tiff"
)

func tiffHeader(data []byte, o Options) (Header, error) {
	d, ok := parseDirectory(data)
	if !ok {
		return Header{}, fail(Corrupt, "the tiff file has no directory; save the picture again")
	}
	w, h := int64(d.value(tagWidth)), int64(d.value(tagHeight))
	if err := o.check("tiff", w, h, len(data)); err != nil {
		return Header{}, err
	}
	if err := d.checkTiles(w, h); err != nil {
		return Header{}, err
	}
	t := tags{exif: data, xmp: d.text(tagXMP)}
	return Header{W: int(w), H: int(h), Orientation: t.orientation()}, nil
}

// checkTiles refuses tiles that are far larger than the picture: a decoder
// reserves room for a whole one.
func (d directory) checkTiles(w, h int64) error {
	tw, th := int64(d.value(tagTileWidth)), int64(d.value(tagTileHeight))
	if tw > max(w+1024, 1024) || th > max(h+1024, 1024) {
		return fail(Corrupt, "the tiff file has tiles of %dx%d for a picture of %dx%d; save the picture again", tw, th, w, h)
	}
	return nil
}

func tiffDecode(data []byte, h Header, o Options) (*RGB, error) {
	im, err := tiff.Decode(bytes.NewReader(data))
	var unsupported tiff.UnsupportedError
	if errors.As(err, &unsupported) {
		return nil, &Error{Kind: Unsupported, Message: "a tiff file of this kind is not read here; save the picture as PNG", Err: err}
	}
	if err != nil {
		return nil, corrupt("tiff", err)
	}
	if gray, ok := im.(*image.Gray); ok && isFax(data) {
		for i, v := range gray.Pix {
			gray.Pix[i] = ^v
		}
	}
	return sized(im, h)
}

// isFax reports a fax-coded picture whose zeros are black. Such a code's white
// runs are zeros; x/image/tiff makes them white all the same, libtiff black.
func isFax(data []byte) bool {
	d, _ := parseDirectory(data)
	c := d.value(tagCompression)
	return (c == 3 || c == 4) && d.value(tagPhotometric) == 1
}
