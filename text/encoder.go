package text

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

// EncoderOptions for LoadEncoder. The zero value is right.
type EncoderOptions struct {
	FS     fs.FS  // the folder's files, instead of the directory
	Device string // "auto" (or none), "cpu", "dry"
	DType  string // "auto" (or none), "f32", "f16", "bf16", "int8", "int4"
	Bulk   bool   // give way to interactive work on the same device
	Lazy   bool   // read the weights when they are first used; what does not fit is an error of Load all the same
	Cache  string // a folder that packed weights are kept in, for the next process; none: they are not
	Pad    *int32 // the id that fills a text up where padding counts; nil: the configuration's
}

// Encoder turns token ids into one vector per text. It is safe for concurrent use.
type Encoder struct {
	net       *net
	pool      *tensor.Pool
	precision nn.Precision
	bindings  []string
	int8      []string // tensors that are kept as such
	params    int
	lane      tensor.Lane
	source    io.Closer    // the open checkpoint, until load has read it
	load      func() error // reads the weights, once
}

// LoadEncoder reads the text tower of a model's folder. Tensors of its other
// towers are left alone; any other unused, missing or wrongly shaped one is an
// error.
func LoadEncoder(ctx context.Context, dir string, o EncoderOptions) (*Encoder, error) {
	folder, conf, fam, c, err := describe(dir, o)
	if err != nil {
		return nil, err
	}
	dev, err := device.Open(o.Device)
	if err != nil {
		return nil, err
	}
	e := &Encoder{pool: dev.NewPool()}
	if o.Bulk {
		e.lane = tensor.Bulk
	}
	if e.precision, err = nn.NewPrecision(dev, o.DType); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e.net = newNet(c, e.precision)
	err = e.bind(folder, conf, fam.layouts, weights.CacheAt(o.Cache))
	if err == nil && !o.Lazy {
		err = e.load()
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// describe reads what a folder says about its text tower.
func describe(dir string, o EncoderOptions) (weights.Folder, weights.Config, family, config, error) {
	folder := weights.Folder{Dir: dir, FS: o.FS}
	conf, err := folder.Config()
	if err != nil {
		return folder, conf, family{}, config{}, err
	}
	fam, ok := families[conf.Family]
	if !ok {
		return folder, conf, fam, config{}, fmt.Errorf("text: config.json: model_type %q is not supported", conf.Family)
	}
	c, err := fam.read(folder, conf.Raw)
	if o.Pad != nil && !c.blind {
		c.pad = int(*o.Pad)
	}
	if err == nil {
		err = c.checkPad()
	}
	return folder, conf, fam, c, err
}

// Positions is how many tokens the text tower of a folder reads. No weights are
// loaded.
func Positions(dir string, o EncoderOptions) (int, error) {
	_, _, _, c, err := describe(dir, o)
	return c.positions, err
}

// bind finds the net's tensors in the folder; load reads them.
func (e *Encoder) bind(folder weights.Folder, conf weights.Config, layouts []weights.Layout, cache *weights.Cache) error {
	set, err := folder.Open(conf.Stems...)
	if err != nil {
		return err
	}
	e.source = set
	plan, err := weights.Match(set, e.net.config.layoutOf(set, layouts), e.net)
	if err != nil {
		return err
	}
	e.params = plan.Parameters()
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

// layoutOf is the layout of a checkpoint, given those of its family.
func (c config) layoutOf(src weights.Source, layouts []weights.Layout) weights.Layout {
	if c.layout != nil {
		return *c.layout
	}
	if l, ok := weights.Pick(src, layouts...); ok {
		return l
	}
	return layouts[0] // its error names what is missing
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

// Dim is the number of elements of a vector.
func (e *Encoder) Dim() int { return e.net.config.dim() }

// Positions is the longest text, in tokens.
func (e *Encoder) Positions() int { return e.net.config.positions }

// DType is what the weights are stored in: f32, f16, bf16, int8 or int4.
func (e *Encoder) DType() string { return e.precision.Name }

// Bytes is the memory that the weights take.
func (e *Encoder) Bytes() int { return e.pool.Bytes() }

// Parameters is the number of weights.
func (e *Encoder) Parameters() int { return e.params }

// Bindings lists the weights and where each comes from.
func (e *Encoder) Bindings() []string { return slices.Clone(e.bindings) }

// Int8 lists the folder's tensors that the encoder, opened as int8, keeps as such.
func (e *Encoder) Int8() []string { return slices.Clone(e.int8) }

// Embed encodes texts into one vector each, as the model makes them. The ids of
// a text carry its special tokens; padding is added here as the family needs
// it. Where the pooled position can see nothing after itself, the batch is cut
// behind the last one, which is exact.
func (e *Encoder) Embed(ctx context.Context, texts [][]int32) ([][]float32, error) {
	c := e.net.config
	for i, ids := range texts {
		if len(ids) == 0 || len(ids) > c.positions {
			return nil, fmt.Errorf("text: text %d has %d tokens, want 1 to %d", i, len(ids), c.positions)
		}
		for _, id := range ids {
			if id < 0 || int(id) >= c.vocab {
				return nil, fmt.Errorf("text: text %d has token %d of a vocabulary of %d", i, id, c.vocab)
			}
		}
		if c.blind && !slices.ContainsFunc(ids, func(id int32) bool { return int(id) != c.pad }) {
			return nil, fmt.Errorf("text: text %d has nothing but padding (token %d)", i, c.pad)
		}
	}
	all := make([][]float32, len(texts))
	for _, which := range c.turns(texts) {
		part := make([][]int32, len(which))
		for i, t := range which {
			part[i] = texts[t]
		}
		out, err := e.run(ctx, c.batch(part))
		if err != nil {
			return nil, err
		}
		for i, t := range which {
			all[t] = out[i]
		}
	}
	return all, nil
}

// turn is how many texts a forward pass takes, the longest of so many tokens: at most
// 64, with some 64 MB of activations.
func (c config) turn(longest int) int {
	row := 4 * (6*c.width + c.hidden) // bytes that are alive for one token
	return max(1, min(64, 64<<20/(row*longest)))
}

// run encodes one batch.
func (e *Encoder) run(ctx context.Context, b batch) ([][]float32, error) {
	flat := make([]float32, b.n*e.Dim())
	if err := e.load(); err != nil {
		return nil, err
	}
	err := e.pool.Device().Run(ctx, e.lane, func(s *tensor.Stream) error {
		y := s.New(tensor.F32, b.n, e.Dim()) // (B, Out)
		e.net.forward(s, b, y)
		return tensor.Get(s, flat, y)
	})
	if err != nil {
		return nil, err
	}
	return slices.Collect(slices.Chunk(flat, e.Dim())), nil
}
