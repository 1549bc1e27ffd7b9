package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/emblem-search/emblem/fusion"
)

// LoadOptions for Load.
type LoadOptions struct {
	Dir    string
	Device string // "" or "auto", "cpu"
	DType  string // "" or "auto", "f32", …
	Cold   bool   // also with the files out of the system's cache, where it can be asked for that
	Rounds int    // 0: 3
}

// LoadResult says how long a folder's bytes take to be read and its weights to be
// ready, in turns; medians.
type LoadResult struct {
	DType      string  `json:"dtype"`
	FileBytes  int64   `json:"file_bytes"`
	Bytes      int     `json:"weight_bytes"`
	PeakBytes  int64   `json:"peak_bytes,omitempty"` // of the process, more than before the first load; 0 where that is not known
	ReadMS     float64 `json:"read_ms"`
	LoadMS     float64 `json:"load_ms"`
	ColdReadMS float64 `json:"cold_read_ms,omitempty"`
	ColdLoadMS float64 `json:"cold_load_ms,omitempty"`
	Machine
}

// Load times the loading of a folder against the mere reading of its files.
func Load(ctx context.Context, o LoadOptions) (LoadResult, error) {
	m, _, err := machine(o.Device)
	if err != nil {
		return LoadResult{}, err
	}
	files, err := filepath.Glob(filepath.Join(o.Dir, "*.safetensors"))
	if err != nil || len(files) == 0 {
		return LoadResult{}, fmt.Errorf("bench: no .safetensors in %s", o.Dir)
	}
	r := LoadResult{Machine: m}
	before := resident("VmRSS")
	if err := r.load(ctx, o); err != nil {
		return r, err
	}
	if peak := resident("VmHWM"); peak > 0 {
		r.PeakBytes = peak - before
	}
	if r.FileBytes, err = readAll(files); err != nil {
		return r, err
	}
	load := func() error { return r.load(ctx, o) }
	read := func() error { _, err := readAll(files); return err }
	if r.ReadMS, r.LoadMS, err = turns(o.Rounds, read, load, nil); err == nil && o.Cold {
		r.ColdReadMS, r.ColdLoadMS, err = turns(o.Rounds, read, load, func() error { return forget(files) })
	}
	return r, err
}

// load opens the model and reads all of its weights.
func (r *LoadResult) load(ctx context.Context, o LoadOptions) error {
	m, err := fusion.Load(ctx, o.Dir, fusion.Options{Device: o.Device, DType: o.DType})
	if err != nil {
		return err
	}
	r.DType, r.Bytes = m.DType(), m.Bytes()
	return m.Close()
}

// readAll reads files one after the other, as a copy would.
func readAll(files []string) (n int64, err error) {
	buf := make([]byte, 1<<20)
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return n, err
		}
		more, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, buf)
		f.Close()
		if n += more; err != nil {
			return n, err
		}
	}
	return n, nil
}

// turns times two things in turns, each after before; medians in milliseconds.
func turns(rounds int, a, b, before func() error) (first, second float64, err error) {
	if rounds == 0 {
		rounds = 3
	}
	var times [2][]time.Duration
	for range rounds {
		for i, f := range []func() error{a, b} {
			if before != nil {
				if err := before(); err != nil {
					return 0, 0, err
				}
			}
			start := time.Now()
			if err := f(); err != nil {
				return 0, 0, err
			}
			times[i] = append(times[i], time.Since(start))
		}
	}
	slices.Sort(times[0])
	slices.Sort(times[1])
	return milliseconds(median(times[0])), milliseconds(median(times[1])), nil
}
