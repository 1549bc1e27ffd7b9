package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// team is the workers: the caller and n−1 goroutines that spin for a moment
// between jobs, since the next op follows within microseconds, and then park.
type team struct {
	n      int
	job    atomic.Pointer[job]
	parked []chan struct{} // a worker waits on its own while its flag is up
	flags  []atomic.Bool
	closed atomic.Bool
}

// job is a set of tasks, taken one by one.
type job struct {
	f          func(worker, task int)
	tasks      int32
	next, done atomic.Int32
	panicked   atomic.Pointer[any]
}

// spins of about 40 ns: how long a worker waits awake, and how long a caller
// waits before it lets others run.
const spins = 1000

func newTeam(n int) *team {
	t := &team{n: n, parked: make([]chan struct{}, n), flags: make([]atomic.Bool, n)}
	for i := 1; i < n; i++ {
		t.parked[i] = make(chan struct{}, 1)
		go t.work(i)
	}
	return t
}

// run calls f(worker, task) for every task below n and returns when all are done.
// Which worker takes which task is open; f must not depend on it.
func (t *team) run(tasks int, f func(worker, task int)) {
	if tasks <= 1 || t.n == 1 {
		for i := range tasks {
			f(0, i)
		}
		return
	}
	j := &job{f: f, tasks: int32(tasks)}
	t.job.Store(j)
	for i := 1; i < min(t.n, tasks); i++ {
		if t.flags[i].CompareAndSwap(true, false) {
			t.parked[i] <- struct{}{}
		}
	}
	j.take(0)
	for spin := 0; j.done.Load() != j.tasks; spin++ {
		if simd.Pause(8); spin > spins {
			runtime.Gosched()
		}
	}
	if p := j.panicked.Load(); p != nil {
		panic(*p)
	}
}

// take does tasks until none is left.
func (j *job) take(worker int) {
	for {
		i := j.next.Add(1) - 1
		if i >= j.tasks {
			return
		}
		j.call(worker, int(i))
	}
}

// call does one task. A panic is kept for the caller of run.
func (j *job) call(worker, task int) {
	defer j.done.Add(1)
	defer func() {
		if p := recover(); p != nil {
			j.panicked.Store(&p)
		}
	}()
	j.f(worker, task)
}

func (t *team) work(worker int) {
	var last *job
	for !t.closed.Load() {
		j := t.await(worker, last)
		if j != nil && j != last {
			j.take(worker)
		}
		last = j
	}
}

// await returns the current job once it is not last, or last after being woken.
func (t *team) await(worker int, last *job) *job {
	for range spins {
		if j := t.job.Load(); j != last {
			return j
		}
		simd.Pause(8)
	}
	t.flags[worker].Store(true)
	if j := t.job.Load(); (j != last || t.closed.Load()) && t.flags[worker].CompareAndSwap(true, false) {
		return j
	}
	<-t.parked[worker]
	return t.job.Load()
}

// stop ends the workers.
func (t *team) stop() {
	t.closed.Store(true)
	for i := 1; i < t.n; i++ {
		if t.flags[i].CompareAndSwap(true, false) {
			t.parked[i] <- struct{}{}
		}
	}
}

// turn is a lock that the interactive lane gets first.
type turn struct {
	mu      sync.Mutex
	waiting atomic.Int32
}

func (t *turn) lock(lane tensor.Lane) {
	if lane == tensor.Interactive {
		t.waiting.Add(1)
		t.mu.Lock()
		t.waiting.Add(-1)
		return
	}
	for {
		t.mu.Lock()
		if t.waiting.Load() == 0 {
			return
		}
		t.mu.Unlock()
		runtime.Gosched()
	}
}

func (t *turn) unlock() { t.mu.Unlock() }
