package bench

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/emblem-search/emblem/internal/device"
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/tensor/dry"
)

// OpsResult is what Ops measured.
type OpsResult struct {
	Machine
	Peaks  map[string]float64 `json:"peak_gflops"` // by dtype
	Towers []OpsTower         `json:"towers"`
}

// OpsTower is a ViT-B/32 forward pass, op by op.
type OpsTower struct {
	Batch int       `json:"batch"`
	DType string    `json:"dtype"`
	MS    float64   `json:"ms"` // of a pass, by the medians of its ops
	Ops   []OpsLine `json:"ops"`
}

// OpsLine is one kind and shape of op.
type OpsLine struct {
	Op        string  `json:"op"`
	Shape     string  `json:"shape"`
	Calls     int     `json:"calls"`                // in a pass
	US        float64 `json:"us"`                   // median of a call
	Share     float64 `json:"share"`                // of the pass
	GFLOPS    float64 `json:"gflops"`               // dry.Price.FLOPs a second
	GBS       float64 `json:"gb_s"`                 // dry.Price.Bytes a second
	PeakShare float64 `json:"peak_share,omitempty"` // of linears and attentions
}

// Ops times every op of ViT-B/32 at batch 1 and 8, in f32, bf16 and int8, each for
// a time. Every op runs where it stands in a forward pass of twelve layers, so that
// its weights come from where they come from in use.
func Ops(ctx context.Context, place string, each time.Duration) (OpsResult, error) {
	m, rates, err := machine(place)
	if err != nil {
		return OpsResult{}, err
	}
	dev, err := device.Open(place)
	if err != nil {
		return OpsResult{}, err
	}
	r := OpsResult{Machine: m, Peaks: map[string]float64{}}
	kinds := []tensor.Kind{tensor.KindF32, tensor.KindBF16, tensor.KindI8}
	for _, kind := range kinds {
		r.Peaks[kind.String()] = rates.peak(kind)
	}
	for _, kind := range kinds {
		p, err := nn.NewPrecision(dev, kind.String())
		if err != nil {
			return r, err
		}
		w := &stopwatch{Backend: dev.Backend(), rates: rates}
		if err := r.stack(ctx, w, p, each); err != nil {
			return r, err
		}
	}
	return r, nil
}

// stack times the passes of one dtype.
func (r *OpsResult) stack(ctx context.Context, w *stopwatch, p nn.Precision, each time.Duration) error {
	s, err := newStack(tensor.NewDevice(w), p)
	if err != nil {
		return err
	}
	defer s.pool.Close()
	for _, batch := range []int{1, 8} {
		var pixels []byte
		for _, p := range pictures(batch, s.side) {
			pixels = append(pixels, p.RGB...)
		}
		passes := 0
		_, err := repeat(each, func() error {
			if passes++; passes <= unseen+1 { // forget the pass before
				w.start()
			}
			return s.forward(ctx, pixels)
		})
		if err != nil {
			return err
		}
		r.Towers = append(r.Towers, w.table(batch, p.Name, passes-unseen, r.Peaks))
	}
	return nil
}

// stopwatch is a backend that times each op of another.
type stopwatch struct {
	tensor.Backend
	rates rates
	lines map[string]*timed
	order []*timed
}

type timed struct {
	line  OpsLine
	price dry.Price
	kind  tensor.Kind // whose peak it is held to; 0: none
	times []time.Duration
}

// start forgets what was timed.
func (w *stopwatch) start() { w.lines, w.order = map[string]*timed{}, nil }

// Exec implements tensor.Backend.
func (w *stopwatch) Exec(lane tensor.Lane, op tensor.Op) error {
	took, err := w.time(lane, op)
	if err != nil {
		return err
	}
	name, shape := dry.Name(op), shape(op)
	l := w.lines[name+shape]
	if l == nil {
		price, err := dry.Cost(op)
		if err != nil {
			return err
		}
		l = &timed{line: OpsLine{Op: name, Shape: shape}, price: price, kind: w.rate(op)}
		w.lines[name+shape], w.order = l, append(w.order, l)
	}
	l.times = append(l.times, took)
	return nil
}

// time runs an op and waits for it. A card's time is its own, without the way there.
func (w *stopwatch) time(lane tensor.Lane, op tensor.Op) (time.Duration, error) {
	start := time.Now()
	if err := w.Backend.Exec(lane, op); err != nil {
		return 0, err
	}
	err := w.Sync(lane)
	took := time.Since(start)
	if card, ok := w.Backend.(interface {
		Took(tensor.Lane) time.Duration
	}); ok {
		took = card.Took(lane)
	}
	return took, err
}

// rate says which peak an op could reach.
func (w *stopwatch) rate(op tensor.Op) tensor.Kind {
	switch o := op.(type) {
	case *tensor.Linear:
		return o.W.Kind()
	case *tensor.Attention:
		if o.Q.DType() == tensor.BF16 && w.rates.bf16 {
			return tensor.KindBF16
		}
		return tensor.KindF32
	}
	return 0
}

// shape describes an op's operands.
func shape(op tensor.Op) string {
	switch o := op.(type) {
	case *tensor.Linear:
		s := fmt.Sprintf("%d×%d→%d %v, %v→%v", o.X.Rows(), o.W.In(), o.W.Out(), o.W.Kind(), o.X.DType(), o.Y.DType())
		if o.Act != tensor.NoAct {
			s += " " + o.Act.String()
		}
		if o.Res.Ok() {
			s += " + residual"
		}
		return s
	case *tensor.Attention:
		return fmt.Sprintf("%d×%d×%d, %d heads %v", o.Q.Dim(0), o.Q.Dim(1), o.Q.Cols(), o.Heads, o.Q.DType())
	case *tensor.LayerNorm:
		return fmt.Sprintf("%d×%d %v→%v", o.X.Rows(), o.X.Cols(), o.X.DType(), o.Y.DType())
	case *tensor.Patchify:
		return fmt.Sprintf("%v→%v", o.X, o.Y)
	case *tensor.Embed:
		return fmt.Sprintf("%d rows of %v", o.IDs.Len(), o.Table)
	case *tensor.Normalize:
		return o.X.String()
	}
	return ""
}

// table sums up what was timed in a number of passes.
func (w *stopwatch) table(batch int, dtype string, passes int, peaks map[string]float64) OpsTower {
	t := OpsTower{Batch: batch, DType: dtype}
	for _, l := range w.order {
		slices.Sort(l.times)
		m := median(l.times)
		l.line.Calls = len(l.times) / passes
		l.line.US = float64(m) / float64(time.Microsecond)
		l.line.GFLOPS = float64(l.price.FLOPs) / m.Seconds() / 1e9
		l.line.GBS = float64(l.price.Bytes) / m.Seconds() / 1e9
		if l.kind != 0 {
			l.line.PeakShare = l.line.GFLOPS / cmp.Or(peaks[l.kind.String()], 1)
		}
		t.MS += l.line.US * float64(l.line.Calls) / 1e3
		t.Ops = append(t.Ops, l.line)
	}
	for i := range t.Ops {
		t.Ops[i].Share = t.Ops[i].US * float64(t.Ops[i].Calls) / 1e3 / t.MS
	}
	return t
}

// String is tables for people.
func (r OpsResult) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s (%s, %d workers); peaks in GFLOP/s:", r.Device, r.Kernels, r.Workers)
	for _, dtype := range slices.Sorted(maps.Keys(r.Peaks)) {
		fmt.Fprintf(&s, " %s %.0f", dtype, r.Peaks[dtype])
	}
	for _, t := range r.Towers {
		fmt.Fprintf(&s, "\n\nViT-B/32, batch %d, %s: %.2f ms\n", t.Batch, t.DType, t.MS)
		w := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "op\tshape\tcalls\tµs\tof all\tGFLOP/s\tof peak\tGB/s")
		for _, l := range t.Ops {
			peak := ""
			if l.PeakShare > 0 {
				peak = fmt.Sprintf("%.0f %%", 100*l.PeakShare)
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%.1f\t%.1f %%\t%.1f\t%s\t%.1f\n", l.Op, l.Shape, l.Calls, l.US, 100*l.Share, l.GFLOPS, peak, l.GBS)
		}
		w.Flush()
	}
	return s.String() + "\n"
}
