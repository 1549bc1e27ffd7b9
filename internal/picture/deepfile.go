package picture

import (
	"bytes"
	"image"
	"image/png"
)

// IsGray16 tells whether a file is a PNG of one channel with 16 bits, which depth and
// infrared cameras write. As a picture it would be white: it is cut off at 255, as
// Pillow does.
func IsGray16(data []byte) bool {
	return len(data) > 25 && bytes.HasPrefix(data, []byte(pngMagic)) && data[24] == 16 && data[25] == grayPNG
}

// DecodeGray16 reads such a file as it is stored.
func DecodeGray16(data []byte, o Options) (*image.Gray16, error) {
	if _, _, err := open(data, o); err != nil {
		return nil, err
	}
	if !IsGray16(data) {
		return nil, fail(Unsupported, "this is no PNG of one channel with 16 bits; save the distances in millimetres as one")
	}
	im, err := guard("png", func() (image.Image, error) { return png.Decode(bytes.NewReader(data)) })
	if err != nil {
		return nil, corrupt("png", err)
	}
	deep, ok := im.(*image.Gray16)
	if !ok {
		return nil, fail(Unsupported, "the png file has a transparent shade; save it without")
	}
	return deep, nil
}
