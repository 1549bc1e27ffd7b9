package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/emblem-search/emblem/internal/device"
	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/tensor/dry"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/vit"
)

// Options for Tower.
type Options struct {
	Arch   string
	Device string        // "" or "auto", "cpu"
	DType  string        // "" or "auto", "f32", …
	Batch  int           // 0: 1
	Tokens int           // of each text or prompt; 0: as many as there are positions, 87 of a prompt
	Reduce vit.Reduce    // of a picture's sequence
	For    time.Duration // at least; 0: 3 s
}

// Result of Tower.
type Result struct {
	Arch      string  `json:"arch"`
	Batch     int     `json:"batch"`
	Tokens    int     `json:"tokens"` // of one picture or text
	DType     string  `json:"dtype"`
	MS        float64 `json:"ms"` // median of a batch
	MinMS     float64 `json:"min_ms"`
	PerSecond float64 `json:"per_s"` // pictures or texts, by the median
	GFLOPS    float64 `json:"gflops"`
	PeakShare float64 `json:"peak_share"`
	Peak      float64 `json:"peak_gflops"` // of the weights' dtype
	Runs      int     `json:"runs"`
	Bytes     int     `json:"weight_bytes"`
	Machine
}

// Machine is where figures were taken.
type Machine struct {
	Device  string `json:"device"`
	Kernels string `json:"kernels"`
	Workers int    `json:"workers"`
}

// encoder is a loaded tower, ready to encode one batch.
type encoder interface {
	DType() string
	Bytes() int
	Close() error
}

// Tower times an encoder from inputs in memory to vectors in memory.
func Tower(ctx context.Context, o Options) (Result, error) {
	a, err := find(o.Arch)
	if err == nil {
		err = o.fill(a)
	}
	if err != nil {
		return Result{}, err
	}
	m, rates, err := machine(o.Device)
	if err != nil {
		return Result{}, err
	}
	dir, err := os.MkdirTemp("", "emblem-bench-")
	if err != nil {
		return Result{}, fmt.Errorf("bench: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := a.write(dir); err != nil {
		return Result{}, err
	}
	flops, err := a.flops(ctx, dir, o)
	if err != nil {
		return Result{}, err
	}
	r := Result{Arch: o.Arch, Batch: o.Batch, Tokens: o.Tokens, Machine: m}
	return r.measure(ctx, a, dir, o, rates, flops)
}

// fill sets what o leaves out.
func (o *Options) fill(a Arch) error {
	if o.Batch == 0 {
		o.Batch = 1
	}
	if o.For == 0 {
		o.For = 3 * time.Second
	}
	switch {
	case o.Batch < 0 || o.For < 0:
		return errors.New("bench: batch and seconds must be positive")
	case a.layout == llama:
		return o.fillPrompt()
	case a.layout != clipText && o.Tokens != 0 && o.Tokens != a.tokens():
		return fmt.Errorf("bench: a picture of %s is %d tokens; tokens are for texts", o.Arch, a.tokens())
	case a.layout != clipText:
		o.Tokens = a.tokens()
	case o.Tokens == 0:
		o.Tokens = positions
	case o.Tokens < 0 || o.Tokens > positions:
		return fmt.Errorf("bench: %d tokens; %s takes 1 to %d", o.Tokens, o.Arch, positions)
	}
	return nil
}

// fillPrompt is fill for language models.
func (o *Options) fillPrompt() error {
	if o.Tokens == 0 {
		o.Tokens = defaultPrompt
	}
	if most := longest - stretch; o.Tokens < 0 || o.Tokens > most {
		return fmt.Errorf("bench: a prompt of %d tokens; %s takes 1 to %d", o.Tokens, o.Arch, most)
	}
	return nil
}

// rates say what a device could reach.
type rates struct {
	peak func(tensor.Kind) float64 // GFLOP/s of weights of a kind
	bf16 bool                      // attention in bf16 has bf16's peak
}

// machine opens the device and names it.
func machine(name string) (Machine, rates, error) {
	dev, err := device.Open(name)
	if err != nil {
		return Machine{}, rates{}, err
	}
	place, _, _ := strings.Cut(dev.Name(), " ")
	switch b := dev.Backend().(type) {
	case interface {
		Kernels() *simd.Kernels
		Workers() int
	}:
		k, n := b.Kernels(), b.Workers()
		return Machine{Device: place, Kernels: k.Name, Workers: n},
			rates{func(kind tensor.Kind) float64 { return Peak(k, kind, n) }, k.BF16 != nil}, nil
	case interface {
		Target() string
		Processors() int
		Peak(tensor.Kind) float64
	}:
		return Machine{Device: dev.Name(), Kernels: b.Target(), Workers: b.Processors()}, rates{b.Peak, true}, nil
	}
	return Machine{}, rates{}, fmt.Errorf("bench: there is no time to take on device %s", dev.Name())
}

// flops runs the tower on the backend that counts.
func (a Arch) flops(ctx context.Context, dir string, o Options) (int, error) {
	o.Device = "dry"
	dev, err := device.Open(o.Device)
	if err != nil {
		return 0, err
	}
	counter := dev.Backend().(*dry.Backend)
	if a.layout == llama {
		return a.decoderFLOPs(ctx, dir, o, counter)
	}
	e, pass, err := a.load(ctx, dir, o)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	counter.Reset()
	err = pass()
	return counter.Report().FLOPs, err
}

// measure loads the tower and takes its time.
func (r Result) measure(ctx context.Context, a Arch, dir string, o Options, rates rates, flops int) (Result, error) {
	e, pass, err := a.load(ctx, dir, o)
	if err != nil {
		return r, err
	}
	defer e.Close()
	debug.FreeOSMemory()
	times, err := repeat(o.For, pass)
	if err != nil {
		return r, err
	}
	kind, err := tensor.ParseKind(e.DType())
	if err != nil {
		return r, err
	}
	r.DType, r.Bytes, r.Runs = e.DType(), e.Bytes(), len(times)
	r.MS, r.MinMS = milliseconds(median(times)), milliseconds(times[0])
	r.PerSecond = float64(o.Batch) / median(times).Seconds()
	r.GFLOPS = float64(flops) / median(times).Seconds() / 1e9
	r.Peak = rates.peak(kind)
	r.PeakShare = r.GFLOPS / r.Peak
	return r, nil
}

// load opens the folder as any model's and returns one forward pass of a batch.
func (a Arch) load(ctx context.Context, dir string, o Options) (encoder, func() error, error) {
	if a.layout == llama {
		return a.loadDecoder(ctx, dir, o)
	}
	if a.layout == clipText {
		e, err := text.LoadEncoder(ctx, dir, text.EncoderOptions{Device: o.Device, DType: o.DType})
		if err != nil {
			return nil, nil, err
		}
		texts := texts(o.Batch, o.Tokens)
		return e, func() error { _, err := e.Embed(ctx, texts); return err }, nil
	}
	e, err := vit.Load(ctx, dir, vit.Options{Device: o.Device, DType: o.DType, Reduce: o.Reduce})
	if err != nil {
		return nil, nil, err
	}
	px := pictures(o.Batch, a.side)
	return e, func() error { _, err := e.Embed(ctx, px, vit.Own); return err }, nil
}

// texts are random tokens with an end that keeps all of them.
func texts(n, tokens int) [][]int32 {
	r := rand.New(rand.NewPCG(3, 4))
	all := make([][]int32, n)
	for i := range all {
		all[i] = make([]int32, tokens)
		for j := range all[i] {
			all[i][j] = int32(r.IntN(vocabulary - 2))
		}
		all[i][tokens-1] = vocabulary - 1
	}
	return all
}

func pictures(n, side int) []vit.Pixels {
	r := rand.New(rand.NewPCG(5, 6))
	all := make([]vit.Pixels, n)
	for i := range all {
		all[i] = vit.Pixels{W: side, H: side, RGB: make([]byte, 3*side*side)}
		for j := range all[i].RGB {
			all[i].RGB[j] = byte(r.Uint32())
		}
	}
	return all
}
