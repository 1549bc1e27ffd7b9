package batch

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// running is a batch that is being computed.
type running struct {
	wanted int // places that are not given up
	cancel context.CancelFunc
}

// drop counts a place that was given up; a batch that nobody wants is stopped.
func (r *running) drop() {
	if r.wanted--; r.wanted == 0 {
		r.cancel()
	}
}

// verdict is what became of a batch, halves and all.
type verdict struct {
	good   int
	faults map[Key]error // of inputs that failed alone
}

// work computes batch after batch until the queue is closed.
func (q *Queue[In, Out]) work() {
	defer close(q.ended)
	for {
		ctx, batch := q.gather()
		if batch == nil {
			return
		}
		start := time.Now()
		v := verdict{faults: map[Key]error{}}
		ctx, end := q.begin(ctx, batch)
		q.run(ctx, batch, &v)
		end()
		q.mu.Lock()
		q.stats.Running = 0
		per := time.Since(start) / time.Duration(len(batch))
		q.perIn += (per - q.perIn) / 4
		q.mu.Unlock()
	}
}

// gather waits for inputs and takes a batch of them; nil means that the queue is
// closed.
func (q *Queue[In, Out]) gather() (context.Context, []*item[In, Out]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for len(q.calls) == 0 && !q.closed {
			q.change.Wait()
		}
		if q.closed {
			q.turnAway()
			return nil, nil
		}
		q.company()
		if ctx, batch := q.take(); len(batch) > 0 {
			return ctx, batch
		}
	}
}

// company waits until a batch is full or its first input has waited long enough.
func (q *Queue[In, Out]) company() {
	if q.Wait <= 0 {
		return
	}
	end := q.calls[0].since.Add(q.Wait)
	timer := time.AfterFunc(time.Until(end), func() {
		q.mu.Lock() // else it could ring between the look at the clock and the wait
		defer q.mu.Unlock()
		q.change.Broadcast()
	})
	defer timer.Stop()
	for q.stats.Waiting < q.Size && time.Now().Before(end) && !q.closed {
		q.change.Wait()
	}
}

// take takes up to Size inputs, one of each caller in turn, and drops those that
// nobody wants any more.
func (q *Queue[In, Out]) take() (context.Context, []*item[In, Out]) {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{cancel: cancel}
	var batch []*item[In, Out]
	for len(q.calls) > 0 && len(batch) < q.Size {
		c := q.calls[0]
		q.calls = q.calls[1:]
		it := c.items[0]
		if c.items = c.items[1:]; len(c.items) > 0 {
			q.calls = append(q.calls, c)
		}
		q.stats.Waiting--
		wanted := it.wanted()
		if wanted == 0 {
			delete(q.flight, it.key)
			q.stats.Dropped++
			continue
		}
		r.wanted += wanted
		it.batch = r
		batch = append(batch, it)
	}
	if len(batch) == 0 {
		cancel()
	}
	q.stats.Running = len(batch)
	return ctx, batch
}

// begin tells Begin who waits for a batch, each caller once.
func (q *Queue[In, Out]) begin(ctx context.Context, batch []*item[In, Out]) (context.Context, func()) {
	if q.Begin == nil {
		return ctx, func() {}
	}
	q.mu.Lock()
	told := map[*Waiter]bool{}
	var list []Waiter
	for _, it := range batch {
		for _, p := range it.want {
			if p.gone || told[p.by] {
				continue
			}
			told[p.by] = true
			list = append(list, *p.by)
			p.by.First = false
		}
	}
	q.mu.Unlock()
	return q.Begin(ctx, list)
}

// wanted counts those who wait for it still.
func (it *item[In, Out]) wanted() int {
	n := 0
	for _, p := range it.want {
		if !p.gone {
			n++
		}
	}
	return n
}

// turnAway settles what waits in a queue that is closed.
func (q *Queue[In, Out]) turnAway() {
	for _, c := range q.calls {
		for _, it := range c.items {
			q.settle(it, Result[Out]{Err: ErrClosed})
		}
	}
	q.calls, q.stats.Waiting = nil, 0
}

// run computes inputs. If that fails, it halves them until the one at fault is
// alone.
func (q *Queue[In, Out]) run(ctx context.Context, batch []*item[In, Out], v *verdict) {
	inputs := make([]In, len(batch))
	for i, it := range batch {
		inputs[i] = it.in
	}
	outs, err := q.guarded(ctx, inputs)
	whole := err != nil && (len(batch) == 1 || ctx.Err() != nil || q.shared(err))
	if err != nil && !whole {
		half := len(batch) / 2
		q.run(ctx, batch[:half], v)
		q.run(ctx, batch[half:], v)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats.Batches++
	q.stats.Inputs += uint64(len(batch))
	for i, it := range batch {
		if err != nil {
			q.failed(ctx, it, err, v)
			continue
		}
		v.good++
		q.known.put(it.key, outs[i])
		q.settle(it, Result[Out]{Value: outs[i]})
	}
	q.quarantine(v)
}

// quarantine remembers the inputs at fault, so that they do not spoil another batch.
// Where nothing succeeded beside them the fault may be the machine's, and they have a
// chance again. The queue is locked.
func (q *Queue[In, Out]) quarantine(v *verdict) {
	if v.good == 0 {
		return
	}
	for k, err := range v.faults {
		q.faulty.put(k, err)
	}
	clear(v.faults)
}

// failed settles an input that has no output. One that fails by itself is at fault,
// if others did not; one whose batch was stopped, and that somebody joined just then,
// waits again. The queue is locked.
func (q *Queue[In, Out]) failed(ctx context.Context, it *item[In, Out], err error, v *verdict) {
	switch {
	case ctx.Err() != nil && it.wanted() > 0:
		it.batch = nil
		q.stats.Waiting++
		q.calls = append(q.calls, &call[In, Out]{items: []*item[In, Out]{it}, since: time.Now()})
		return
	case ctx.Err() == nil && !q.shared(err):
		q.stats.Failed++
		v.faults[it.key] = err
	}
	q.settle(it, Result[Out]{Err: err})
}

func (q *Queue[In, Out]) shared(err error) bool { return q.Shared != nil && q.Shared(err) }

// settle gives an input's result to all who wait for it. The queue is locked.
func (q *Queue[In, Out]) settle(it *item[In, Out], r Result[Out]) {
	delete(q.flight, it.key)
	for _, p := range it.want {
		p.settle(r)
	}
}

// guarded calls compute; a panic is an error, and so is an answer of another
// length.
func (q *Queue[In, Out]) guarded(ctx context.Context, inputs []In) (outs []Out, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("batch: the computation panicked: %v\n%s", p, debug.Stack())
		}
	}()
	outs, err = q.compute(ctx, inputs)
	if err == nil && len(outs) != len(inputs) {
		err = fmt.Errorf("batch: %d outputs for %d inputs", len(outs), len(inputs))
	}
	return outs, err
}
