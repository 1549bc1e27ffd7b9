package models

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Forever is a time to keep weights for that never ends.
const Forever time.Duration = -1

// slice is how long a model may be kept in memory by those who use it while
// another waits for the room.
const slice = time.Second

// Budget bounds the memory that models take together. The weights of a model that
// was opened with one are read when they are used first; they go, the least
// recently used first, when others need the room, or when nobody has used them for
// a while. While they are used they stay.
type Budget struct {
	Log *slog.Logger // of what comes and goes; may be set before the first use

	most int64 // bytes; 0: no bound
	keep time.Duration

	mu     sync.Mutex
	used   int64 // bytes of weights in memory or on their way there
	held   int64 // of them, those of models that stay for good
	all    map[*resident]struct{}
	queue  []*resident   // who waits for room, in turn
	since  time.Time     // when the first of them came to its turn
	change chan struct{} // closed when there may be room
}

// NewBudget makes a budget of that many bytes; 0 sets no bound. keep is how long
// weights stay that nobody uses: Forever, or any negative time, until others need
// the room.
func NewBudget(most int64, keep time.Duration) *Budget {
	return &Budget{Log: slog.New(slog.DiscardHandler), most: most, keep: keep, all: map[*resident]struct{}{}, change: make(chan struct{})}
}

// A TooLargeError says that a model would not fit into its budget alone.
type TooLargeError struct {
	Model        string
	Bytes, Limit int64
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the model %s takes %d MB of memory and there are %d MB for it; start with a larger --memory, or with --dtype int8", e.Model, megabytes(e.Bytes), e.Limit/1e6)
}

// A LoadError says that a model's weights could not be read.
type LoadError struct {
	Model string
	Err   error
}

func (e *LoadError) Error() string {
	return "the weights of the model " + e.Model + " cannot be read: " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *LoadError) Unwrap() error { return e.Err }

// megabytes rounds up, so that what does not fit looks so.
func megabytes(bytes int64) int64 { return (bytes + 1e6 - 1) / 1e6 }

// Hold counts a model that stays in memory for good, beside those that come and go. One
// that does not fit beside the others of its kind is a [*TooLargeError].
func (b *Budget) Hold(model string, bytes int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.most > 0 && bytes > b.room() {
		return &TooLargeError{model, bytes, b.room()}
	}
	b.clear(bytes)
	b.used, b.held = b.used+bytes, b.held+bytes
	return nil
}

// room is what models that come and go may take together. The budget is locked.
func (b *Budget) room() int64 { return b.most - b.held }

// Room is what models that come and go may take together; 0 sets no bound.
func (b *Budget) Room() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.room(), 0)
}

// signal wakes those who wait. The budget is locked.
func (b *Budget) signal() {
	close(b.change)
	b.change = make(chan struct{})
}

// clear makes room for some bytes, by giving up what is used least recently and
// not now; false means that there is not enough of that. The budget is locked.
func (b *Budget) clear(bytes int64) bool {
	for b.most > 0 && b.used+bytes > b.most {
		oldest := b.oldest()
		if oldest == nil {
			return false
		}
		oldest.unload()
	}
	return true
}

// oldest is the model in memory that was used least recently, and is not now.
func (b *Budget) oldest() *resident {
	var oldest *resident
	for r := range b.all {
		if r.model != nil && r.pins == 0 && (oldest == nil || r.last.Before(oldest.last)) {
			oldest = r
		}
	}
	return oldest
}

// owes says whether a model in memory has to leave it to one that has waited for
// long enough. The budget is locked.
func (b *Budget) owes(r *resident) bool {
	return len(b.queue) > 0 && b.queue[0] != r && time.Since(b.since) > slice
}

// enqueue lets a model wait for room, behind those that do already.
func (b *Budget) enqueue(r *resident) {
	if b.queue = append(b.queue, r); len(b.queue) == 1 {
		b.since = time.Now()
	}
	r.queued = true
}

// dequeue ends that: it has room, or gave up.
func (b *Budget) dequeue(r *resident) {
	for i, q := range b.queue {
		if q == r {
			b.queue = append(b.queue[:i:i], b.queue[i+1:]...)
			if i == 0 {
				b.since = time.Now()
			}
		}
	}
	r.queued = false
	b.signal()
}
