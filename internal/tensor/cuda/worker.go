package cuda

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emblem-search/emblem/internal/tensor"
)

// worker makes all driver calls of one card, in order, on one locked thread: a
// context belongs to a thread. A sticky error ends it: whatever waits and whatever
// comes is answered with that error at once.
type worker struct {
	*driver
	card    Card
	context primary
	lanes   [2]queue
	jobs    chan job
	lost    atomic.Pointer[Error]
	closed  atomic.Bool
	ended   chan struct{}
}

// queue is a lane of the card.
type queue struct {
	stream       stream
	began, ended event // of what was sent last
	timed        *sequence
	replay       bool // and whether that was a graph
	took         time.Duration
	faults       bool // a kernel ran since the last wait that may have set the lane's fault

	mu      sync.Mutex
	pending []launch
}

type job struct {
	run  func() error // nil: the last job
	done chan error
}

var errClosed = errors.New("cuda: the card was given back")

// newWorker takes the card's primary context and makes two streams in it; a search
// goes before what runs in bulk.
func newWorker(d *driver, c Card) (*worker, error) {
	w := &worker{driver: d, card: c, jobs: make(chan job, 64), ended: make(chan struct{})}
	started := make(chan error)
	go w.loop(started)
	if err := <-started; err != nil {
		return nil, fault(err)
	}
	return w, nil
}

func (w *worker) loop(started chan<- error) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
	err := w.begin()
	started <- err
	if err != nil {
		return
	}
	for j := range w.jobs {
		if j.run == nil {
			break
		}
		err := w.state()
		if err == nil {
			err = w.note(j.run())
		}
		j.done <- err
	}
	w.end()
	close(w.ended)
}

// begin is what every other call needs; on failure nothing is left behind.
func (w *worker) begin() (err error) {
	if err := w.check("cuDevicePrimaryCtxRetain", w.Retain(&w.context, w.card.device)); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			w.end()
		}
	}()
	if err := w.check("cuCtxSetCurrent", w.SetCurrent(w.context)); err != nil {
		return err
	}
	var least, greatest int32
	if err := w.check("cuCtxGetStreamPriorityRange", w.Priorities(&least, &greatest)); err != nil {
		return err
	}
	for i, priority := range []int32{tensor.Interactive: greatest, tensor.Bulk: least} {
		q := &w.lanes[i]
		if err := w.check("cuStreamCreateWithPriority", w.NewStream(&q.stream, streamNonBlocking, priority)); err != nil {
			return err
		}
		for _, e := range []*event{&q.began, &q.ended} {
			if err := w.check("cuEventCreate", w.NewEvent(e, eventTimed)); err != nil {
				return err
			}
		}
	}
	return nil
}

// end gives everything back that begin took; a lost context takes it along.
func (w *worker) end() {
	for i := range w.lanes {
		if w.lost.Load() != nil {
			break
		}
		for _, e := range []event{w.lanes[i].began, w.lanes[i].ended} {
			if e != 0 {
				w.EndEvent(e)
			}
		}
		if s := w.lanes[i].stream; s != 0 {
			w.EndStream(s)
		}
	}
	w.Unretain(w.card.device)
}

// do runs f on the card's thread and waits for it.
func (w *worker) do(f func() error) error {
	if err := w.state(); err != nil {
		return err
	}
	j := job{f, make(chan error, 1)}
	select {
	case w.jobs <- j:
	case <-w.ended:
		return errClosed
	}
	select {
	case err := <-j.done:
		return err
	case <-w.ended:
		return errClosed
	}
}

// close gives the card back once what was sent so far has run.
func (w *worker) close() {
	if w.closed.CompareAndSwap(false, true) {
		w.jobs <- job{}
	}
	<-w.ended
}

// note remembers an error after which the card is lost.
func (w *worker) note(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Lost() && w.lost.CompareAndSwap(nil, e) {
		return w.state()
	}
	return fault(err)
}

// state is why the card cannot be used any more, or nil.
func (w *worker) state() error {
	if e := w.lost.Load(); e != nil {
		return fmt.Errorf("cuda: the card %s is lost until emblem is started again: %w", w.card, e)
	}
	if w.closed.Load() {
		return errClosed
	}
	return nil
}
