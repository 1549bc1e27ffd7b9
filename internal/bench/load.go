package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/weights"
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
	CachedMS   float64 `json:"cached_ms"` // with packed weights in the cache
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
	if err := r.load(ctx, o, ""); err != nil {
		return r, err
	}
	if peak := resident("VmHWM"); peak > 0 {
		r.PeakBytes = peak - before
	}
	if r.FileBytes, err = readAll(files); err != nil {
		return r, err
	}
	load := func() error { return r.load(ctx, o, "") }
	read := func() error { _, err := readAll(files); return err }
	if r.ReadMS, r.LoadMS, err = turns(o.Rounds, read, load, nil); err == nil && o.Cold {
		r.ColdReadMS, r.ColdLoadMS, err = turns(o.Rounds, read, load, func() error { return forget(files) })
	}
	if err == nil {
		err = r.cached(ctx, o, read)
	}
	return r, err
}

// cached times loading with a cache, which has to be filled first.
func (r *LoadResult) cached(ctx context.Context, o LoadOptions, read func() error) error {
	dir, err := os.MkdirTemp("", "emblem-bench-")
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := r.load(ctx, o, dir); err != nil {
		return err
	}
	cache := weights.CacheAt(dir)
	cache.Wait(ctx)
	files, err := filepath.Glob(filepath.Join(dir, "packed", "*"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("bench: nothing of %s is kept", o.Dir)
	}
	if err == nil {
		err = settle(files) // it is the reading that is timed
	}
	if err == nil {
		_, r.CachedMS, err = turns(o.Rounds, read, func() error { return r.load(ctx, o, dir) }, nil)
	}
	return err
}

// settle has files on the disk.
func settle(files []string) error {
	for _, name := range files {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// load opens the model and reads all of its weights.
func (r *LoadResult) load(ctx context.Context, o LoadOptions, cache string) error {
	m, err := fusion.Load(ctx, o.Dir, fusion.Options{Device: o.Device, DType: o.DType, Cache: cache})
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
