package server

import (
	"context"

	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/vit"
)

// regionOf reads [x, y, width, height], in fractions of a picture.
func regionOf(param string, v []float64) (*vit.Window, error) {
	if v == nil {
		return nil, nil
	}
	bad := badRequest(param, "a region is [x, y, width, height] in fractions of the picture, such as [0.1, 0.2, 0.5, 0.4]")
	if len(v) != 4 {
		return nil, bad
	}
	w := vit.Window{Left: v[0], Top: v[1], Right: v[0] + v[2], Bottom: v[1] + v[3]}
	if !(v[0] >= 0 && v[1] >= 0 && v[2] > 0 && v[3] > 0 && w.Right <= 1.0001 && w.Bottom <= 1.0001) {
		return nil, bad
	}
	w.Right, w.Bottom = min(w.Right, 1), min(w.Bottom, 1)
	return &w, nil
}

// look leaves a picture's file to the library, which looks at its parts: those in the
// region, or all of them.
func (t *Term) look(param string, in input) error {
	if in.url != "" {
		return badRequest(param, "send the picture itself, as a data URL; parts of one are not looked for by its address")
	}
	if _, err := picture.ReadHeader(in.picture, picture.Options{}); err != nil {
		return pictureError(param, err)
	}
	t.File = in.picture
	return nil
}

// looks tells whether a query has pictures whose parts are computed for it.
func (f *Find) looks() bool {
	for _, t := range f.Terms {
		if t.File != nil || t.Region != nil {
			return true
		}
	}
	return false
}

// watched runs f, in a turn of those that read files for the page if it looks at
// pictures.
func (s *Server) watched(ctx context.Context, find *Find, f func() error) error {
	if find.looks() {
		if err := s.thumbnails.cores.Acquire(ctx, 1); err != nil {
			return err
		}
		defer s.thumbnails.cores.Release(1)
	}
	return f()
}
