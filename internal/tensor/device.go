package tensor

import (
	"context"
	"fmt"
	"runtime/debug"
)

// Device is a backend with its two lanes. It is safe for concurrent use: runs
// of one lane queue up, runs of different lanes interleave op by op.
type Device struct {
	backend Backend
	lanes   [lanes]lane
}

type lane struct {
	turn  chan struct{} // holds one token while the lane is free
	arena arena
}

// NewDevice wraps a backend.
func NewDevice(b Backend) *Device {
	d := &Device{backend: b}
	for i := range d.lanes {
		d.lanes[i].turn = make(chan struct{}, 1)
		d.lanes[i].turn <- struct{}{}
		d.lanes[i].arena.backend = b
	}
	return d
}

// Backend is what executes this device's ops.
func (d *Device) Backend() Backend { return d.backend }

// Name is the backend's name.
func (d *Device) Name() string { return d.backend.Name() }

// Run executes f on a lane, after the lane's earlier runs. The stream and all
// tensors made on it end with f. An op whose operands do not fit panics in f
// and comes back as the error; so does a cancelled ctx, checked before each op.
func (d *Device) Run(ctx context.Context, ln Lane, f func(*Stream) error) (err error) {
	if ctx.Value(yielding{}) != nil {
		ln = Bulk
	}
	l := &d.lanes[ln]
	select {
	case <-l.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	s := &Stream{ctx: ctx, device: d, lane: ln, arena: &l.arena}
	defer func() {
		if r := recover(); r != nil {
			err = recovered(r)
		}
		if late := d.backend.Sync(ln); err == nil { // the run's own errors, and nobody else's
			err = late
		}
		l.arena.reset()
		l.turn <- struct{}{}
	}()
	if err := f(s); err != nil && s.err == nil {
		return err
	}
	return s.Err()
}

type yielding struct{}

// Yield returns a context whose runs take the bulk lane, whatever lane they name:
// so that one set of weights serves both.
func Yield(ctx context.Context) context.Context { return context.WithValue(ctx, yielding{}, true) }

// recovered turns a panic of forward code into an error; one that is not from an
// op carries its stack, since nothing else will show where it was.
func recovered(r any) error {
	if o, ok := r.(opPanic); ok {
		return o.err
	}
	return fmt.Errorf("tensor: forward pass panicked: %v\n%s", r, debug.Stack())
}

type opPanic struct{ err error }

// Peak is the most working memory, in bytes, that a lane's runs have needed.
func (d *Device) Peak(ln Lane) int {
	l := &d.lanes[ln]
	<-l.turn
	defer func() { l.turn <- struct{}{} }()
	return l.arena.peak
}

// Trim gives the lanes' idle working memory back to the system.
func (d *Device) Trim() {
	for i := range d.lanes {
		l := &d.lanes[i]
		<-l.turn
		l.arena.free()
		l.arena.peak = 0
		l.turn <- struct{}{}
	}
}
