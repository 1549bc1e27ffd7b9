package vit

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/emblem-search/emblem/internal/picture"
)

// step is a part of the preprocessing that moves the frame. All of them are
// known before a pixel is touched, so that a panorama is resampled only where
// it is looked at.
type step struct {
	name  string
	apply func(*frame)
}

// frame is a picture resized to w×h, of which the window at (x, y) of cw×ch is
// kept; what of it lies outside is padding.
type frame struct{ w, h, x, y, cw, ch int }

func (f *frame) resize(w, h int) {
	*f = frame{w: max(w, 1), h: max(h, 1), cw: max(w, 1), ch: max(h, 1)}
}

// maxSide bounds what a resize may ask for.
const maxSide = 8192

// resizeStep reads the forms that `size` has had. One number is the shortest edge,
// or, in processors that say so, both sides.
func resizeStep(raw json.RawMessage, both bool, f picture.Filter) (step, error) {
	var n int
	if json.Unmarshal(raw, &n) == nil {
		if both {
			return squash(n, n, f), inRange(n)
		}
		return shortest(n, f), inRange(n)
	}
	var s struct {
		Short  int `json:"shortest_edge"`
		Long   int `json:"longest_edge"`
		Height int `json:"height"`
		Width  int `json:"width"`
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return step{}, err
	}
	switch {
	case s.Long != 0:
		return step{}, errors.New("longest_edge is not supported")
	case s.Short != 0:
		return shortest(s.Short, f), inRange(s.Short)
	}
	return squash(s.Width, s.Height, f), errors.Join(inRange(s.Width), inRange(s.Height))
}

// rectangle reads the forms that `crop_size` has had.
func rectangle(raw json.RawMessage) (w, h int, err error) {
	var n int
	if json.Unmarshal(raw, &n) == nil {
		return n, n, inRange(n)
	}
	var s struct {
		Height int `json:"height"`
		Width  int `json:"width"`
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return 0, 0, err
	}
	return s.Width, s.Height, errors.Join(inRange(s.Width), inRange(s.Height))
}

func inRange(n int) error {
	if n < 1 || n > maxSide {
		return fmt.Errorf("%d pixels, want 1 to %d", n, maxSide)
	}
	return nil
}

// shortest scales the shorter side to n; the longer one is cut to whole pixels.
func shortest(n int, f picture.Filter) step {
	return step{fmt.Sprintf("resize the shortest edge to %d, %v", n, f), func(fr *frame) {
		if fr.w <= fr.h {
			fr.resize(n, scaled(n, fr.h, fr.w))
		} else {
			fr.resize(scaled(n, fr.w, fr.h), n)
		}
	}}
}

// scaled is Python's int(n * long / short).
func scaled(n, long, short int) int { return int(float64(n*long) / float64(short)) }

// longest scales the longer side to n, rounding half to even (open_clip).
func longest(n int, f picture.Filter) step {
	return step{fmt.Sprintf("resize the longest edge to %d, %v", n, f), func(fr *frame) {
		ratio := float64(max(fr.w, fr.h)) / float64(n)
		fr.resize(int(math.RoundToEven(float64(fr.w)/ratio)), int(math.RoundToEven(float64(fr.h)/ratio)))
	}}
}

// squash scales both sides, whatever the shape.
func squash(w, h int, f picture.Filter) step {
	return step{fmt.Sprintf("resize to %dx%d, %v", w, h, f), func(fr *frame) { fr.resize(w, h) }}
}

// cropDown keeps the middle as transformers does: offsets are rounded down, and
// so a missing odd row goes to the top.
func cropDown(w, h int) step {
	return step{fmt.Sprintf("crop %dx%d at the centre, offsets rounded down", w, h), func(f *frame) {
		f.crop(w, h, func(n, c int) int { return (n - c) >> 1 })
	}}
}

// cropEven keeps the middle as torchvision does: offsets are rounded half to
// even, and a missing odd row goes to the bottom.
func cropEven(w, h int) step {
	return step{fmt.Sprintf("crop %dx%d at the centre, offsets rounded half to even", w, h), func(f *frame) {
		f.crop(w, h, func(n, c int) int {
			if n < c {
				return -((c - n) / 2)
			}
			return int(math.RoundToEven(float64(n-c) / 2))
		})
	}}
}

func (f *frame) crop(w, h int, offset func(n, c int) int) {
	f.x, f.y, f.cw, f.ch = f.x+offset(f.cw, w), f.y+offset(f.ch, h), w, h
}
