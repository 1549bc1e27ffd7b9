package vit

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"strings"

	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/internal/weights"
)

// Pixels is a picture as a model takes it: 8 bits a channel, not normalised.
type Pixels struct {
	W, H int
	RGB  []byte // (H, W, 3)
}

// Preprocess is a model's way from a picture to pixels.
type Preprocess struct {
	steps     []step
	filter    picture.Filter
	fill      [3]byte
	side      int // of the result
	patch     int // pixels that each side is a multiple of; 0: the result is a square
	most      int // patches of such a result
	rescale   float64
	mean, std [3]float64
	tiling    *tiling     // nil: pictures are looked at as a whole
	published *Preprocess // where the budget of patches is another
}

// Steps names what is done, in order.
func (p *Preprocess) Steps() []string {
	names := []string{"convert to RGB, dropping alpha"}
	for _, s := range p.steps {
		names = append(names, s.name)
	}
	if p.fill != [3]byte{} {
		names = append(names, fmt.Sprintf("fill what lies outside with the colour %v", p.fill))
	}
	return append(names, fmt.Sprintf("multiply by %.6g", p.rescale), fmt.Sprintf("subtract %v, divide by %v", p.mean, p.std))
}

// Side is the width and height of the result, in pixels; where the shape is kept,
// that of a square.
func (p *Preprocess) Side() int { return p.side }

// Apply runs the steps up to the normalisation, which is part of the encoder.
// It is safe for concurrent use.
func (p *Preprocess) Apply(img image.Image) (Pixels, error) {
	b := img.Bounds()
	if b.Empty() {
		return Pixels{}, errors.New("vit: the picture has no pixels")
	}
	f := p.frame(b.Dx(), b.Dy())
	out := picture.FromImage(img).ResizeCrop(f.w, f.h, f.x, f.y, f.cw, f.ch, p.filter)
	if p.fill != [3]byte{} {
		fillAround(out, f, p.fill)
	}
	return Pixels{out.W, out.H, out.Pix}, nil
}

// frame is what the steps make of a picture of w×h pixels.
func (p *Preprocess) frame(w, h int) frame {
	f := frame{w: w, h: h, cw: w, ch: h}
	for _, s := range p.steps {
		s.apply(&f)
	}
	return f
}

// fillAround paints what lies outside of the resized picture.
func fillAround(out *picture.RGB, f frame, colour [3]byte) {
	for y := range f.ch {
		for x := range f.cw {
			if sx, sy := x+f.x, y+f.y; sx < 0 || sy < 0 || sx >= f.w || sy >= f.h {
				copy(out.Pix[(y*f.cw+x)*3:], colour[:])
			}
		}
	}
}

// affine is the normalisation as one multiply-add per channel.
func (p *Preprocess) affine() (scale, shift [3]float32) {
	for i := range scale {
		scale[i] = float32(p.rescale / p.std[i])
		shift[i] = float32(-p.mean[i] / p.std[i])
	}
	return scale, shift
}

// finish checks the steps' result against the model.
func (p *Preprocess) finish(where string, c config) (*Preprocess, error) {
	f := p.frame(2*c.side, 3*c.side)
	if c.resample != never {
		return p.anySize(where, c)
	}
	if f.cw != c.side || f.ch != c.side {
		return nil, fmt.Errorf("vit: %s makes %dx%d pixels of a %dx%d picture; the model takes %dx%d",
			where, f.cw, f.ch, 2*c.side, 3*c.side, c.side, c.side)
	}
	p.side = c.side
	return p, p.checkScale(where)
}

// anySize checks the steps of a model that takes pictures of any size. The side is
// that of the steps' result, the shorter one where that is no square.
func (p *Preprocess) anySize(where string, c config) (*Preprocess, error) {
	f := p.frame(2*c.side, 2*c.side)
	if p.side = min(f.cw, f.ch); p.side < c.patch {
		return nil, fmt.Errorf("vit: %s makes %dx%d pixels; the model takes at least %d a side", where, f.cw, f.ch, c.patch)
	}
	return p, p.checkScale(where)
}

func (p *Preprocess) checkScale(where string) error {
	if p.std[0] == 0 || p.std[1] == 0 || p.std[2] == 0 {
		return fmt.Errorf("vit: %s: a standard deviation of zero", where)
	}
	return nil
}

// processor is preprocessor_config.json; fields hold the class defaults.
type processor struct {
	Type      string          `json:"image_processor_type"`
	OldType   string          `json:"feature_extractor_type"`
	Resize    bool            `json:"do_resize"`
	Size      json.RawMessage `json:"size"`
	Resample  int             `json:"resample"`
	Crop      bool            `json:"do_center_crop"`
	CropSize  json.RawMessage `json:"crop_size"`
	Rescale   bool            `json:"do_rescale"`
	Factor    float64         `json:"rescale_factor"`
	Normalize bool            `json:"do_normalize"`
	Mean      triple          `json:"image_mean"`
	Std       triple          `json:"image_std"`

	Square bool `json:"-"` // a size that is one number stands for both sides

	Patch      int `json:"patch_size"` // SigLIP 2 NaFlex
	MaxPatches int `json:"max_num_patches"`
}

var (
	clipMean = [3]float64{0.48145466, 0.4578275, 0.40821073}
	clipStd  = [3]float64{0.26862954, 0.26130258, 0.27577711}
	half     = [3]float64{0.5, 0.5, 0.5}
)

// processors are the image processors of transformers by name, without the
// endings that name an implementation.
var processors = map[string]processor{
	"CLIP": {
		Resize: true, Size: json.RawMessage(`{"shortest_edge": 224}`), Resample: 3,
		Crop: true, CropSize: json.RawMessage(`224`), Rescale: true, Factor: 1. / 255, Normalize: true, Mean: clipMean, Std: clipStd,
	},
	"Siglip": {
		Resize: true, Size: json.RawMessage(`{"height": 224, "width": 224}`), Resample: 3,
		Rescale: true, Factor: 1. / 255, Normalize: true, Mean: half, Std: half,
	},
	"ViT": {
		Resize: true, Size: json.RawMessage(`{"height": 224, "width": 224}`), Resample: 2, Square: true,
		Rescale: true, Factor: 1. / 255, Normalize: true, Mean: half, Std: half,
	},
	"DeiT": {
		Resize: true, Size: json.RawMessage(`{"height": 256, "width": 256}`), Resample: 3, Square: true,
		Crop: true, CropSize: json.RawMessage(`224`), Rescale: true, Factor: 1. / 255, Normalize: true, Mean: half, Std: half,
	},
	"Bit": {
		Resize: true, Size: json.RawMessage(`{"shortest_edge": 224}`), Resample: 3,
		Crop: true, CropSize: json.RawMessage(`224`), Rescale: true, Factor: 1. / 255, Normalize: true, Mean: clipMean, Std: clipStd,
	},
	"Blip": {
		Resize: true, Size: json.RawMessage(`{"height": 384, "width": 384}`), Resample: 3,
		Rescale: true, Factor: 1. / 255, Normalize: true, Mean: clipMean, Std: clipStd,
	},
	"Idefics3": idefics3Defaults,
	"SmolVLM":  idefics3Defaults,
	"Siglip2": {
		Resize: true, Resample: 2, Rescale: true, Factor: 1. / 255, Normalize: true, Mean: half, Std: half,
		Patch: 16, MaxPatches: 256,
	},
}

// idefics3Defaults are those of the processors that cut pictures into tiles.
var idefics3Defaults = processor{
	Resize: true, Size: json.RawMessage(`{"longest_edge": 1456}`), Resample: 1, Rescale: true, Factor: 1. / 255, Normalize: true, Mean: half, Std: half,
}

// transformersPixels reads preprocessor_config.json, or what newer versions of
// transformers write: processor_config.json with an image_processor in it. A
// file that names no image processor means the family's own.
func transformersPixels(own string) func(weights.Folder, config) (*Preprocess, error) {
	return func(f weights.Folder, c config) (*Preprocess, error) {
		where, raw, err := findProcessor(f)
		if err != nil {
			return nil, err
		}
		p, err := readProcessor(where, raw, own)
		if err != nil {
			return nil, err
		}
		if c.flex {
			return p.flexSteps(where, c)
		}
		return p.steps(where, c)
	}
}

func findProcessor(f weights.Folder) (where string, raw []byte, err error) {
	where = "preprocessor_config.json"
	raw, err = f.Read(where)
	if errors.Is(err, fs.ErrNotExist) {
		where = "processor_config.json"
		if raw, err = f.Read(where); err == nil {
			var both struct {
				Image json.RawMessage `json:"image_processor"`
			}
			err = weights.Decode(where, raw, &both)
			raw = both.Image
		}
	}
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(raw) == 0 {
		err = errors.New("vit: the folder has no preprocessor_config.json, so how pictures are prepared is unknown; copy it from where the model was published")
	}
	return where, raw, err
}

func readProcessor(where string, raw []byte, own string) (processor, error) {
	var named processor
	if err := weights.Decode(where, raw, &named); err != nil {
		return named, err
	}
	name := named.Type
	if name == "" {
		name = named.OldType
	}
	short := name
	if name == "" {
		short = own
	}
	for _, end := range []string{"Pil", "Fast", "ImageProcessor", "FeatureExtractor"} {
		short = strings.TrimSuffix(short, end)
	}
	p, ok := processors[short]
	if !ok {
		return p, fmt.Errorf("vit: %s: image_processor_type %q is not supported", where, name)
	}
	return p, weights.Decode(where, raw, &p)
}

func (r processor) steps(where string, c config) (*Preprocess, error) {
	p, err := r.normalization(where)
	if err != nil {
		return nil, err
	}
	if r.Resize {
		s, err := resizeStep(r.Size, r.Square, p.filter)
		if err != nil {
			return nil, fmt.Errorf("vit: %s: size: %w", where, err)
		}
		p.steps = append(p.steps, s)
	}
	if r.Crop {
		w, h, err := rectangle(r.CropSize)
		if err != nil {
			return nil, fmt.Errorf("vit: %s: crop_size: %w", where, err)
		}
		p.steps = append(p.steps, cropDown(w, h))
	}
	return p.finish(where, c)
}

// normalization is the part that all image processors share: the filter, and what
// is done to the numbers at the end.
func (r processor) normalization(where string) (*Preprocess, error) {
	p := &Preprocess{rescale: 1, std: [3]float64{1, 1, 1}}
	var err error
	if p.filter, err = picture.ParseFilter(r.Resample); err != nil {
		return nil, fmt.Errorf("vit: %s: resample: %w", where, err)
	}
	if r.Rescale {
		p.rescale = r.Factor
	}
	if r.Normalize {
		p.mean, p.std = r.Mean, r.Std
	}
	return p, nil
}

// openCLIPProcessor is preprocess_cfg of open_clip. Fields hold its defaults, but for
// the size, before a file is read over them.
type openCLIPProcessor struct {
	Size          square  `json:"size"`
	Mode          string  `json:"mode"`
	Mean          triple  `json:"mean"`
	Std           triple  `json:"std"`
	Interpolation string  `json:"interpolation"`
	ResizeMode    string  `json:"resize_mode"`
	Fill          float64 `json:"fill_color"`
}

func newOpenCLIPProcessor(side int) openCLIPProcessor {
	return openCLIPProcessor{
		Size: square(side), Mode: "RGB", Mean: clipMean, Std: clipStd, Interpolation: "bicubic", ResizeMode: "shortest",
	}
}

// openCLIPPixels reads preprocess_cfg of open_clip_config.json.
func openCLIPPixels(f weights.Folder, c config) (*Preprocess, error) {
	raw, err := f.Read("open_clip_config.json")
	if err != nil {
		return nil, err
	}
	file := struct {
		C openCLIPProcessor `json:"preprocess_cfg"`
	}{newOpenCLIPProcessor(c.side)}
	if err := weights.Decode("open_clip_config.json", raw, &file); err != nil {
		return nil, err
	}
	return file.C.steps("open_clip_config.json: preprocess_cfg", c)
}

func (r openCLIPProcessor) steps(where string, c config) (*Preprocess, error) {
	p := &Preprocess{rescale: 1. / 255, mean: r.Mean, std: r.Std, fill: [3]byte{byte(r.Fill), byte(r.Fill), byte(r.Fill)}}
	switch r.Interpolation {
	case "bicubic", "random":
		p.filter = picture.Bicubic
	case "bilinear":
		p.filter = picture.Bilinear
	default:
		return nil, fmt.Errorf("vit: %s: interpolation %q is not supported", where, r.Interpolation)
	}
	if r.Mode != "RGB" {
		return nil, fmt.Errorf("vit: %s: mode %q is not supported", where, r.Mode)
	}
	n := int(r.Size)
	switch r.ResizeMode {
	case "shortest":
		p.steps = []step{shortest(n, p.filter), cropEven(n, n)}
	case "squash":
		p.steps = []step{squash(n, n, p.filter)}
	case "longest":
		p.steps = []step{longest(n, p.filter), cropEven(n, n)}
	default:
		return nil, fmt.Errorf("vit: %s: resize_mode %q is not supported", where, r.ResizeMode)
	}
	return p.finish(where, c)
}

// triple is a number per channel, or one for all.
type triple [3]float64

func (t *triple) UnmarshalJSON(b []byte) error {
	var one float64
	if string(b) == "null" { // the default stays
		return nil
	}
	if json.Unmarshal(b, &one) == nil {
		*t = triple{one, one, one}
		return nil
	}
	var list []float64
	if err := json.Unmarshal(b, &list); err != nil || len(list) != 3 {
		return fmt.Errorf("mean or standard deviation %.60s: want one number, or one each of red, green and blue", b)
	}
	copy(t[:], list)
	return nil
}
