package certificate

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/weights"
)

// activations says what the towers compute with, and whether the folder's two
// configurations, where it is published for two libraries, agree on it.
func activations(m *fusion.DualEncoder, folder weights.Folder, conf weights.Config) Finding {
	var have []string
	if m.HasPictures() {
		have = append(have, m.Vision().Rules().Activation+" for pictures")
	}
	if m.HasTexts() {
		have = append(have, m.Text().Rules().Activation+" for texts")
	}
	f := Finding{Check: "activation", OK: true, Detail: strings.Join(have, ", ")}
	if conf.Family == "clip" && folder.Has("open_clip_config.json") {
		one, other := quickHF(conf.Raw), quickOpenCLIP(folder)
		if f.OK = one == other; !f.OK {
			f.Detail += "; config.json and open_clip_config.json do not agree on quick_gelu, and one of them is wrong"
		}
	}
	return f
}

// quickHF tells whether CLIP's config.json wants quick_gelu, which is its default.
func quickHF(raw []byte) bool {
	var c struct {
		Vision struct {
			Act string `json:"hidden_act"`
		} `json:"vision_config"`
	}
	c.Vision.Act = "quick_gelu"
	return json.Unmarshal(raw, &c) == nil && c.Vision.Act == "quick_gelu"
}

// quickOpenCLIP is the same of open_clip's, where it is not.
func quickOpenCLIP(folder weights.Folder) bool {
	var c struct {
		Model struct {
			Quick bool `json:"quick_gelu"`
		} `json:"model_cfg"`
	}
	raw, err := folder.Read("open_clip_config.json")
	return err == nil && json.Unmarshal(raw, &c) == nil && c.Model.Quick
}

// rounding compares a model's vectors in its dtype with those in f32: what the dtype
// takes from these very weights. It reads them twice.
func rounding(ctx context.Context, m *fusion.DualEncoder, folder weights.Folder, device string) (Finding, error) {
	f := Finding{Check: "rounding", OK: true, Detail: "none: the model runs in f32"}
	if m.DType() == "f32" {
		return f, nil
	}
	exact, err := fusion.Load(ctx, folder.Dir, fusion.Options{Name: m.Name(), FS: folder.FS, Device: device, DType: "f32"})
	if err != nil {
		return f, err
	}
	defer exact.Close()
	worst, err := Furthest(ctx, exact, m)
	tolerance := 0.0005
	switch dtype := m.DType(); {
	case dtype == "int8":
		tolerance = 0.005 // what vectors from files are held to
	case strings.HasPrefix(dtype, "int4"):
		tolerance = 0.05
	}
	f.OK = worst <= tolerance
	f.Detail = fmt.Sprintf("vectors in %s have a cosine of at least 1 − %.2g to those in f32, 1 − %g is right", m.DType(), worst, tolerance)
	return f, err
}

// Furthest is the largest angle, as 1 − cosine, between two models' vectors of the
// goldens' pictures and of some texts.
func Furthest(ctx context.Context, want, got *fusion.DualEncoder) (worst float64, err error) {
	embed := []func(*fusion.DualEncoder) ([][]float32, error){}
	if want.HasPictures() {
		embed = append(embed, func(d *fusion.DualEncoder) ([][]float32, error) { return d.EmbedImages(ctx, pictures()) })
	}
	if want.HasTexts() {
		embed = append(embed, func(d *fusion.DualEncoder) ([][]float32, error) { return d.EmbedTexts(ctx, probes) })
	}
	for _, f := range embed {
		w, err := f(want)
		if err != nil {
			return 0, err
		}
		g, err := f(got)
		if err != nil {
			return 0, err
		}
		for i := range w {
			worst = max(worst, apart(Angle, w[i], g[i]))
		}
	}
	return worst, nil
}
