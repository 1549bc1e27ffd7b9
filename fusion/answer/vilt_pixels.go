package answer

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"

	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/internal/weights"
)

// viltPixels is ViltImageProcessor of transformers: the shorter side becomes short, the
// longer one at most 1333/800 of that, and both are cut down to whole patches.
type viltPixels struct {
	short, divisor int
	filter         picture.Filter
	scale, shift   [3]float32
}

// readViLTPixels reads preprocessor_config.json, or the image processor within
// processor_config.json, over the class's defaults.
func readViLTPixels(f folder) (viltPixels, error) {
	file := struct {
		Resize    bool            `json:"do_resize"`
		Size      json.RawMessage `json:"size"`
		Divisor   int             `json:"size_divisor"`
		Resample  int             `json:"resample"`
		Rescale   bool            `json:"do_rescale"`
		Factor    float64         `json:"rescale_factor"`
		Normalize bool            `json:"do_normalize"`
		Mean      []float64       `json:"image_mean"`
		Std       []float64       `json:"image_std"`
	}{Resize: true, Size: json.RawMessage(`{"shortest_edge": 384}`), Divisor: 32, Resample: 3, Rescale: true, Factor: 1. / 255, Normalize: true, Mean: []float64{0.5, 0.5, 0.5}, Std: []float64{0.5, 0.5, 0.5}}
	name, raw, err := f.imageProcessor()
	if err == nil && raw != nil {
		err = weights.Decode(name, raw, &file)
	}
	if err != nil {
		return viltPixels{}, err
	}
	var size struct {
		Short int `json:"shortest_edge"`
	}
	if json.Unmarshal(file.Size, &size.Short) != nil {
		err = json.Unmarshal(file.Size, &size)
	}
	filter, known := map[int]picture.Filter{1: picture.Lanczos, 2: picture.Bilinear, 3: picture.Bicubic}[file.Resample]
	switch {
	case err != nil || size.Short < 1 || size.Short > 1<<13:
		return viltPixels{}, fmt.Errorf("%s: size %s is not supported, only shortest_edge", name, file.Size)
	case !file.Resize || file.Divisor < 1 || file.Divisor > size.Short:
		return viltPixels{}, fmt.Errorf("%s: do_resize %v with size_divisor %d is not supported", name, file.Resize, file.Divisor)
	case !known:
		return viltPixels{}, fmt.Errorf("%s: resample %d is not supported", name, file.Resample)
	case len(file.Mean) != 3 || len(file.Std) != 3 || file.Std[0]*file.Std[1]*file.Std[2] == 0:
		return viltPixels{}, fmt.Errorf("%s: image_mean %v and image_std %v, want three numbers each", name, file.Mean, file.Std)
	}
	p := viltPixels{short: size.Short, divisor: file.Divisor, filter: filter}
	for i := range 3 {
		scale, mean, std := 1., 0., 1.
		if file.Rescale {
			scale = file.Factor
		}
		if file.Normalize {
			mean, std = file.Mean[i], file.Std[i]
		}
		p.scale[i], p.shift[i] = float32(scale/std), float32(-mean/std)
	}
	return p, nil
}

// imageProcessor finds what a folder says of its pictures; nil: nothing.
func (f folder) imageProcessor() (name string, raw []byte, err error) {
	name = "preprocessor_config.json"
	if raw, err = f.Read(name); !errors.Is(err, fs.ErrNotExist) {
		return name, raw, err
	}
	name = "processor_config.json"
	if raw, err = f.Read(name); errors.Is(err, fs.ErrNotExist) {
		return name, nil, nil
	}
	var both struct {
		Image json.RawMessage `json:"image_processor"`
	}
	if err == nil {
		err = weights.Decode(name, raw, &both)
	}
	return name, both.Image, err
}

// size is what becomes of a picture of w×h pixels.
func (p viltPixels) size(w, h int) (int, int) {
	short, long := float64(p.short), float64(int(1333./800*float64(p.short)))
	scale := short / float64(min(w, h))
	nw, nh := short, scale*float64(h)
	if h < w {
		nw, nh = scale*float64(w), short
	}
	if most := max(nw, nh); most > long {
		nw, nh = long/most*nw, long/most*nh
	}
	whole := func(v float64) int { return int(v+0.5) / p.divisor * p.divisor }
	return whole(nw), whole(nh)
}

// apply resizes a picture.
func (p viltPixels) apply(img image.Image) (*picture.RGB, error) {
	rgb := picture.FromImage(img)
	w, h := p.size(rgb.W, rgb.H)
	if w == 0 || h == 0 {
		return nil, &PictureError{fmt.Sprintf("a picture of %d by %d pixels is too narrow: nothing of its shorter side would be left", rgb.W, rgb.H)}
	}
	return rgb.Resize(w, h, p.filter), nil
}
