package batch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Key names an input by its content.
type Key [sha256.Size]byte

// KeyOf is the key of a text or of bytes.
func KeyOf[S ~string | ~[]byte](s S) Key { return sha256.Sum256([]byte(s)) }

// Options shape a Queue. Zero means the default, but for Key.
type Options[In any] struct {
	Key  func(In) Key  // equal inputs have equal keys
	Size int           // inputs of a batch at most; 16
	Wait time.Duration // how long a batch waits for company; none

	Queue int // inputs that may wait; 1024
	Cache int // results that are remembered; 4096, below 0 none

	// Shared says of an error that it is no input's fault, such as a device that
	// is gone: the batch fails as a whole. nil means that there are none.
	Shared func(error) bool

	// Begin, if not nil, is told who waits for a batch before it is computed. It
	// returns the context to compute it in, a child of the one it gets, and what to
	// do at its end.
	Begin func(context.Context, []Waiter) (context.Context, func())
}

// A Waiter is a caller of Do that waits for inputs of a batch.
type Waiter struct {
	Context context.Context // of its call of Do
	Since   time.Time       // when it came
	First   bool            // it has not waited for a batch before
}

func (o *Options[In]) fill() {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Size, 16)
	def(&o.Queue, 1024)
	def(&o.Cache, 4096)
}

// Result is what became of one input.
type Result[Out any] struct {
	Value Out
	Err   error
}

// ErrClosed is the error of inputs that were waiting when the queue was closed,
// and of those that come later.
var ErrClosed = errors.New("batch: the queue is closed")

// A FullError says that the queue has no room for a caller's inputs.
type FullError struct {
	Inputs, Waiting, Room int
	RetryAfter            time.Duration // an estimate of when there is room
}

func (e *FullError) Error() string {
	return fmt.Sprintf("batch: %d inputs are waiting already and there is room for %d; come again in %s", e.Waiting, e.Room, e.RetryAfter.Round(time.Second))
}

// Stats count what a queue has done.
type Stats struct {
	Waiting int    // inputs that wait now
	Running int    // inputs that are being computed now
	Batches uint64 // that were computed, halves included
	Inputs  uint64 // that were computed
	Joined  uint64 // inputs that somebody else had brought already
	Cached  uint64 // inputs whose result was remembered
	Dropped uint64 // inputs that nobody wanted any more
	Refused uint64 // inputs that found the queue full
	Failed  uint64 // inputs at fault
}

// A Queue joins inputs into batches. Its methods may be called from many
// goroutines.
type Queue[In, Out any] struct {
	Options[In]
	compute func(context.Context, []In) ([]Out, error)
	ended   chan struct{} // closed when the worker has ended

	mu     sync.Mutex
	change sync.Cond // of calls, of closed
	calls  []*call[In, Out]
	flight map[Key]*item[In, Out] // waiting or being computed
	known  *memory[Out]
	faulty *memory[error]
	perIn  time.Duration // what an input takes, smoothed
	stats  Stats
	closed bool
}

// call is what one caller has brought and is not taken yet.
type call[In, Out any] struct {
	items []*item[In, Out]
	since time.Time
}

// item is an input with all who wait for it.
type item[In, Out any] struct {
	key   Key
	in    In
	batch *running // nil while it waits
	want  []*place[In, Out]
}

// place is where a caller waits for the result of an input.
type place[In, Out any] struct {
	by   *Waiter
	item *item[In, Out]
	out  *Result[Out]
	done *sync.WaitGroup
	gone bool // the caller has the result, or gave up
}

// New returns a queue that computes batches by compute, one at a time. compute
// gives an output for each input, in order.
func New[In, Out any](compute func(context.Context, []In) ([]Out, error), o Options[In]) *Queue[In, Out] {
	o.fill()
	q := &Queue[In, Out]{Options: o, compute: compute, ended: make(chan struct{}),
		flight: map[Key]*item[In, Out]{}, known: newMemory[Out](o.Cache, 0), faulty: newMemory[error](faultsKept, faultAge)}
	q.change.L = &q.mu
	go q.work()
	return q
}

// Do computes inputs, some of them perhaps together with those of others, and
// returns a result for each. It is a *FullError if there is no room for all of
// them, and the context's error once that has ended; then nothing is returned.
func (q *Queue[In, Out]) Do(ctx context.Context, inputs []In) ([]Result[Out], error) {
	results := make([]Result[Out], len(inputs))
	keys := make([]Key, len(inputs))
	for i, in := range inputs {
		keys[i] = q.Key(in)
	}
	var done sync.WaitGroup
	places, err := q.enter(&Waiter{ctx, time.Now(), true}, inputs, keys, results, &done)
	if err != nil || len(places) == 0 {
		return results, err
	}
	stop := context.AfterFunc(ctx, func() { q.leave(places) })
	done.Wait()
	stop()
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return results, nil
}

// enter takes what is known from memory and queues the rest.
func (q *Queue[In, Out]) enter(by *Waiter, inputs []In, keys []Key, results []Result[Out], done *sync.WaitGroup) ([]*place[In, Out], error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, ErrClosed
	}
	fresh := q.fresh(keys)
	if room := q.Queue - q.stats.Waiting; fresh > room {
		q.stats.Refused += uint64(len(inputs))
		return nil, &FullError{len(inputs), q.stats.Waiting, room, max(time.Second, q.perIn*time.Duration(q.stats.Waiting))}
	}
	c := &call[In, Out]{since: time.Now()}
	var places []*place[In, Out]
	for i, in := range inputs {
		if q.recall(keys[i], &results[i]) {
			continue
		}
		it := q.flight[keys[i]]
		if it == nil {
			it = &item[In, Out]{key: keys[i], in: in}
			q.flight[keys[i]] = it
			c.items = append(c.items, it)
		} else {
			q.stats.Joined++
		}
		done.Add(1)
		p := &place[In, Out]{by: by, item: it, out: &results[i], done: done}
		it.join(p)
		places = append(places, p)
	}
	if len(c.items) > 0 {
		q.stats.Waiting += len(c.items)
		q.calls = append(q.calls, c)
		q.change.Broadcast()
	}
	return places, nil
}

// fresh counts the keys that would have to wait.
func (q *Queue[In, Out]) fresh(keys []Key) int {
	n := 0
	for _, k := range keys {
		if !q.known.has(k) && !q.faulty.has(k) && q.flight[k] == nil {
			n++
		}
	}
	return n
}

// Has says whether an input of this key would not have to be computed anew: its
// result is known, or on its way.
func (q *Queue[In, Out]) Has(k Key) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.known.has(k) || q.faulty.has(k) || q.flight[k] != nil
}

// recall fills a result that is known already.
func (q *Queue[In, Out]) recall(k Key, r *Result[Out]) bool {
	if v, ok := q.known.get(k); ok {
		r.Value = v
		q.stats.Cached++
		return true
	}
	err, ok := q.faulty.get(k)
	r.Err = err
	return ok
}

// join adds somebody who waits; a batch that is running goes on for them.
func (it *item[In, Out]) join(p *place[In, Out]) {
	it.want = append(it.want, p)
	if it.batch != nil {
		it.batch.wanted++
	}
}

// leave gives places up: their inputs are dropped when it is their turn, or
// their batch is stopped, if nobody else wants them.
func (q *Queue[In, Out]) leave(places []*place[In, Out]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range places {
		if p.gone {
			continue
		}
		if p.item.batch != nil {
			p.item.batch.drop()
		}
		p.leave()
	}
}

// leave lets the caller go.
func (p *place[In, Out]) leave() {
	p.gone = true
	p.done.Done()
}

// settle gives the result to those who still wait. The queue is locked.
func (p *place[In, Out]) settle(r Result[Out]) {
	if p.gone {
		return
	}
	*p.out = r
	p.leave()
}

// Full says whether the queue has no room for another input, and when to come
// again: so that a request can be refused before it is read.
func (q *Queue[In, Out]) Full() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stats.Waiting < q.Queue {
		return nil
	}
	q.stats.Refused++
	return &FullError{1, q.stats.Waiting, 0, max(time.Second, q.perIn*time.Duration(q.stats.Waiting))}
}

// Stats returns the counts.
func (q *Queue[In, Out]) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stats
}

// Close ends the queue when its batch is done; who still waits gets ErrClosed.
func (q *Queue[In, Out]) Close() {
	q.mu.Lock()
	q.closed = true
	q.change.Broadcast()
	q.mu.Unlock()
	<-q.ended
}
