package ask

import (
	"context"
	"errors"
	"image"
	"image/draw"
	"math"

	"github.com/emblem-search/emblem/vit"
)

// Encoder is a dual encoder. Its vectors have unit length. Its methods may be called from
// many goroutines.
type Encoder interface {
	Name() string
	EmbedImages(ctx context.Context, images []image.Image) ([][]float32, error)
	EmbedTexts(ctx context.Context, texts []string) ([][]float32, error)
}

// State is a picture, encoded once, to be asked about many times. It is immutable.
type State struct {
	Whole []float32    // the vector of the picture
	Tiles [][]float32  // of its parts, as many as there was time for
	Parts []vit.Window // where those are, in fractions of the picture
}

// Options say how closely a picture is looked at. The zero value looks at the whole and
// at five tiles.
type Options struct {
	Detail   string // low: the whole only; high or auto or "": tiles too
	MaxTiles int    // at most; 0 means all
}

// windows are the tiles: quarters that overlap, and the middle.
var windows = []vit.Window{
	{Left: 0, Top: 0, Right: 0.6, Bottom: 0.6}, {Left: 0.4, Top: 0, Right: 1, Bottom: 0.6},
	{Left: 0, Top: 0.4, Right: 0.6, Bottom: 1}, {Left: 0.4, Top: 0.4, Right: 1, Bottom: 1}, {Left: 0.2, Top: 0.2, Right: 0.8, Bottom: 0.8},
}

// Encode looks at a picture: the whole first, then, as long as refine lives, at tiles. A
// refine that ends early leaves some out and is no error; ctx is.
func Encode(ctx, refine context.Context, e Encoder, img image.Image, o Options) (*State, error) {
	whole, err := e.EmbedImages(ctx, []image.Image{img})
	if err != nil {
		return nil, err
	}
	s := &State{Whole: whole[0]}
	if o.Detail == "low" || min(img.Bounds().Dx(), img.Bounds().Dy()) < 16 {
		return s, nil
	}
	most := len(windows)
	if o.MaxTiles > 0 {
		most = min(most, o.MaxTiles)
	}
	for _, w := range windows[:most] {
		if refine.Err() != nil {
			break
		}
		v, err := e.EmbedImages(refine, []image.Image{crop(img, w)})
		if err != nil {
			if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
				break
			}
			return nil, err
		}
		s.Tiles, s.Parts = append(s.Tiles, v[0]), append(s.Parts, w)
	}
	return s, nil
}

// crop is a part of a picture, with at least one pixel.
func crop(img image.Image, w vit.Window) image.Image {
	b := img.Bounds()
	at := func(from, size int, f float64) int { return from + int(math.Round(f*float64(size))) }
	r := image.Rect(at(b.Min.X, b.Dx(), w.Left), at(b.Min.Y, b.Dy(), w.Top), at(b.Min.X, b.Dx(), w.Right), at(b.Min.Y, b.Dy(), w.Bottom))
	out := image.NewRGBA(image.Rect(0, 0, max(1, r.Dx()), max(1, r.Dy())))
	draw.Draw(out, out.Bounds(), img, r.Min, draw.Src)
	return out
}
