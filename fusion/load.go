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

// Options for Load. The zero value is right.
type Options struct {
	Name   string // what answers call the model; none: the folder's last part
	FS     fs.FS  // the folder's files, instead of the directory
	Device string // "auto" (or none), "cpu", "dry"
	DType  string // "auto" (or none), "f32", "f16", "bf16", "int8", "int4"
	Bulk   bool   // give way to interactive work on the same device
	Lazy   bool   // read each tower's weights when they are first used
	Cache  string // a folder that packed weights and hashes are kept in, for the next process; none: they are not

	Reduce vit.Reduce // shorten the sequences of pictures on their way; none: exact
}

// DualEncoder puts pictures and texts into one space, or, without a text tower,
// pictures alone into one of theirs. It is safe for concurrent use.
type DualEncoder struct {
	*Tokenizer
	folder  weights.Folder
	conf    weights.Config
	vision  *vit.Encoder                              // nil: the model reads no pictures
	text    *text.Encoder                             // nil: it reads no texts
	senses  map[imagebind.Modality]*imagebind.Encoder // ImageBind's other towers
	scale   float64                                   // factor of the cosine
	bias    float64
	sigmoid bool // scores are independent of each other: SigLIP
	print   *fingerprint

	// Where pictures come from, if that is another model within the folder.
	pictures     weights.Folder
	picturesConf weights.Config

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
		return nil, fmt.Errorf("fusion: %s: %w", o.Name, d.withLicence(err))
	}
	return d, nil
}

// Reopen opens the model's folder once more. The two share the tokenizer, not the
// weights: each is closed by itself.
func (d *DualEncoder) Reopen(ctx context.Context) (*DualEncoder, error) {
	twin := *d
	twin.vision, twin.text, twin.senses = nil, nil, nil
	if err := twin.load(ctx); err != nil {
		twin.Close()
		return nil, fmt.Errorf("fusion: %s: %w", d.options.Name, err)
	}
	return &twin, nil
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
	var errText, errSenses error
	errVision := d.openVision(ctx)
	if misfit(errVision) {
		errText, errSenses = d.openText(ctx), d.openSenses(ctx)
	}
	if err := weights.Join(errVision, errText, errSenses, d.loadScale()); err != nil {
		return err
	}
	if d.vision != nil && d.text != nil && d.vision.Dim() != d.text.Dim() {
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

// Family is what the folder says it is: clip, siglip, siglip2, open_clip, …
func (d *DualEncoder) Family() string { return d.conf.Family }

// Vision is the tower of pictures; nil where there is none.
func (d *DualEncoder) Vision() *vit.Encoder { return d.vision }

// Text is the tower of texts; nil where there is none.
func (d *DualEncoder) Text() *text.Encoder { return d.text }
