package fusion

import (
	"context"
	"fmt"

	"github.com/emblem-search/emblem/vit"
)

// Heat says where in a picture a text is seen: for each patch, w a row and h rows
// of them from the upper left, its cosine with text, a vector of EmbedTokens. It
// compares patches of one picture; whether the text is there at all is said by the
// vectors of EmbedPixels, not by these. Window says which part of the picture the
// patches cover.
//
// How often the strongest patch lies on what the text names is measured by
// TestPointing.
func (d *DualEncoder) Heat(ctx context.Context, px vit.Pixels, text []float32) (w, h int, heat []float32, err error) {
	if err := d.needPictures(); err != nil {
		return 0, 0, nil, err
	}
	if len(text) != d.Dim() {
		return 0, 0, nil, fmt.Errorf("fusion: a text of %d elements, %s has %d", len(text), d.Name(), d.Dim())
	}
	w, h, patches, err := d.vision.Patches(ctx, px)
	if err != nil {
		return 0, 0, nil, err
	}
	return w, h, cosines(Normalize(patches), text), nil
}

// cosines compares unit vectors with one.
func cosines(rows [][]float32, v []float32) []float32 {
	out := make([]float32, len(rows))
	for i, r := range rows {
		out[i] = float32(dot(r, v))
	}
	return out
}

// Window is the part of a picture of w×h pixels that the patches of Heat cover.
func (d *DualEncoder) Window(w, h int) vit.Window { return d.vision.Window(w, h) }
