package vit

import (
	"image"
	"os"
	"testing"
	"testing/fstest"

	"github.com/emblem-search/emblem/internal/weights"
)

// FuzzConfig: no configuration makes reading it panic, or describes a tower
// whose sizes are out of range.
func FuzzConfig(f *testing.F) {
	for _, name := range []string{"clip-legacy/config.json", "siglip-sparse/config.json", "siglip2-naflex/config.json", "openclip-longest-avg/open_clip_config.json",
		"openclip-coca/open_clip_config.json", "openclip-mobileclip2/open_clip_config.json", "openclip-eva02/open_clip_config.json",
		"openclip-pe-core/open_clip_config.json", "jina-clip/config.json", "jina-clip-linear/config.json"} {
		raw, err := os.ReadFile(goldens + "/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, name := range []string{"vit", "dinov2-registers", "timm-gap", "timm-dynamic", "timm-eva02", "timm-pe-core", "timm-dinov3"} {
		raw, err := os.ReadFile("testdata/" + name + "/config.json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, fam := range families {
			c, err := fam.read(raw)
			if err != nil {
				continue
			}
			if c.check("fuzz") != nil || c.patches() < 1 || c.turn(c.patches()) < 1 || c.dim() < 1 || c.poolHeads > 0 && c.poolHidden < 1 {
				t.Errorf("accepted %+v", c)
			}
		}
	})
}

// FuzzPreprocess: whatever the files say is refused or makes pixels of the
// model's size.
func FuzzPreprocess(f *testing.F) {
	for _, name := range []string{"clip-legacy/preprocessor_config.json", "siglip-sparse/preprocessor_config.json", "openclip-longest-avg/open_clip_config.json", "jina-clip/preprocessor_config.json"} {
		raw, err := os.ReadFile(goldens + "/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, uint16(64), uint8(9), uint8(5))
	}
	timm, err := os.ReadFile("testdata/timm-gap/config.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(timm, uint16(47), uint8(9), uint8(5))
	f.Fuzz(func(t *testing.T, raw []byte, side uint16, w, h uint8) {
		c := config{side: 1 + int(side%300), patch: 1}
		files := fstest.MapFS{"preprocessor_config.json": {Data: raw}, "open_clip_config.json": {Data: raw}, "config.json": {Data: raw}}
		for name, fam := range families {
			p, err := fam.pixels(weights.Folder{FS: files}, c)
			if err != nil {
				continue
			}
			px, err := p.Apply(image.NewGray(image.Rect(0, 0, 1+int(w), 1+int(h))))
			if err != nil || px.W != c.side || px.H != c.side || len(px.RGB) != 3*c.side*c.side {
				t.Errorf("%s: %dx%d of a side of %d, %v", name, px.W, px.H, c.side, err)
			}
		}
	})
}
