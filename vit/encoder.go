package vit

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/emblem-search/emblem/internal/device"
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// Pool is how a sequence of patches becomes one vector.
type Pool string

// The poolings. Own is what the model was trained with. CLS takes the class
// token; Mean averages the patches after the last norm. Both pass through the
// model's projection where it has one.
const (
	Own  Pool = ""
	CLS  Pool = "cls"
	Mean Pool = "mean"

	attention Pool = "attention" // a learned query; only as a model's own
	queries   Pool = "queries"   // CoCa's; there is no norm for anything else
)

// Options for Load. The zero value is right.
type Options struct {
	FS     fs.FS  // the folder's files, instead of the directory
	Device string // "auto" (or none), "cpu", "dry"
	DType  string // "auto" (or none), "f32", "f16", "bf16", "int8", "int4"
	Bulk   bool   // give way to interactive work on the same device
	Lazy   bool   // read the weights when they are first used; what does not fit is an error of Load all the same
	Reduce Reduce // shorten sequences on their way; none: exact
	Cache  string // a folder that packed weights are kept in, for the next process; none: they are not
}

// Encoder turns pixels into vectors. It is safe for concurrent use.
type Encoder struct {
	net        *net
	preprocess *Preprocess
	pool       *tensor.Pool
	precision  nn.Precision
	bindings   []string
	int8       []string // tensors that are kept as such
	parameters int
	labels     labels
	lane       tensor.Lane
	source     io.Closer    // the open checkpoint, until load has read it
	load       func() error // reads the weights, once
}

// Load reads the vision tower of a model's folder. Tensors of its other towers
// are left alone; any other unused, missing or wrongly shaped one is an error.
func Load(ctx context.Context, dir string, o Options) (*Encoder, error) {
	folder := weights.Folder{Dir: dir, FS: o.FS}
	conf, err := folder.Config()
	if err != nil {
		return nil, err
	}
	fam, ok := families[conf.Family]
	if !ok {
		fam, ok = towers[conf.Family]
	}
	if !ok {
		return nil, fmt.Errorf("vit: config.json: model_type %q is not supported", conf.Family)
	}
	c, err := fam.read(conf.Raw)
	if err != nil {
		return nil, err
	}
	if err := o.Reduce.check(c); err != nil {
		return nil, err
	}
	e := &Encoder{}
	if o.Bulk {
		e.lane = tensor.Bulk
	}
	if e.preprocess, err = fam.pixels(folder, c); err != nil {
		return nil, err
	}
	if o.Reduce.Patches > 0 {
		e.preprocess = e.preprocess.within(o.Reduce.Patches)
	}
	dev, err := device.Open(o.Device)
	if err != nil {
		return nil, err
	}
	if e.precision, err = nn.NewPrecision(dev, o.DType); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e.pool = dev.NewPool()
	err = e.bind(folder, conf, fam, c, o.Reduce, weights.CacheAt(o.Cache))
	if err == nil && !o.Lazy {
		err = e.load()
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// bind makes the net that a configuration describes and finds its tensors in the
// folder; load reads them.
func (e *Encoder) bind(folder weights.Folder, conf weights.Config, fam family, c config, r Reduce, cache *weights.Cache) error {
	set, err := folder.Open(conf.Stems...)
	if err != nil {
		return err
	}
	e.source = set
	if err := e.findLabels(set, conf, fam, &c); err != nil {
		return err
	}
	e.net = newNet(c, e.precision)
	e.net.reduce = r
	plan, err := weights.Match(set, fam.layout(set, c), e.net)
	if err != nil {
		return err
	}
	e.parameters = plan.Parameters()
	e.int8 = plan.Int8()
	for _, b := range plan.Bindings() {
		e.bindings = append(e.bindings, fmt.Sprintf("%s %v ← %s (%s)", b.Name, b.Shape, strings.Join(b.From, " + "), b.DType))
	}
	e.load = sync.OnceValue(func() error {
		defer set.Close()
		if err := plan.LoadCached(e.pool, cache); err != nil {
			return err
		}
		return e.net.fold(e.pool)
	})
	return nil
}

// Ready reads the weights of a lazy encoder, if nothing has done so yet, and says
// what is wrong with them.
func (e *Encoder) Ready() error { return e.load() }

// Close frees the weights.
func (e *Encoder) Close() error {
	e.pool.Close()
	if e.source == nil {
		return nil
	}
	return e.source.Close()
}

// Preprocess is the model's way from a picture to pixels.
func (e *Encoder) Preprocess() *Preprocess { return e.preprocess }

// Dim is the number of elements of a vector.
func (e *Encoder) Dim() int { return e.net.config.dim() }

// DType is what the weights are stored in: f32, f16, bf16, int8 or int4.
func (e *Encoder) DType() string { return e.precision.Name }

// Bytes is the memory that the weights take.
func (e *Encoder) Bytes() int { return e.pool.Bytes() }

// Parameters is the number of weights.
func (e *Encoder) Parameters() int { return e.parameters }

// Bindings lists the weights and where each comes from.
func (e *Encoder) Bindings() []string { return slices.Clone(e.bindings) }

// Int8 lists the folder's tensors that the encoder, opened as int8, keeps as such.
func (e *Encoder) Int8() []string { return slices.Clone(e.int8) }

// Tokens is the length of the sequence that a picture becomes; the longest, where
// that depends on its shape.
func (e *Encoder) Tokens() int {
	if e.preprocess.most > 0 {
		return e.preprocess.most
	}
	side := e.preprocess.side
	w, h := e.net.config.grid(Pixels{W: side, H: side})
	return e.net.config.lead() + w*h
}

// CheckPool tells whether the model can be pooled that way.
func (e *Encoder) CheckPool(p Pool) error {
	own := e.net.config.pool
	switch {
	case own == queries && p != Own:
		return fmt.Errorf("vit: the model can only be pooled in its own way, with learned queries")
	case p == Own || p == Mean || p == own && p != attention && p != both:
		return nil
	case p == CLS && e.net.config.class:
		return nil
	case p == CLS:
		return fmt.Errorf("vit: the model has no class token; its own pooling is %s", own)
	}
	return fmt.Errorf("vit: pooling %q is neither cls nor mean", p)
}
