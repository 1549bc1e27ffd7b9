package imagebind

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/emblem-search/emblem/internal/device"
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// Options for Load. The zero value is right.
type Options struct {
	Device string // "auto" (or none), "cpu", "dry"
	DType  string // "auto" (or none), "f32", "f16", "bf16", "int8"
	Bulk   bool   // give way to interactive work on the same device
	Lazy   bool   // read the weights when they are first used; what does not fit is an error of Load all the same
	Cache  string // a folder that packed weights are kept in, for the next process; none: they are not
}

// Encoder turns signals of one modality into vectors. It is safe for concurrent
// use.
type Encoder struct {
	modality   Modality
	net        *net
	pool       *tensor.Pool
	precision  nn.Precision
	bindings   []string
	int8       []string // tensors that are kept as such
	parameters int
	lane       tensor.Lane
	source     io.Closer    // the open checkpoint, until load has read it
	load       func() error // reads the weights, once
}

// Load reads one tower of a model's folder. Tensors of its other towers are left
// alone; any other unused, missing or wrongly shaped one is an error.
func Load(ctx context.Context, folder weights.Folder, conf weights.Config, m Modality, o Options) (*Encoder, error) {
	c, err := read(conf.Raw, m)
	if err != nil {
		return nil, err
	}
	dev, err := device.Open(o.Device)
	if err != nil {
		return nil, err
	}
	e := &Encoder{modality: m, pool: dev.NewPool()}
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
	err = e.bind(folder, conf, c.layout(m), weights.CacheAt(o.Cache))
	if err == nil && !o.Lazy {
		err = e.load()
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// bind finds the net's tensors in the folder; load reads them.
func (e *Encoder) bind(folder weights.Folder, conf weights.Config, layout weights.Layout, cache *weights.Cache) error {
	set, err := folder.Open(conf.Stems...)
	if err != nil {
		return err
	}
	e.source = set
	plan, err := weights.Match(set, layout, e.net)
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

// Dim is the number of elements of a vector.
func (e *Encoder) Dim() int { return e.net.config.out }

// DType is what the weights are stored in: f32, f16, bf16 or int8.
func (e *Encoder) DType() string { return e.precision.Name }

// Bytes is the memory that the weights take.
func (e *Encoder) Bytes() int { return e.pool.Bytes() }

// Parameters is the number of weights.
func (e *Encoder) Parameters() int { return e.parameters }

// Bindings lists the weights and where each comes from.
func (e *Encoder) Bindings() []string { return slices.Clone(e.bindings) }

// Int8 lists the folder's tensors that the encoder, opened as int8, keeps as such.
func (e *Encoder) Int8() []string { return slices.Clone(e.int8) }

// Embed encodes signals into one vector each, as the model makes them: the mean of
// its clips' unit vectors, times the factor of the modality.
func (e *Encoder) Embed(ctx context.Context, signals []Signal) ([][]float32, error) {
	var clips [][]float32
	for i, s := range signals {
		if s.Modality != e.modality || len(s.Clips) == 0 {
			return nil, fmt.Errorf("imagebind: signal %d is %d clips of %q, the tower is of %q", i, len(s.Clips), s.Modality, e.modality)
		}
		clips = append(clips, s.Clips...)
	}
	rows, err := e.run(ctx, clips)
	if err != nil {
		return nil, err
	}
	all := make([][]float32, len(signals))
	for i, s := range signals {
		all[i] = e.mean(rows[:len(s.Clips)])
		rows = rows[len(s.Clips):]
	}
	return all, nil
}

// run encodes clips to unit vectors, some at a time.
func (e *Encoder) run(ctx context.Context, clips [][]float32) ([][]float32, error) {
	if err := e.load(); err != nil {
		return nil, err
	}
	var all [][]float32
	for part := range slices.Chunk(clips, e.net.config.turn()) {
		flat := make([]float32, len(part)*e.Dim())
		err := e.pool.Device().Run(ctx, e.lane, func(s *tensor.Stream) error {
			y := s.New(tensor.F32, len(part), e.Dim()) // (B, Out)
			e.net.forward(s, part, y)
			return tensor.Get(s, flat, y)
		})
		if err != nil {
			return nil, err
		}
		all = slices.AppendSeq(all, slices.Chunk(flat, e.Dim()))
	}
	return all, nil
}

// mean averages a signal's clips and multiplies them with the modality's factor.
func (e *Encoder) mean(rows [][]float32) []float32 {
	out, by := make([]float32, e.Dim()), e.net.scale()/float64(len(rows))
	for i := range out {
		sum := 0.0
		for _, r := range rows {
			sum += float64(r[i])
		}
		out[i] = float32(sum * by)
	}
	return out
}

// turn is how many clips a forward pass takes: at most 32, with some 64 MB of
// activations.
func (c config) turn() int {
	row := 4 * (6 + 4) * c.width // bytes that are alive for one token
	return max(1, min(32, 64<<20/(row*c.tokens)))
}
