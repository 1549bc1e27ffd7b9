package server

import (
	"github.com/emblem-search/emblem/internal/audio"
	"github.com/emblem-search/emblem/internal/picture"
)

// The colours of a waveform.
var paper, ink = [3]byte{245, 245, 245}, [3]byte{70, 90, 140}

// looks is how many samples are looked at for one column: enough to see how loud it is.
const looks = 256

// waveform draws the first channel of a sound: for each column, from the lowest to the
// highest of its samples.
func waveform(s *audio.Sound, w, h int) *picture.RGB {
	im := picture.NewRGB(w, h)
	n := s.LenAt(s.Rate)
	for x := range w {
		from, to := n*x/w, max(n*(x+1)/w, n*x/w+1)
		low, high := float32(1), float32(-1)
		for i := from; i < to; i += max(1, (to-from)/looks) {
			v := s.At(s.Rate, 0, i, i+1)[0]
			low, high = min(low, v), max(high, v)
		}
		top, bottom := row(high, h), row(low, h)
		for y := range h {
			colour := paper
			if y >= top && y <= bottom {
				colour = ink
			}
			copy(im.Pix[3*(y*w+x):], colour[:])
		}
	}
	return im
}

// row is where a sample from -1 to 1 is drawn in h rows.
func row(v float32, h int) int { return min(max(int((1-v)/2*float32(h-1)+0.5), 0), h-1) }
