package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/emblem-search/emblem/internal/weights"
)

func jsonOf(v any) ([]byte, error) { return json.Marshal(v) }

var (
	clipMean = []float64{0.48145466, 0.4578275, 0.40821073}
	clipStd  = []float64{0.26862954, 0.26130258, 0.27577711}
)

// filters are Pillow's numbers of what open_clip names.
var filters = map[int]string{3: "bicubic", 2: "bilinear"}

// openPreprocess is preprocess_cfg out of preprocessor_config.json. open_clip rounds the
// crop's place to even where transformers rounds down.
func openPreprocess(f weights.Folder, side int) (any, error) {
	where, raw, err := processor(f)
	if err != nil {
		return nil, err
	}
	p := struct {
		Resize    bool            `json:"do_resize"`
		Crop      bool            `json:"do_center_crop"`
		Rescale   bool            `json:"do_rescale"`
		Normalize bool            `json:"do_normalize"`
		Resample  int             `json:"resample"`
		Factor    float64         `json:"rescale_factor"`
		Mean      []float64       `json:"image_mean"`
		Std       []float64       `json:"image_std"`
		Size      json.RawMessage `json:"size"`
		CropSize  json.RawMessage `json:"crop_size"`
	}{true, true, true, true, 3, 1. / 255, clipMean, clipStd, []byte("224"), []byte("224")}
	if err := weights.Decode(where, raw, &p); err != nil {
		return nil, err
	}
	short, w, h := extent(p.Size)
	_, cw, ch := extent(p.CropSize)
	mode := "shortest"
	switch {
	case p.Resize && !p.Crop && w == side && h == side:
		mode = "squash"
	case !p.Resize || !p.Crop || short != side || cw != side || ch != side:
		return nil, fmt.Errorf("%s: resizing to %s and cropping to %s is not what open_clip does for pictures of %d", where, p.Size, p.CropSize, side)
	}
	switch {
	case filters[p.Resample] == "":
		return nil, fmt.Errorf("%s: resample %d: open_clip has 2 and 3, bilinear and bicubic", where, p.Resample)
	case !p.Rescale || p.Factor < 0.003921 || p.Factor > 0.003922:
		return nil, fmt.Errorf("%s: rescale_factor %g: open_clip divides by 255", where, p.Factor)
	case !p.Normalize:
		p.Mean, p.Std = []float64{0, 0, 0}, []float64{1, 1, 1}
	}
	return map[string]any{"mean": p.Mean, "std": p.Std, "interpolation": filters[p.Resample], "resize_mode": mode}, nil
}

// processor is what transformers keeps of how pictures are prepared.
func processor(f weights.Folder) (where string, raw []byte, err error) {
	where = "preprocessor_config.json"
	if raw, err = f.Read(where); errors.Is(err, fs.ErrNotExist) {
		where = "processor_config.json"
		var both struct {
			Image json.RawMessage `json:"image_processor"`
		}
		if raw, err = f.Read(where); err == nil {
			err = weights.Decode(where, raw, &both)
		}
		raw = both.Image
	}
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(raw) == 0 {
		err = errors.New("the folder has no preprocessor_config.json, so how pictures are prepared is unknown; copy it from where the model was published")
	}
	return where, raw, err
}

// extent reads a size of transformers: a number or {"shortest_edge"}, or {"height", "width"}.
func extent(raw json.RawMessage) (short, w, h int) {
	if json.Unmarshal(raw, &short) == nil {
		return short, short, short
	}
	var o struct {
		Short int `json:"shortest_edge"`
		W     int `json:"width"`
		H     int `json:"height"`
	}
	if json.Unmarshal(raw, &o) != nil {
		return 0, 0, 0
	}
	return o.Short, o.W, o.H
}

// transformersPreprocess is preprocessor_config.json out of preprocess_cfg.
func transformersPreprocess(raw object, side int) (any, error) {
	p := struct {
		Size          any       `json:"size"`
		Mode          string    `json:"mode"`
		Mean          []float64 `json:"mean"`
		Std           []float64 `json:"std"`
		Interpolation string    `json:"interpolation"`
		ResizeMode    string    `json:"resize_mode"`
	}{nil, "RGB", clipMean, clipStd, "bicubic", "shortest"}
	text, err := jsonOf(raw)
	if err == nil {
		err = weights.Decode("open_clip_config.json: preprocess_cfg", text, &p)
	}
	if err != nil {
		return nil, err
	}
	resample := map[string]int{"bicubic": 3, "random": 3, "bilinear": 2}[p.Interpolation]
	square := map[string]int{"height": side, "width": side}
	var size any = map[string]int{"shortest_edge": side}
	if p.ResizeMode == "squash" {
		size = square
	}
	switch {
	case p.Mode != "RGB" || resample == 0 || !slices.Contains([]string{"shortest", "squash"}, p.ResizeMode):
		return nil, fmt.Errorf("open_clip_config.json: preprocess_cfg: mode %q, interpolation %q, resize_mode %q: transformers' CLIP has no such way", p.Mode, p.Interpolation, p.ResizeMode)
	case len(p.Mean) != 3 || len(p.Std) != 3:
		return nil, fmt.Errorf("open_clip_config.json: preprocess_cfg: mean and std need three numbers each")
	}
	return map[string]any{
		"image_processor_type": "CLIPImageProcessor", "do_convert_rgb": true,
		"do_resize": true, "size": size, "resample": resample,
		"do_center_crop": p.ResizeMode == "shortest", "crop_size": square,
		"do_rescale": true, "rescale_factor": 1. / 255, "do_normalize": true, "image_mean": p.Mean, "image_std": p.Std,
	}, nil
}
