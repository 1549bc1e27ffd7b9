package vit

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/emblem-search/emblem/internal/weights"
)

// pixelsOf reads a preprocessor_config.json for a CLIP of 28 pixels a side.
func pixelsOf(raw string) (*Preprocess, error) {
	files := fstest.MapFS{"preprocessor_config.json": {Data: []byte(raw)}}
	return transformersPixels("CLIP")(weights.Folder{FS: files}, config{side: 28})
}

// TestChannels: means and deviations are three or one, and null is the default.
func TestChannels(t *testing.T) {
	const sizes = `"size": 28, "crop_size": 28`
	for raw, want := range map[string]string{
		`{"image_mean": [0.5, 0.5], ` + sizes + `}`:             "[0.5, 0.5]",
		`{"image_std": [1, 1, 1, 1], ` + sizes + `}`:            "[1, 1, 1, 1]",
		`{"image_std": "x", ` + sizes + `}`:                     "standard deviation",
		`{"image_std": 0, ` + sizes + `}`:                       "deviation of zero",
		`{"image_processor_type": "Foo", ` + sizes + `}`:        `"Foo" is not supported`,
		`{"resample": 9, ` + sizes + `}`:                        "resample",
		`{"size": {"longest_edge": 28}, "crop_size": 28}`:       "longest_edge",
		`{"size": 28, "crop_size": {"height": 28}}`:             "crop_size",
		`{"size": 28, "crop_size": 30}`:                         "the model takes 28x28",
		`{"do_resize": false, "do_center_crop": false}`:         "the model takes 28x28",
		`{"size": {"height": 9999, "width": 28}}`:               "9999 pixels",
		`{"image_processor_type": 3, ` + sizes + `}`:            "image_processor_type is a JSON number",
		`{"image_mean": 0.5, "image_std": null, ` + sizes + `}`: "",
	} {
		p, err := pixelsOf(raw)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", raw, err)
		case want == "" && (p.mean != [3]float64{0.5, 0.5, 0.5} || p.std != clipStd):
			t.Errorf("%s: %v %v", raw, p.mean, p.std)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v, want one with %q", raw, err, want)
		}
	}
}
