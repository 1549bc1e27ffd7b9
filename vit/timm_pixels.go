package vit

import (
	"fmt"
	"math"

	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/internal/weights"
)

// timmFilters are PIL's filters by timm's names.
var timmFilters = map[string]picture.Filter{
	"nearest": picture.Nearest, "bilinear": picture.Bilinear, "bicubic": picture.Bicubic, "box": picture.Box,
	"hamming": picture.Hamming, "lanczos": picture.Lanczos,
}

// timmPixels reads how timm prepares pictures for evaluation: create_transform of
// pretrained_cfg. A picture is resized to the input's size divided by crop_pct, and
// its middle kept.
func timmPixels(f weights.Folder, c config) (*Preprocess, error) {
	const where = "config.json: pretrained_cfg"
	raw, err := f.Read("config.json")
	if err != nil {
		return nil, err
	}
	_, r, err := readTimmFile(raw)
	if err != nil {
		return nil, err
	}
	if c.resample != never && (r.Input[1]%c.patch != 0 || r.Input[2]%c.patch != 0) {
		return nil, fmt.Errorf("vit: %s: input_size %v: want multiples of the patches' %d pixels", where, r.Input, c.patch)
	}
	filter, ok := timmFilters[r.Interpolation]
	switch {
	case !ok:
		return nil, fmt.Errorf("vit: %s: interpolation %q is not supported", where, r.Interpolation)
	case r.Border != 0:
		return nil, fmt.Errorf("vit: %s: crop_border_pixels %d is not supported", where, r.Border)
	case !(r.CropPct > 0.01 && r.CropPct <= 4):
		return nil, fmt.Errorf("vit: %s: crop_pct %v, want more than 0.01 and at most 4", where, r.CropPct)
	}
	p := &Preprocess{filter: filter, rescale: 1. / 255, mean: r.Mean, std: r.Std}
	h, w := r.Input[1], r.Input[2]
	th, tw := int(math.Floor(float64(h)/r.CropPct)), int(math.Floor(float64(w)/r.CropPct)) // what is cropped from
	switch r.CropMode {
	case "squash":
		p.steps = []step{squash(tw, th, filter), cropEven(w, h)}
	case "border":
		p.steps = []step{keepRatio(tw, th, true, filter), cropEven(w, h)}
		for i, m := range r.Mean {
			p.fill[i] = byte(math.RoundToEven(255 * min(max(m, 0), 1)))
		}
	case "center":
		p.steps = []step{keepRatio(tw, th, false, filter), cropEven(w, h)}
		if tw == th {
			p.steps[0] = shortest(tw, filter)
		}
	default:
		return nil, fmt.Errorf("vit: %s: crop_mode %q is not supported", where, r.CropMode)
	}
	return p.finish(where, c)
}

// keepRatio scales a picture by one factor to cover w×h, or to fit into it, sides
// rounded half to even (timm's ResizeKeepRatio).
func keepRatio(w, h int, into bool, f picture.Filter) step {
	name := "cover"
	if into {
		name = "fit into"
	}
	return step{fmt.Sprintf("resize to %s %dx%d, %v", name, w, h, f), func(fr *frame) {
		across, down := float64(fr.w)/float64(w), float64(fr.h)/float64(h)
		ratio := min(across, down)
		if into {
			ratio = max(across, down)
		}
		fr.resize(int(math.RoundToEven(float64(fr.w)/ratio)), int(math.RoundToEven(float64(fr.h)/ratio)))
	}}
}
