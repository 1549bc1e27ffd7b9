package certificate

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/vit"
)

// Result is a golden run in a dtype.
type Result struct {
	Golden string
	DType  string
	Parts  []Part
}

// Run sends the golden through the code and the kernels of a device.
func (g *Golden) Run(ctx context.Context, device, dtype string) (Result, error) {
	r := Result{Golden: g.Name, DType: dtype}
	numbers, err := safetensors.OpenBytes("golden.safetensors", g.files["golden.safetensors"])
	if err != nil {
		return r, err
	}
	defer numbers.Close()
	folder, err := g.folder()
	if err != nil {
		return r, err
	}
	m, err := fusion.Load(ctx, "", fusion.Options{Name: g.Name, FS: folder, Device: device, DType: dtype})
	if err != nil {
		return r, err
	}
	defer m.Close()
	x := &run{DualEncoder: m, ctx: ctx, dtype: dtype, options: vit.Options{FS: folder, Device: device, DType: dtype}, meta: &g.meta, numbers: numbers}
	for _, step := range []func() error{x.pictures, x.texts, x.scores, x.labels, x.decoder} {
		if err := step(); err != nil {
			return r, err
		}
	}
	for i := range x.parts {
		x.parts[i].Golden = g.Name
	}
	r.Parts = x.parts
	return r, nil
}

// once are results by golden, device and dtype; kernels do not change in a process.
var once sync.Map

// runOnce is Run, done once a process.
func (g *Golden) runOnce(device, dtype string) (Result, error) {
	if device == "" {
		device = "auto"
	}
	do, _ := once.LoadOrStore([3]string{g.Name, device, dtype}, sync.OnceValues(func() (Result, error) {
		r, err := g.Run(context.Background(), device, dtype)
		if err != nil {
			err = fmt.Errorf("certificate: %s in %s: %w", g.Name, dtype, err)
		}
		return r, err
	}))
	return do.(func() (Result, error))()
}

// run is a golden that is being measured.
type run struct {
	*fusion.DualEncoder
	ctx             context.Context
	dtype           string
	options         vit.Options
	px              []vit.Pixels // the reference's
	meta            *meta
	numbers         *safetensors.Set
	images, strings [][]float32 // vectors, of unit length
	parts           []Part
}

// rows is an array of the reference's, nil where there is none.
func (x *run) rows(name string) [][]float32 {
	v, ok := x.numbers.Get(name)
	if !ok {
		return nil
	}
	flat := make([]float32, v.Len())
	if safetensors.ToF32(flat, v) != nil {
		return nil
	}
	return slices.Collect(slices.Chunk(flat, v.Shape[len(v.Shape)-1]))
}

// pixels finds the reference's, and measures how far the model's own are from them.
func (x *run) pixels() error {
	p := Part{Part: PartResize, Measure: Levels}
	for i, img := range pictures() {
		v, ok := x.numbers.Get(fmt.Sprintf("pixels.%d", i))
		if !ok {
			return fmt.Errorf("there are no pixels of picture %d", i)
		}
		want := vit.Pixels{H: v.Shape[0], W: v.Shape[1], RGB: v.Data}
		got, err := x.Preprocess(img)
		if err != nil {
			return err
		}
		p.Worst = max(p.Worst, levels(want, got))
		p.Checked += len(want.RGB)
		x.px = append(x.px, want)
	}
	p.OK = p.Worst <= p.Tolerance
	x.parts = append(x.parts, p)
	return nil
}

// levels is the largest difference of two pictures; 255 where their sizes differ.
func levels(want, got vit.Pixels) float64 {
	if want.W != got.W || want.H != got.H {
		return 255
	}
	worst := 0
	for i, b := range want.RGB {
		d := int(b) - int(got.RGB[i])
		worst = max(worst, d, -d)
	}
	return float64(worst)
}

// pictures measures the resizing, the picture tower and its projection.
func (x *run) pictures() error {
	if !x.HasPictures() {
		return nil
	}
	err := x.pixels()
	if err != nil {
		return err
	}
	if x.images, err = x.RawPixels(x.ctx, x.px, vit.Own); err != nil {
		return err
	}
	features, err := x.Vision().Features(x.ctx, x.px)
	x.tower(PartPictures, "image", features, x.images)
	fusion.Normalize(x.images)
	return err
}

// texts measures the tokenizer, the text tower and its projection.
func (x *run) texts() error {
	if !x.HasTexts() {
		return nil
	}
	p := Part{Part: PartTokenizer, Measure: Tokens}
	for i, s := range x.meta.Texts {
		ids, _, err := x.EncodeText(s, fusion.CutEnd)
		if err != nil {
			return err
		}
		p.Worst += float64(differing(x.meta.IDs[i], ids))
		p.Checked += len(x.meta.IDs[i])
	}
	p.OK = p.Worst == 0
	x.parts = append(x.parts, p)
	ids := x.meta.IDs[:len(x.rows("text"))]
	var err error
	if x.strings, err = x.RawTokens(x.ctx, ids); err != nil {
		return err
	}
	features, err := x.Text().Features(x.ctx, ids)
	x.tower(PartTexts, "text", features, x.strings)
	fusion.Normalize(x.strings)
	return err
}

// differing counts the places where two lists differ.
func differing(want, got []int32) int {
	n := max(len(want), len(got)) - min(len(want), len(got))
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			n++
		}
	}
	return n
}

// tower judges features and, where there is a projection, what that makes of them.
func (x *run) tower(part, name string, features, vectors [][]float32) {
	want := x.rows(name + "_features")
	if want == nil {
		x.parts = append(x.parts, judge(part, x.dtype, x.rows(name), vectors))
		return
	}
	x.parts = append(x.parts, judge(part, x.dtype, want, features))
	x.parts = append(x.parts, judge(PartProjection, x.dtype, x.rows(name), vectors))
}

// scores measures what pictures score against texts.
func (x *run) scores() error {
	if want := x.rows("scores"); want != nil && x.dtype == "f32" {
		x.parts = append(x.parts, judgeScores(PartScores, want, x.Logits(x.images, x.strings)))
	}
	return nil
}

// labels measures a classification head.
func (x *run) labels() error {
	want := x.rows("logits")
	if want == nil || x.dtype != "f32" {
		return nil
	}
	got, err := x.Vision().Classify(x.ctx, x.px)
	if err == nil {
		x.parts = append(x.parts, judgeScores(PartLabels, want, got))
	}
	return err
}

// decoder measures what a masked autoencoder paints of the first picture.
func (x *run) decoder() error {
	want := x.rows("painted")
	if want == nil {
		return nil
	}
	m, err := vit.LoadMAE(x.ctx, "", x.options)
	if err != nil {
		return err
	}
	defer m.Close()
	var kept []int
	for i, masked := range x.rows("mask")[0] {
		if masked == 0 {
			kept = append(kept, i)
		}
	}
	got, err := m.Paint(x.ctx, x.px[0], kept)
	if err == nil {
		x.parts = append(x.parts, judge(PartDecoder, x.dtype, want, got[:len(want)]))
	}
	return err
}
