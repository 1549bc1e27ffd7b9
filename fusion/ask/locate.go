package ask

import (
	"context"
	"errors"
	"image"
	"math"
	"slices"

	"github.com/emblem-search/emblem/vit"
)

// Map says where in a picture an answer was seen: Width times Height values from 0 to 1,
// row by row. They cover At of the picture, in fractions of it, which may reach outside.
type Map struct {
	Width, Height int
	Values        []float32
	At            vit.Window
}

// Heater is a dual encoder that compares patches of a picture with a text; see
// fusion.DualEncoder.Heat.
type Heater interface {
	EmbedTexts(ctx context.Context, texts []string) ([][]float32, error)
	Preprocess(image.Image) (vit.Pixels, error)
	Heat(ctx context.Context, pixels vit.Pixels, text []float32) (w, h int, heat []float32, err error)
	Window(w, h int) vit.Window
}

// NewMap is a map of width times height values of 0 and more, row by row, of a part of a
// picture.
func NewMap(width, height int, values []float32, at vit.Window) Map {
	return Map{width, height, spread(values), at}
}

// Locate is where a phrase is seen, by the patches of one forward pass. It is the way of
// dual encoders; models of other kinds use Occlude.
func Locate(ctx context.Context, m Heater, img image.Image, phrase string) (Map, error) {
	text, err := m.EmbedTexts(ctx, []string{phrase})
	if err != nil {
		return Map{}, err
	}
	px, err := m.Preprocess(img)
	if err != nil {
		return Map{}, err
	}
	w, h, heat, err := m.Heat(ctx, px, text[0])
	if err != nil {
		return Map{}, err
	}
	b := img.Bounds()
	return Map{w, h, spread(heat), m.Window(b.Dx(), b.Dy())}, nil
}

// Score says for each picture how much it speaks for an answer: the logarithm of its
// probability, or a height. The first is the whole picture.
type Score func(ctx context.Context, pictures []image.Image) ([]float64, error)

// Occlude is where covering the picture costs an answer most: a square of three cells by
// three is taken away around each of side×side cells, and what the score loses is the
// value. It needs no gradients and no attention, so that it does for every model that
// can score an answer; it takes side² + 1 looks (Zeiler and Fergus, arXiv 1311.2901).
func Occlude(ctx context.Context, img image.Image, side int, score Score) (Map, error) {
	if side < 1 || side > 32 {
		return Map{}, errors.New("ask: occlude over 1 to 32 cells a side")
	}
	whole, err := score(ctx, []image.Image{img})
	if err != nil {
		return Map{}, err
	}
	loss := make([]float32, side*side)
	for i := range loss {
		x, y, n := float64(i%side), float64(i/side), float64(side)
		cover := vit.Window{Left: max(0, x-1) / n, Top: max(0, y-1) / n, Right: min(n, x+2) / n, Bottom: min(n, y+2) / n}
		s, err := score(ctx, []image.Image{Mask(img, []vit.Window{cover})})
		if err != nil {
			return Map{}, err
		}
		loss[i] = float32(whole[0] - s[0])
	}
	return Map{side, side, spread(loss), vit.Window{Right: 1, Bottom: 1}}, nil
}

// spread scales values to 0 for the least and 1 for the greatest.
func spread(values []float32) []float32 {
	least, most := slices.Min(values), slices.Max(values)
	out := make([]float32, len(values))
	if most > least {
		for i, v := range values {
			out[i] = (v - least) / (most - least)
		}
	}
	return out
}

const (
	strong    = 0.6 // of the strongest value: the least of a box
	mostBoxes = 4
)

// Boxes are the rectangles around what is strong, in fractions of the picture, the one
// with the strongest value first: connected cells of at least 0.6.
func (m Map) Boxes() []vit.Window {
	type region struct {
		box  vit.Window
		peak float32
	}
	var found []region
	seen := make([]bool, len(m.Values))
	for i := range m.Values {
		if seen[i] || m.Values[i] < strong {
			continue
		}
		r := region{m.cell(i), 0}
		for queue := []int{i}; len(queue) > 0; queue = queue[1:] {
			at := queue[0]
			if seen[at] {
				continue
			}
			seen[at] = true
			c := m.cell(at)
			r.peak = max(r.peak, m.Values[at])
			r.box = vit.Window{Left: min(r.box.Left, c.Left), Top: min(r.box.Top, c.Top), Right: max(r.box.Right, c.Right), Bottom: max(r.box.Bottom, c.Bottom)}
			queue = append(queue, m.neighbours(at)...)
		}
		found = append(found, r)
	}
	slices.SortStableFunc(found, func(a, b region) int {
		switch {
		case a.peak > b.peak:
			return -1
		case a.peak < b.peak:
			return 1
		}
		return 0
	})
	var boxes []vit.Window
	for _, r := range found[:min(len(found), mostBoxes)] {
		boxes = append(boxes, r.box)
	}
	return boxes
}

// neighbours are the strong cells beside one.
func (m Map) neighbours(i int) (out []int) {
	x, y := i%m.Width, i/m.Width
	for _, d := range [][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
		nx, ny := x+d[0], y+d[1]
		if nx >= 0 && nx < m.Width && ny >= 0 && ny < m.Height && m.Values[ny*m.Width+nx] >= strong {
			out = append(out, ny*m.Width+nx)
		}
	}
	return out
}

// cell is the part of the picture that a value is of, cut at its edges.
func (m Map) cell(i int) vit.Window {
	w, h := (m.At.Right-m.At.Left)/float64(m.Width), (m.At.Bottom-m.At.Top)/float64(m.Height)
	x, y := m.At.Left+float64(i%m.Width)*w, m.At.Top+float64(i/m.Width)*h
	in := func(v float64) float64 { return min(1, max(0, v)) }
	return vit.Window{Left: in(x), Top: in(y), Right: in(x + w), Bottom: in(y + h)}
}

// Peak is the middle of the strongest cell, in fractions of the picture.
func (m Map) Peak() (x, y float64) {
	c := m.cell(slices.Index(m.Values, slices.Max(m.Values)))
	return (c.Left + c.Right) / 2, (c.Top + c.Bottom) / 2
}

// Pixels are the boxes as x, y, width and height in pixels of the picture.
func (m Map) Pixels(b image.Rectangle) [][4]int {
	out := [][4]int{}
	for _, w := range m.Boxes() {
		x, y := int(w.Left*float64(b.Dx())), int(w.Top*float64(b.Dy()))
		right, bottom := int(math.Ceil(w.Right*float64(b.Dx()))), int(math.Ceil(w.Bottom*float64(b.Dy())))
		out = append(out, [4]int{x, y, min(right, b.Dx()) - x, min(bottom, b.Dy()) - y})
	}
	return out
}
