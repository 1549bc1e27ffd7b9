package models

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emblem-search/emblem/fusion"
)

// resident is a model whose weights come and go. Everything below the budget is
// under its lock.
type resident struct {
	budget *Budget
	shell  *fusion.DualEncoder // the model without its weights
	files  string              // what the folder looked like when it was opened
	place  place

	model   *fusion.DualEncoder // nil while the weights are not in memory
	bytes   int64               // of them, as far as is known
	flight  *flight             // the loading that is under way
	queued  bool                // it waits for room
	pins    int                 // uses that are under way
	last    time.Time           // the end of the last use
	keep    time.Duration       // after the use that is the last
	expires time.Time           // zero for never
	timer   *time.Timer
	loads   int
	closed  bool
}

// flight is one loading that many may wait for.
type flight struct {
	done chan struct{}
	err  error
}

var (
	errClosed = errors.New("models: the model is closed")
	// ErrAsleep says that a quiet use found no weights in memory.
	ErrAsleep = errors.New("models: the model is not in memory")
)

// fresh is how long weights stay at least that were just read.
const fresh = 5 * time.Second

type quiet struct{}

// Quiet returns a context whose uses of models are for looking only: they load
// nothing, which is ErrAsleep, and do not count as uses.
func Quiet(ctx context.Context) context.Context { return context.WithValue(ctx, quiet{}, true) }

func isQuiet(ctx context.Context) bool { return ctx.Value(quiet{}) != nil }

// newResident adds an open model without weights to a budget.
func newResident(b *Budget, p place, shell *fusion.DualEncoder) *resident {
	r := &resident{budget: b, shell: shell, place: p, files: p.stamp(), keep: b.keep, bytes: expected(shell)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all[r] = struct{}{}
	return r
}

// expected is what a model's weights will take, before they are read.
func expected(m *fusion.DualEncoder) int64 {
	bits := map[string]int64{"f16": 16, "bf16": 16, "int8": 8, "int4": 5, "int4-32": 5, "int4-128": 5}[m.DType()]
	if bits == 0 {
		bits = 32
	}
	return bits * int64(m.Parameters()) / 8
}

// use brings the weights into memory and holds them there until release.
func (r *resident) use(ctx context.Context) (m *fusion.DualEncoder, release func(), err error) {
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		if r.model != nil && (isQuiet(ctx) || !b.owes(r)) {
			return r.model, r.pin(isQuiet(ctx)), nil
		}
		if err := r.mayLoad(ctx); err != nil {
			return nil, nil, err
		}
		if err := r.wait(ctx, r.approach()); err != nil {
			return nil, nil, err
		}
	}
}

// mayLoad says why the weights cannot be read.
func (r *resident) mayLoad(ctx context.Context) error {
	switch {
	case r.closed:
		return errClosed
	case isQuiet(ctx):
		return ErrAsleep
	case r.budget.most > 0 && r.bytes > r.budget.room():
		return &TooLargeError{r.shell.Name(), r.bytes, r.budget.room()}
	}
	return nil
}

// approach begins to load if there is room and nobody does so, and returns the
// loading to wait for, nil if it is room that has to be waited for.
func (r *resident) approach() *flight {
	b := r.budget
	if r.model != nil || r.flight != nil {
		return r.flight
	}
	if first := len(b.queue) == 0 || b.queue[0] == r; first && b.clear(r.bytes) {
		if r.queued {
			b.dequeue(r)
		}
		b.used += r.bytes
		r.flight = &flight{done: make(chan struct{})}
		go r.load(r.flight)
	} else if !r.queued {
		b.enqueue(r)
	}
	return r.flight
}

// wait waits for a loading, or for room. The lock is given up meanwhile.
func (r *resident) wait(ctx context.Context, f *flight) error {
	b := r.budget
	event := b.change
	if f != nil {
		event = f.done
	}
	b.mu.Unlock()
	select {
	case <-event:
	case <-ctx.Done():
	}
	b.mu.Lock()
	if ctx.Err() != nil {
		if r.queued { // another who waits for this model queues anew
			b.dequeue(r)
		}
		return context.Cause(ctx)
	}
	if f != nil {
		return f.err
	}
	return nil
}

// load reads the weights. It goes on if those who asked for it have left.
func (r *resident) load(f *flight) {
	start := time.Now()
	model, err := r.read()
	b := r.budget
	if err != nil {
		err = &LoadError{r.shell.Name(), err}
		b.Log.Error("a model cannot be loaded", "model", r.shell.Name(), "error", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	defer close(f.done)
	defer b.signal()
	b.used -= r.bytes
	r.flight = nil
	if err == nil {
		r.bytes = int64(model.Bytes())
		b.Log.Info("a model is in memory", "model", r.shell.Name(), "megabytes", megabytes(r.bytes), "took", time.Since(start).Round(time.Millisecond))
		err = r.settle(model)
	}
	f.err = err
}

// settle keeps weights that were read, if they may stay.
func (r *resident) settle(model *fusion.DualEncoder) error {
	b := r.budget
	if r.closed || b.most > 0 && r.bytes > b.room() {
		model.Close()
		if r.closed {
			return errClosed
		}
		return &TooLargeError{r.shell.Name(), r.bytes, b.room()}
	}
	b.clear(r.bytes) // what was expected may have been less
	b.used += r.bytes
	r.model, r.last = model, time.Now()
	r.loads++
	if b.keep >= 0 {
		r.rest(max(b.keep, fresh)) // who waited for it has to get hold of it
	}
	return nil
}

// read opens the folder again and reads all weights.
func (r *resident) read() (*fusion.DualEncoder, error) {
	if r.place.stamp() != r.files {
		return nil, errors.New("its files have changed since it was opened; start again")
	}
	model, err := r.shell.Reopen(context.Background())
	if err != nil {
		return nil, err
	}
	if err := model.Ready(); err != nil {
		model.Close()
		return nil, err
	}
	return model, nil
}

// pin counts a use.
func (r *resident) pin(quiet bool) (release func()) {
	r.pins++
	if !quiet {
		r.keep, r.expires = r.budget.keep, time.Time{}
	}
	return func() {
		r.budget.mu.Lock()
		defer r.budget.mu.Unlock()
		r.pins--
		if !quiet {
			r.last = time.Now()
			r.rest(r.keep)
		}
		r.free()
	}
}

// rest sets the end of weights that are not used, from now on.
func (r *resident) rest(keep time.Duration) {
	r.expires = time.Time{}
	if keep < 0 {
		return
	}
	r.expires = time.Now().Add(keep)
	if r.timer == nil {
		r.timer = time.AfterFunc(keep, r.expire)
	} else {
		r.timer.Reset(keep)
	}
}

func (r *resident) expire() {
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	r.free()
}

// free gives the weights up if nobody uses them and their time is over, and lets
// others see whether there is room.
func (r *resident) free() {
	if r.pins > 0 {
		return
	}
	over := !r.expires.IsZero() && !time.Now().Before(r.expires)
	if r.model != nil && (over || r.closed) {
		r.unload()
	}
	r.budget.signal()
}

// unload gives the weights up, which nobody uses. The budget is locked.
func (r *resident) unload() {
	r.budget.Log.Info("a model leaves the memory", "model", r.shell.Name())
	r.model.Close()
	r.model, r.expires = nil, time.Time{}
	r.budget.used -= r.bytes
}

// keepAlive says how long the weights stay after their last use; the next use
// forgets it.
func (r *resident) keepAlive(d time.Duration) {
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	r.keep = d
	if r.model != nil && r.pins == 0 {
		r.rest(d)
		r.free()
	}
}

// close gives the model up, after the uses that are under way.
func (r *resident) close() error {
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	r.closed = true
	delete(b.all, r)
	if r.timer != nil {
		r.timer.Stop()
	}
	r.free()
	return r.shell.Close()
}

// Memory is what a model takes of it.
type Memory struct {
	Loaded  bool
	Bytes   int64     // that its weights take, or would take
	Expires time.Time // when they go, if nobody uses them; zero: not by themselves
	Loads   int       // how often they were read
}

func (r *resident) memory() Memory {
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	return Memory{r.model != nil, r.bytes, r.expires, r.loads}
}

// stamp is what a folder's files look like from outside; "" for the built-in model.
func (p place) stamp() string {
	if p.builtin != "" {
		return ""
	}
	var out strings.Builder
	fs.WalkDir(os.DirFS(p.dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := os.Stat(filepath.Join(p.dir, filepath.FromSlash(path))); err == nil {
			fmt.Fprintf(&out, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return out.String()
}
