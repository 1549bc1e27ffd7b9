package library

import (
	"context"
	"io"

	"github.com/emblem-search/emblem/internal/picture"
)

const (
	// manyPhotos is the number of new photographs at which a model of
	// illustrations is refused.
	manyPhotos = 20
	// exifReach is how much of a file is read to find its EXIF; a JPEG has it
	// in its first segments.
	exifReach = 128 << 10
)

// guardPhotos stops before embedding when photographs would go to a model that
// knows illustrations only, unless the user insisted once.
func (x *indexing) guardPhotos(ctx context.Context) error {
	if !x.IllustrationsOnly || x.Named || x.lib.Manifest().Named {
		return nil
	}
	photos := 0
	for _, j := range x.jobs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if hasCamera(j.path) {
			photos++
		}
		if photos >= manyPhotos {
			return &Error{Kind: KindPhotos, Message: x.model.Name(), Err: ErrPhotos}
		}
	}
	return nil
}

// hasCamera says whether the file is a picture that a camera has signed.
func hasCamera(path string) bool {
	f, err := picture.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, exifReach))
	return err == nil && readTaken(head).camera != ""
}
