package vit

import (
	"errors"
	"fmt"
	"image"

	"github.com/emblem-search/emblem/internal/picture"
)

// tiling is how a picture is cut into parts that are encoded each by itself, and the
// whole once more as one of them.
type tiling struct {
	longest int // edge of the picture that is cut, in pixels
	side    int // of a tile
	split   bool
}

// first is the step before a picture is cut or squashed to one tile.
func (t *tiling) first(f picture.Filter) step {
	return step{fmt.Sprintf("resize the longest edge to %d, the other to an even number, %v", t.longest, f), func(fr *frame) {
		fr.resize(resized(fr.w, fr.h, t.longest))
	}}
}

// Tiles are the parts of a picture, row by row, and the whole as the last one.
type Tiles struct {
	Pixels     []Pixels
	Rows, Cols int // of the parts; 0: there is only the whole
}

// Tiling tells whether the model looks at pictures in parts.
func (p *Preprocess) Tiling() bool { return p.tiling != nil }

// MaxTiles is the most parts that a picture is cut into, the whole included.
func (p *Preprocess) MaxTiles() int {
	if p.tiling == nil || !p.tiling.split {
		return 1
	}
	n := (min(p.tiling.longest, mostEdge) + p.tiling.side - 1) / p.tiling.side
	return n*n + 1
}

// Tile cuts a picture into at most so many parts, the whole included; most 0 is the
// model's own way. Where that would be too many, the picture is resized to fewer whole
// tiles, and with 1 it is not cut. A model that does not look at parts has one.
func (p *Preprocess) Tile(img image.Image, most int) (Tiles, error) {
	b := img.Bounds()
	if b.Empty() {
		return Tiles{}, errors.New("vit: the picture has no pixels")
	}
	if p.tiling == nil {
		px, err := p.Apply(img)
		return Tiles{Pixels: []Pixels{px}}, err
	}
	at, n := p.cut(b.Dx(), b.Dy(), most), p.tiling.side
	sheet := picture.FromImage(img).Resize(at.w, at.h, p.filter).Resize(at.wholeW, at.wholeH, p.filter)
	t := Tiles{Rows: at.rows, Cols: at.cols}
	for i := range at.rows * at.cols {
		px := sheet.Crop(i%at.cols*n, i/at.cols*n, n, n)
		t.Pixels = append(t.Pixels, Pixels{n, n, px.Pix})
	}
	last := sheet.Resize(n, n, p.filter) // the same where it is one tile already
	t.Pixels = append(t.Pixels, Pixels{n, n, last.Pix})
	return t, nil
}

// Grid is the number of rows and columns of tiles that Tile cuts a picture of w×h
// pixels into.
func (p *Preprocess) Grid(w, h, most int) (rows, cols int) {
	at := p.cut(w, h, most)
	return at.rows, at.cols
}

// cut is what becomes of a picture: its first size, its second, and the grid.
type cut struct{ w, h, wholeW, wholeH, rows, cols int }

func (p *Preprocess) cut(w, h, most int) cut {
	t := p.tiling
	if t == nil {
		return cut{}
	}
	for n := t.longest; t.split && most != 1 && n > 0; n = (n - 1) / t.side * t.side {
		if at := t.at(w, h, n); most == 0 || at.rows*at.cols < most {
			return at
		}
	}
	at := cut{wholeW: t.side, wholeH: t.side}
	at.w, at.h = resized(w, h, t.longest)
	return at
}

// at is the cut of a picture of w×h whose longest edge becomes so long.
func (t *tiling) at(w, h, longest int) (at cut) {
	at.w, at.h = resized(w, h, longest)
	at.wholeW, at.wholeH = whole(at.w, at.h, t.side)
	if at.wholeW > t.side || at.wholeH > t.side {
		at.rows, at.cols = at.wholeH/t.side, at.wholeW/t.side
	}
	return at
}
