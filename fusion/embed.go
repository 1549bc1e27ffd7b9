package fusion

import (
	"context"
	"fmt"
	"image"
	"math"

	"github.com/emblem-search/emblem/vit"
)

// EmbedImages encodes pictures, each to a vector of unit length.
func (d *DualEncoder) EmbedImages(ctx context.Context, pictures []image.Image) ([][]float32, error) {
	px := make([]vit.Pixels, len(pictures))
	for i, img := range pictures {
		var err error
		if px[i], err = d.Preprocess(img); err != nil {
			return nil, fmt.Errorf("fusion: picture %d: %w", i, err)
		}
	}
	return d.EmbedPixels(ctx, px)
}

// EmbedTexts encodes texts, each to a vector of unit length. What is longer than
// the model reads is cut; EncodeText says where.
func (d *DualEncoder) EmbedTexts(ctx context.Context, texts []string) ([][]float32, error) {
	if err := d.needTexts(); err != nil {
		return nil, err
	}
	ids := make([][]int32, len(texts))
	for i, s := range texts {
		var err error
		if ids[i], _, err = d.EncodeText(s, CutEnd); err != nil {
			return nil, fmt.Errorf("fusion: text %d: %w", i, err)
		}
	}
	return d.EmbedTokens(ctx, ids)
}

// Preprocess brings a picture to the model's pixels. It is the part of
// EmbedImages that many goroutines can do at once.
func (d *DualEncoder) Preprocess(img image.Image) (vit.Pixels, error) {
	if err := d.needPictures(); err != nil {
		return vit.Pixels{}, err
	}
	return d.vision.Preprocess().Apply(img)
}

// EmbedPixels encodes what Preprocess made, to vectors of unit length.
func (d *DualEncoder) EmbedPixels(ctx context.Context, px []vit.Pixels) ([][]float32, error) {
	v, err := d.RawPixels(ctx, px, vit.Own)
	return Normalize(v), err
}

// EmbedTokens encodes token ids, to vectors of unit length.
func (d *DualEncoder) EmbedTokens(ctx context.Context, ids [][]int32) ([][]float32, error) {
	v, err := d.RawTokens(ctx, ids)
	return Normalize(v), err
}

// RawPixels encodes pixels to vectors as the model makes them, pooled as asked.
func (d *DualEncoder) RawPixels(ctx context.Context, px []vit.Pixels, pool vit.Pool) ([][]float32, error) {
	if len(px) == 0 {
		return nil, nil
	}
	if err := d.needPictures(); err != nil {
		return nil, err
	}
	v, err := d.vision.Embed(ctx, px, pool)
	return d.asTrained(v, 1), err
}

// RawTokens encodes token ids to vectors as the model makes them.
func (d *DualEncoder) RawTokens(ctx context.Context, ids [][]int32) ([][]float32, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if err := d.needTexts(); err != nil {
		return nil, err
	}
	v, err := d.text.Embed(ctx, ids)
	return d.asTrained(v, d.scale), err
}

// asTrained gives rows the length that ImageBind gives them: its vectors are of unit
// length, times the factor of what they are of. Those of other models stay.
func (d *DualEncoder) asTrained(rows [][]float32, factor float64) [][]float32 {
	if d.conf.Family != "imagebind" {
		return rows
	}
	for _, r := range Normalize(rows) {
		for i := range r {
			r[i] *= float32(factor)
		}
	}
	return rows
}

// Shorten keeps the first n elements of rows, and all where n is 0. Models that were
// trained for it (Matryoshka, arXiv 2205.13147) lose little; the rows want Normalize
// again.
func Shorten(rows [][]float32, n int) [][]float32 {
	if n == 0 {
		return rows
	}
	out := make([][]float32, len(rows))
	for i, r := range rows {
		out[i] = r[:min(n, len(r)):min(n, len(r))]
	}
	return out
}

// Normalize scales rows to unit length, in place; a row of zeros stays.
func Normalize(rows [][]float32) [][]float32 {
	for _, r := range rows {
		n := math.Sqrt(dot(r, r))
		if n == 0 {
			continue
		}
		for i, x := range r {
			r[i] = float32(float64(x) / n)
		}
	}
	return rows
}
