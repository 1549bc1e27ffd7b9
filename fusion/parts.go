package fusion

import (
	"context"
	"fmt"
	"image"
	"math"

	"github.com/emblem-search/emblem/vit"
)

// EmbedParts encodes what the parts of pictures show: for each picture vectors of unit
// length, at most most of them (0: one for each patch), row by row. A part is a
// rectangle of patches, its vector the mean of theirs on the value path of the last
// attention (vit.Encoder.Patches); it lies in the space of texts and pictures. With a
// region, in fractions of the upright picture, only patches are taken whose middle
// lies in it, or the one nearest to its own middle.
//
// It is for late interaction: how well parts find pictures is measured by TestParts.
func (d *DualEncoder) EmbedParts(ctx context.Context, pictures []image.Image, region *vit.Window, most int) ([][][]float32, error) {
	if !d.Patched() {
		return nil, fmt.Errorf("fusion: %s does not say what the parts of pictures show", d.name)
	}
	all := make([][][]float32, len(pictures))
	for i, img := range pictures {
		px, err := d.Preprocess(img)
		if err != nil {
			return nil, fmt.Errorf("fusion: picture %d: %w", i, err)
		}
		w, h, patches, err := d.vision.Patches(ctx, px)
		if err != nil {
			return nil, err
		}
		g := patchGrid{0, 0, w, h, w, Normalize(patches)}
		if region != nil {
			b := img.Bounds()
			if g, err = g.within(d.Window(b.Dx(), b.Dy()), *region); err != nil {
				return nil, err
			}
		}
		all[i] = g.pooled(most)
	}
	return all, nil
}

// Patched tells whether EmbedParts can say what the parts of pictures show.
func (d *DualEncoder) Patched() bool { return d.vision != nil }

// patchGrid is a rectangle of a picture's patches: w by h of them from column x and
// row y on, of rows of stride patches.
type patchGrid struct {
	x, y, w, h int
	stride     int
	vectors    [][]float32
}

// within keeps the patches whose middle lies in a region, where the grid covers seen.
func (g patchGrid) within(seen, region vit.Window) (patchGrid, error) {
	if !(region.Left < region.Right && region.Top < region.Bottom && region.Left >= 0 && region.Top >= 0 && region.Right <= 1 && region.Bottom <= 1) {
		return g, fmt.Errorf("fusion: the region %v is no part of the picture", region)
	}
	left, right := cells(g.w, seen.Left, seen.Right, region.Left, region.Right)
	top, bottom := cells(g.h, seen.Top, seen.Bottom, region.Top, region.Bottom)
	if left >= right || top >= bottom {
		return g, fmt.Errorf("fusion: the model does not see the region %v; it sees %v of the picture", region, seen)
	}
	g.x, g.y, g.w, g.h = left, top, right-left, bottom-top
	return g, nil
}

// cells are those of n, spread from lo to hi, whose middle lies between from and to;
// one at least, if the middle of that lies between lo and hi.
func cells(n int, lo, hi, from, to float64) (first, end int) {
	size := (hi - lo) / float64(n)
	first = max(0, int(math.Ceil((from-lo)/size-0.5)))
	end = min(n, int(math.Floor((to-lo)/size-0.5))+1)
	if middle := (from + to) / 2; first >= end && middle >= lo && middle < hi {
		first = min(int((middle-lo)/size), n-1)
		end = first + 1
	}
	return first, end
}

// pooled are the means of at most most rectangles of nearly equal size.
func (g patchGrid) pooled(most int) [][]float32 {
	across, down := g.w, g.h
	for most > 0 && across*down > most {
		if across >= down {
			across--
		} else {
			down--
		}
	}
	var parts [][]float32
	for r := range down {
		for c := range across {
			part := make([]float32, len(g.vectors[0]))
			for y := r * g.h / down; y < (r+1)*g.h/down; y++ {
				for x := c * g.w / across; x < (c+1)*g.w/across; x++ {
					for i, v := range g.vectors[(g.y+y)*g.stride+g.x+x] {
						part[i] += v
					}
				}
			}
			parts = append(parts, part)
		}
	}
	return Normalize(parts)
}
