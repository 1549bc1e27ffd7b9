package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image/jpeg"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/emblem-search/emblem/internal/audio"
	"github.com/emblem-search/emblem/internal/batch"
	"github.com/emblem-search/emblem/internal/picture"
)

// thumbnailSides are the sizes there are, in pixels of the longer side: few, so
// that they are worth remembering.
var thumbnailSides = []int{160, 320, 640, 1280}

// thumbnail answers GET /v1/libraries/{l}/thumbnail?id=…&size=320 with a JPEG that
// browsers may keep: its tag is the content's.
func (s *Server) thumbnail(w http.ResponseWriter, r *http.Request) error {
	l, err := s.library(r, false)
	if err != nil {
		return err
	}
	side, err := thumbnailSide(r.FormValue("size"))
	if err != nil {
		return err
	}
	small, tag, err := s.thumbnailOf(r.Context(), l, r.FormValue("id"), side, r.Header.Get("If-None-Match"))
	if err != nil {
		return pictureError("id", err)
	}
	w.Header().Set("Cache-Control", "private, max-age=3600")
	w.Header().Set("ETag", tag)
	if small == nil {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Content-Disposition", "inline")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(small))
	return nil
}

// thumbnailOf makes a document's picture small, unless its tag is one that the
// client has.
func (s *Server) thumbnailOf(ctx context.Context, l Library, id string, side int, have string) (small []byte, tag string, err error) {
	end, err := s.thumbnails.turn(ctx)
	if err != nil {
		return nil, "", err
	}
	defer end()
	file, err := readPicture(ctx, l, id)
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(file)
	tag = `"` + hex.EncodeToString(sum[:12]) + "-" + strconv.Itoa(side) + `"`
	if have == tag {
		return nil, tag, nil
	}
	small, err = s.thumbnails.make(batch.KeyOf(tag), func() ([]byte, error) { return s.thumbnails.render(context.WithoutCancel(ctx), file, side) }) // others may wait for it too
	return small, tag, err
}

// maxThumbnailed is the bytes of a file that is read for a thumbnail.
const maxThumbnailed = 256 << 20

func readPicture(ctx context.Context, l Library, id string) ([]byte, error) {
	f, err := l.Picture(ctx, id)
	if err != nil {
		return nil, err
	}
	file, err := io.ReadAll(io.LimitReader(f, maxThumbnailed+1))
	if len(file) > maxThumbnailed {
		err = refuse(http.StatusBadRequest, "image_too_large", "id", "the file is over %d bytes", maxThumbnailed)
	}
	return file, errors.Join(err, f.Close())
}

func thumbnailSide(s string) (int, error) {
	if s == "" {
		return 320, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, badRequest("size", "size has to be a number of pixels")
	}
	for _, side := range thumbnailSides {
		if n <= side {
			return side, nil
		}
	}
	return thumbnailSides[len(thumbnailSides)-1], nil
}

// showable is what a file looks like: a picture as it is, a sound as its waveform.
func showable(file []byte, o picture.Options, side int) (*picture.RGB, error) {
	if !isSound(file) {
		return picture.Decode(file, o)
	}
	s, err := audio.Decode(file)
	if err != nil {
		return nil, err
	}
	return waveform(s, side, side/2), nil
}

// render makes one thumbnail, when there is memory for it.
func (t *thumbnails) render(ctx context.Context, file []byte, side int) ([]byte, error) {
	o := picture.Options{Local: true, MinSide: side / 2, Limits: picture.LocalLimits(0)}
	cost, err := decodeCost(file, o)
	if err != nil {
		return nil, err
	}
	if err := t.memory.Acquire(ctx, cost); err != nil {
		return nil, err
	}
	defer t.memory.Release(cost)
	im, err := showable(file, o, side)
	if err != nil {
		return nil, err
	}
	if long := max(im.W, im.H); long > side {
		im = im.Resize(max(1, im.W*side/long), max(1, im.H*side/long), picture.Bicubic)
	}
	var out bytes.Buffer
	err = jpeg.Encode(&out, im, &jpeg.Options{Quality: 82})
	return out.Bytes(), err
}
