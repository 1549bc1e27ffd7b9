package ask

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"github.com/emblem-search/emblem/vit"
)

// Mask is a copy of a picture in which boxes, in fractions of it, have the mean colour of
// what is outside of them, or of all where nothing is.
func Mask(img image.Image, boxes []vit.Window) *image.RGBA {
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Bounds(), img, b.Min, draw.Src)
	covers := make([]image.Rectangle, len(boxes))
	for i, w := range boxes {
		at := func(f float64, size int) int { return int(math.Round(f * float64(size))) }
		covers[i] = image.Rect(at(w.Left, b.Dx()), at(w.Top, b.Dy()), at(w.Right, b.Dx()), at(w.Bottom, b.Dy())).Intersect(out.Bounds())
	}
	fill := image.NewUniform(around(out, covers))
	for _, r := range covers {
		draw.Draw(out, r, fill, image.Point{}, draw.Src)
	}
	return out
}

// around is the mean colour outside of rectangles.
func around(m *image.RGBA, covers []image.Rectangle) color.RGBA {
	var sum, whole [3]uint64
	var n, all uint64
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			p := m.Pix[y*m.Stride+4*x:]
			outside := true
			for _, r := range covers {
				outside = outside && !image.Pt(x, y).In(r)
			}
			for k := range 3 {
				whole[k] += uint64(p[k])
				if outside {
					sum[k] += uint64(p[k])
				}
			}
			if all++; outside {
				n++
			}
		}
	}
	if n == 0 {
		sum, n = whole, max(1, all)
	}
	return color.RGBA{uint8(sum[0] / n), uint8(sum[1] / n), uint8(sum[2] / n), 255}
}
