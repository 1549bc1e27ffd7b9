package answer

import (
	"context"
	"image"

	"github.com/emblem-search/emblem/text/decoder"
)

// reader is a net that can write down the text in a picture.
type reader interface {
	read(ctx context.Context, state *ImageState, r Request) (Answer, error)
}

// Reads tells whether a folder that says it is of this family writes down the text in
// pictures.
func Reads(name string) bool { return readers[name] != nil }

// Read writes down the text in a picture, a line of it (TrOCR, arXiv 2109.10282). An
// error of r.Each, or the end of ctx, ends it within a token.
func (m *Model) Read(ctx context.Context, state *ImageState, r Request) (Answer, error) {
	n, ok := m.net.(reader)
	switch {
	case !ok:
		return Answer{}, &UnsupportedError{m.family, "write down the text in a picture"}
	case state == nil:
		return Answer{}, &PictureError{"there is no picture; give one to read"}
	}
	if r.Each == nil {
		r.Each = func(decoder.Piece) error { return nil }
	}
	return n.read(ctx, state, r)
}

// ReadPicture is Read of a picture that is not encoded yet.
func (m *Model) ReadPicture(ctx context.Context, img image.Image, r Request) (Answer, error) {
	s, err := m.Encode(ctx, img, PictureOptions{})
	if err != nil {
		return Answer{}, err
	}
	return m.Read(ctx, s, r)
}
