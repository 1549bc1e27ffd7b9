package fusion

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/emblem-search/emblem/internal/imagebind"
	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/vit"
)

// Some models have one tower only: M-CLIP was published without the pictures of the CLIP that it belongs to, and
// DINOv2 knows no words. They are opened all the same, and say so when they are asked for what they have not.

// visionDir is where a model of texts only may have a model that pictures come from.
const visionDir = "vision"

// openVision opens the tower of pictures: the model's own, or of another that lies
// within its folder, or none.
func (d *DualEncoder) openVision(ctx context.Context) error {
	f := d.folder
	if !vit.Knows(d.conf.Family) {
		var ok bool
		var err error
		if f, ok, err = within(f); err == nil && !ok && d.options.Reduce != (vit.Reduce{}) {
			err = d.needPictures()
		}
		if !ok || err != nil {
			return err
		}
		conf, err := f.Config()
		if err != nil {
			return fmt.Errorf("%s: %w", visionDir, err)
		}
		d.pictures, d.picturesConf = f, conf
	}
	o := d.options
	var err error
	d.vision, err = vit.Load(ctx, f.Dir, vit.Options{FS: f.FS, Device: o.Device, DType: o.DType, Bulk: o.Bulk, Lazy: o.Lazy, Reduce: o.Reduce, Cache: o.Cache})
	return err
}

// within is the folder of the pictures' model, if there is one.
func within(f weights.Folder) (weights.Folder, bool, error) {
	if !f.Has(visionDir) {
		return f, false, nil
	}
	if f.FS == nil {
		return weights.Folder{Dir: filepath.Join(f.Dir, visionDir)}, true, nil
	}
	sub, err := fs.Sub(f.FS, visionDir)
	return weights.Folder{FS: sub}, true, err
}

// openText opens the tower of texts, if there is one.
func (d *DualEncoder) openText(ctx context.Context) (err error) {
	if !text.Knows(d.conf.Family) {
		return nil
	}
	o := d.options
	d.text, err = text.LoadEncoder(ctx, d.folder.Dir, text.EncoderOptions{FS: o.FS, Device: o.Device, DType: o.DType, Bulk: o.Bulk, Lazy: o.Lazy, Cache: o.Cache, Pad: d.pad})
	return err
}

// HasPictures tells whether the model can read pictures.
func (d *DualEncoder) HasPictures() bool { return d.vision != nil }

// HasTexts tells whether the model can read texts.
func (d *DualEncoder) HasTexts() bool { return d.text != nil }

func (d *DualEncoder) needPictures() error {
	if d.vision == nil {
		return fmt.Errorf("fusion: %s reads texts only; to read pictures too, put the model that it was made for into its folder, as %s", d.name, visionDir)
	}
	return nil
}

func (d *DualEncoder) needTexts() error {
	if d.text == nil {
		return d.noTexts()
	}
	return nil
}

// noTexts is the error of a model without a tokenizer.
func (t *Tokenizer) noTexts() error {
	return &PicturesOnlyError{t.name}
}

// Ready reads the weights of a lazy model, if nothing has done so yet, and says
// what is wrong with them.
func (d *DualEncoder) Ready() error {
	errs := []error{d.ReadyFor(d.HasTexts(), d.HasPictures())}
	for _, e := range d.senses {
		errs = append(errs, e.Ready())
	}
	return weights.Join(errs...)
}

// ReadyFor is Ready for the towers that will be used. It is an error to want one
// that the model has not.
func (d *DualEncoder) ReadyFor(texts, pictures bool) error {
	var errText, errVision error
	if texts {
		if errText = d.needTexts(); errText == nil {
			errText = d.text.Ready()
		}
	}
	if pictures {
		if errVision = d.needPictures(); errVision == nil {
			errVision = d.vision.Ready()
		}
	}
	return weights.Join(errVision, errText)
}

// Close frees the weights.
func (d *DualEncoder) Close() error {
	var errs []error
	if d.vision != nil {
		errs = append(errs, d.vision.Close())
	}
	if d.text != nil {
		errs = append(errs, d.text.Close())
	}
	for _, e := range d.senses {
		errs = append(errs, e.Close())
	}
	return errors.Join(errs...)
}

// tower is what all of them have.
type tower interface {
	Dim() int
	DType() string
	Bytes() int
	Parameters() int
	Bindings() []string
	Int8() []string
}

// towers lists those that the model has: at least one.
func (d *DualEncoder) towers() (all []tower) {
	if d.vision != nil {
		all = append(all, d.vision)
	}
	if d.text != nil {
		all = append(all, d.text)
	}
	for _, m := range imagebind.Modalities {
		if e := d.senses[m]; e != nil {
			all = append(all, e)
		}
	}
	return all
}

// Dim is the number of elements of a vector.
func (d *DualEncoder) Dim() int { return d.towers()[0].Dim() }

// DType is what the weights are stored in: f32, f16, bf16 or int8.
func (d *DualEncoder) DType() string { return d.towers()[0].DType() }

// Bytes is the memory that the weights take.
func (d *DualEncoder) Bytes() (n int) {
	for _, t := range d.towers() {
		n += t.Bytes()
	}
	return n
}

// Parameters is the number of weights.
func (d *DualEncoder) Parameters() (n int) {
	for _, t := range d.towers() {
		n += t.Parameters()
	}
	return n
}

// Bindings lists the weights and where each comes from.
func (d *DualEncoder) Bindings() (all []string) {
	for _, t := range d.towers() {
		all = append(all, t.Bindings()...)
	}
	return all
}

// Int8 lists the folder's tensors that the model, opened as int8, keeps as such.
func (d *DualEncoder) Int8() (all []string) {
	for _, t := range d.towers() {
		all = append(all, t.Int8()...)
	}
	return all
}

// Steps names what is done to a picture, in order; none where none is read.
func (d *DualEncoder) Steps() []string {
	if d.vision == nil {
		return nil
	}
	return d.vision.Preprocess().Steps()
}

// ImageSide is the width and height that pictures are brought to, in pixels. A
// decoder need not give more than twice that.
func (d *DualEncoder) ImageSide() int {
	if d.vision == nil {
		return 0
	}
	return d.vision.Preprocess().Side()
}

// ImageTokens is the length of the sequence that a picture becomes.
func (d *DualEncoder) ImageTokens() int {
	if d.vision == nil {
		return 0
	}
	return d.vision.Tokens()
}

// TextTokens is the longest text, in tokens.
func (d *DualEncoder) TextTokens() int {
	if d.text == nil {
		return 0
	}
	return d.text.Positions()
}

// CheckPool tells whether pictures can be pooled that way.
func (d *DualEncoder) CheckPool(p vit.Pool) error {
	if d.vision == nil && p == vit.Own {
		return nil
	}
	if err := d.needPictures(); err != nil {
		return err
	}
	return d.vision.CheckPool(p)
}
