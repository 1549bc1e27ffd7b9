package fusion

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/vit"
)

// Options for Load. The zero value is right.
type Options struct {
	Name   string // what answers call the model; none: the folder's last part
	FS     fs.FS  // the folder's files, instead of the directory
	Device string // "auto" (or none), "cpu", "dry"
	DType  string // "auto" (or none), "f32", "f16", "bf16", "int8"
	Bulk   bool   // give way to interactive work on the same device
	Lazy   bool   // read each tower's weights when they are first used
}

// DualEncoder puts pictures and texts into one space, or, without a text tower,
// pictures alone into one of theirs. It is safe for concurrent use.
type DualEncoder struct {
	*Tokenizer
	folder  weights.Folder
	conf    weights.Config
	vision  *vit.Encoder
	text    *text.Encoder // nil: pictures only
	scale   float64       // factor of the cosine
	bias    float64
	sigmoid bool // scores are independent of each other: SigLIP
	print   *fingerprint
	options Options
}

// Load opens the model in a folder. What does not fit, in all of its towers, is
// one error.
func Load(ctx context.Context, dir string, o Options) (*DualEncoder, error) {
	folder, conf, err := open(dir, &o)
	if err != nil {
		return nil, err
	}
	d := &DualEncoder{folder: folder, conf: conf, print: &fingerprint{}, options: o}
	if d.Tokenizer, err = loadTokenizer(folder, conf, o); err == nil {
		err = d.load(ctx)
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("fusion: %s: %w", o.Name, err)
	}
	return d, nil
}

// Reopen opens the model's folder once more. The two share the tokenizer, not the
// weights: each is closed by itself.
func (d *DualEncoder) Reopen(ctx context.Context) (*DualEncoder, error) {
	twin := *d
	twin.vision, twin.text = nil, nil
	if err := twin.load(ctx); err != nil {
		twin.Close()
		return nil, fmt.Errorf("fusion: %s: %w", d.options.Name, err)
	}
	return &twin, nil
}

// Ready reads the weights of a lazy model, if nothing has done so yet, and says
// what is wrong with them.
func (d *DualEncoder) Ready() error {
	if d.PicturesOnly() {
		return d.vision.Ready()
	}
	return weights.Join(d.vision.Ready(), d.text.Ready())
}

// folderName is a folder's public name: its last part.
func folderName(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Base(dir)
}

// load opens the towers and reads what belongs to neither.
func (d *DualEncoder) load(ctx context.Context) error {
	dir, o := d.folder.Dir, d.options
	var errVision, errText error
	d.vision, errVision = vit.Load(ctx, dir, vit.Options{FS: o.FS, Device: o.Device, DType: o.DType, Bulk: o.Bulk, Lazy: o.Lazy})
	if vit.PicturesOnly(d.conf.Family) {
		d.scale = 1
		return errVision
	}
	if misfit(errVision) {
		d.text, errText = text.LoadEncoder(ctx, dir, text.EncoderOptions{FS: o.FS, Device: o.Device, DType: o.DType, Bulk: o.Bulk, Lazy: o.Lazy, Pad: d.pad})
	}
	if err := weights.Join(errVision, errText, d.loadScale()); err != nil {
		return err
	}
	if d.vision.Dim() != d.text.Dim() {
		return fmt.Errorf("pictures have %d elements and texts %d: the towers do not belong together", d.vision.Dim(), d.text.Dim())
	}
	return nil
}

// misfit tells whether it is worth looking for more: no error, or one of tensors
// that do not fit.
func misfit(err error) bool {
	var e *weights.Error
	return err == nil || errors.As(err, &e)
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
	return errors.Join(errs...)
}

// Family is what the folder says it is, such as clip, siglip, open_clip or dinov2.
func (d *DualEncoder) Family() string { return d.conf.Family }

// Dim is the number of elements of a vector.
func (d *DualEncoder) Dim() int { return d.vision.Dim() }

// DType is what the weights are stored in: f32, f16, bf16 or int8.
func (d *DualEncoder) DType() string { return d.vision.DType() }

// Bytes is the memory that the weights take.
func (d *DualEncoder) Bytes() int {
	if d.PicturesOnly() {
		return d.vision.Bytes()
	}
	return d.vision.Bytes() + d.text.Bytes()
}

// Parameters is the number of weights.
func (d *DualEncoder) Parameters() int {
	if d.PicturesOnly() {
		return d.vision.Parameters()
	}
	return d.vision.Parameters() + d.text.Parameters()
}

// TextTokens is the most tokens that are read of a text; 0 for a model that knows
// pictures only.
func (d *DualEncoder) TextTokens() int {
	if d.PicturesOnly() {
		return 0
	}
	return d.text.Positions()
}

// Vision is the tower of pictures.
func (d *DualEncoder) Vision() *vit.Encoder { return d.vision }

// Text is the tower of texts; nil in a model that knows pictures only.
func (d *DualEncoder) Text() *text.Encoder { return d.text }

// ImageSide is the width and height that pictures are brought to, in pixels. A
// decoder need not give more than twice that.
func (d *DualEncoder) ImageSide() int { return d.vision.Preprocess().Side() }
