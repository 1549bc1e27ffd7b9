package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// bench is a computation that can be held and that writes down its batches.
type bench struct {
	mu      sync.Mutex
	batches [][]string
	gate    chan struct{} // a batch waits for one value; nil: none waits
	fail    func([]string) error
}

func (b *bench) compute(ctx context.Context, in []string) ([]string, error) {
	if b.gate != nil {
		select {
		case <-b.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	b.mu.Lock()
	b.batches = append(b.batches, slices.Clone(in))
	b.mu.Unlock()
	if b.fail != nil {
		if err := b.fail(in); err != nil {
			return nil, err
		}
	}
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = strings.ToUpper(s)
	}
	return out, nil
}

func (b *bench) seen() [][]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.batches)
}

func newQueue(t *testing.T, b *bench, o Options[string]) *Queue[string, string] {
	o.Key = KeyOf[string]
	q := New(b.compute, o)
	t.Cleanup(q.Close)
	return q
}

// until waits for a state that other goroutines bring about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 5000 {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("never came: %s", what)
}

type answer struct {
	results []Result[string]
	err     error
}

func ask(q *Queue[string, string], ctx context.Context, in ...string) chan answer {
	c := make(chan answer, 1)
	go func() {
		r, err := q.Do(ctx, in)
		c <- answer{r, err}
	}()
	return c
}

func (a answer) String() string {
	var s []string
	for _, r := range a.results {
		if r.Err != nil {
			s = append(s, "!"+r.Err.Error())
			continue
		}
		s = append(s, r.Value)
	}
	return fmt.Sprint(s, a.err)
}

func TestCallersShareBatchesInTurn(t *testing.T) {
	b := &bench{gate: make(chan struct{})}
	q := newQueue(t, b, Options[string]{Size: 4})
	first := ask(q, t.Context(), "hold")
	until(t, "the first batch", func() bool { return q.Stats().Running == 1 })
	long := ask(q, t.Context(), "a", "b", "c", "d", "e", "f")
	until(t, "the long list", func() bool { return q.Stats().Waiting == 6 })
	short := ask(q, t.Context(), "x")
	until(t, "the short list", func() bool { return q.Stats().Waiting == 7 })
	close(b.gate)
	for want, c := range map[string]chan answer{"[HOLD] <nil>": first, "[A B C D E F] <nil>": long, "[X] <nil>": short} {
		if got := (<-c).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := fmt.Sprint(b.seen()); got != "[[hold] [a x b c] [d e f]]" {
		t.Errorf("batches %s", got)
	}
}

func TestEqualInputsAreComputedOnce(t *testing.T) {
	b := &bench{gate: make(chan struct{})}
	q := newQueue(t, b, Options[string]{})
	one := ask(q, t.Context(), "a", "a", "b")
	until(t, "the batch", func() bool { return q.Stats().Running == 2 })
	two := ask(q, t.Context(), "b")
	until(t, "the join", func() bool { return q.Stats().Joined == 2 })
	close(b.gate)
	if got := (<-one).String() + (<-two).String(); got != "[A A B] <nil>[B] <nil>" {
		t.Errorf("got %s", got)
	}
	if r, err := q.Do(t.Context(), []string{"a"}); err != nil || r[0].Value != "A" {
		t.Errorf("got %v, %v", r, err)
	}
	s := q.Stats()
	if s.Inputs != 2 || s.Cached != 1 {
		t.Errorf("computed %d inputs, remembered %d: want 2 and 1", s.Inputs, s.Cached)
	}
}

func TestOneAtFaultFailsAlone(t *testing.T) {
	b := &bench{gate: make(chan struct{})}
	b.fail = func(in []string) error {
		if slices.Contains(in, "poison") {
			return errors.New("cannot swallow")
		}
		if slices.Contains(in, "bomb") {
			panic("bang")
		}
		return nil
	}
	q := newQueue(t, b, Options[string]{Size: 8})
	hold := ask(q, t.Context(), "hold")
	until(t, "the first batch", func() bool { return q.Stats().Running == 1 })
	bad := ask(q, t.Context(), "a", "poison", "b")
	until(t, "it waits", func() bool { return q.Stats().Waiting == 3 })
	good := ask(q, t.Context(), "c", "d", "e")
	until(t, "they wait", func() bool { return q.Stats().Waiting == 6 })
	close(b.gate)
	<-hold
	if got := (<-bad).String(); got != "[A !cannot swallow B] <nil>" {
		t.Errorf("got %s", got)
	}
	if got := (<-good).String(); got != "[C D E] <nil>" {
		t.Errorf("got %s", got)
	}
	before := len(b.seen())
	again, err := q.Do(t.Context(), []string{"poison"})
	if err != nil || again[0].Err == nil || len(b.seen()) != before {
		t.Errorf("the input at fault was computed again: %v, %v", again, err)
	}
	if n := q.Stats().Failed; n != 1 {
		t.Errorf("%d inputs at fault", n)
	}
	r, err := q.Do(t.Context(), []string{"bomb", "f"})
	if err != nil || r[0].Err == nil || !strings.Contains(r[0].Err.Error(), "bang") || r[1].Value != "F" {
		t.Errorf("after a panic: %v, %v", r, err)
	}
}

func TestSharedFaultIsNotHalved(t *testing.T) {
	gone := errors.New("the device is gone")
	b := &bench{fail: func([]string) error { return gone }}
	q := newQueue(t, b, Options[string]{Shared: func(err error) bool { return err == gone }})
	r, err := q.Do(t.Context(), []string{"a", "b"})
	if err != nil || r[0].Err != gone || r[1].Err != gone {
		t.Fatalf("got %v, %v", r, err)
	}
	b.fail = nil
	if r, _ := q.Do(t.Context(), []string{"a"}); r[0].Value != "A" {
		t.Errorf("the fault of the device stuck to the input: %v", r)
	}
}

// TestMachinesFaultIsForgotten: where everything fails, no input is blamed for it
// afterwards, even if the error does not say whose it is.
func TestMachinesFaultIsForgotten(t *testing.T) {
	b := &bench{fail: func([]string) error { return errors.New("no memory") }}
	q := newQueue(t, b, Options[string]{})
	r, err := q.Do(t.Context(), []string{"a", "b", "c"})
	if err != nil || r[0].Err == nil || r[1].Err == nil || r[2].Err == nil {
		t.Fatalf("got %v, %v", r, err)
	}
	if r, err = q.Do(t.Context(), []string{"d"}); err != nil || r[0].Err == nil {
		t.Fatalf("got %v, %v", r, err)
	}
	b.fail = nil
	for _, in := range []string{"a", "b", "c", "d"} {
		if r, err := q.Do(t.Context(), []string{in}); err != nil || r[0].Err != nil {
			t.Errorf("%s is blamed: %v, %v", in, r, err)
		}
	}
}

func TestFullQueueRefusesAtOnce(t *testing.T) {
	b := &bench{gate: make(chan struct{})}
	q := newQueue(t, b, Options[string]{Queue: 3})
	hold := ask(q, t.Context(), "hold")
	until(t, "the first batch", func() bool { return q.Stats().Running == 1 })
	wait := ask(q, t.Context(), "a", "b")
	until(t, "they wait", func() bool { return q.Stats().Waiting == 2 })
	var full *FullError
	if _, err := q.Do(t.Context(), []string{"c", "d"}); !errors.As(err, &full) || full.Room != 1 || full.RetryAfter < time.Second {
		t.Errorf("got %v", err)
	}
	if r := ask(q, t.Context(), "a"); q.Full() != nil {
		t.Errorf("an input that waits already needs no room: %v", <-r)
	}
	more := ask(q, t.Context(), "c")
	until(t, "it is full", func() bool { return q.Full() != nil })
	close(b.gate)
	<-hold
	if got := (<-wait).String() + (<-more).String(); got != "[A B] <nil>[C] <nil>" {
		t.Errorf("got %s", got)
	}
}

func TestAbandonedInputsAreDropped(t *testing.T) {
	b := &bench{gate: make(chan struct{})}
	q := newQueue(t, b, Options[string]{Size: 1})
	runs, stop := context.WithCancel(t.Context())
	waits, leave := context.WithCancel(t.Context())
	first := ask(q, runs, "a")
	until(t, "a runs", func() bool { return q.Stats().Running == 1 })
	second := ask(q, waits, "b")
	until(t, "b waits", func() bool { return q.Stats().Waiting == 1 })
	third := ask(q, t.Context(), "c")
	until(t, "b and c wait", func() bool { return q.Stats().Waiting == 2 })
	leave()
	if got := <-second; !errors.Is(got.err, context.Canceled) || got.results != nil {
		t.Errorf("got %v", got)
	}
	stop() // a's batch is stopped, without the gate
	if got := <-first; !errors.Is(got.err, context.Canceled) || got.results != nil {
		t.Errorf("got %v", got)
	}
	b.gate <- struct{}{}
	if got := (<-third).String(); got != "[C] <nil>" {
		t.Errorf("got %s", got)
	}
	if got := fmt.Sprint(b.seen()); got != "[[c]]" || q.Stats().Dropped != 1 {
		t.Errorf("batches %s, dropped %d", got, q.Stats().Dropped)
	}
}

func TestCloseTurnsAway(t *testing.T) {
	b := &bench{gate: make(chan struct{})}
	q := New(b.compute, Options[string]{Key: KeyOf[string], Size: 1})
	runs := ask(q, t.Context(), "a")
	until(t, "a runs", func() bool { return q.Stats().Running == 1 })
	waits := ask(q, t.Context(), "b")
	until(t, "b waits", func() bool { return q.Stats().Waiting == 1 })
	closed := make(chan struct{})
	go func() { q.Close(); close(closed) }()
	until(t, "closing", func() bool { q.mu.Lock(); defer q.mu.Unlock(); return q.closed })
	close(b.gate)
	if got := (<-runs).String(); got != "[A] <nil>" {
		t.Errorf("got %s", got)
	}
	if got := <-waits; got.results[0].Err != ErrClosed {
		t.Errorf("got %v", got)
	}
	<-closed
	if _, err := q.Do(t.Context(), []string{"c"}); err != ErrClosed {
		t.Errorf("got %v", err)
	}
}

// TestCrowd lets many callers come and give up at random: everyone who stays
// gets what is theirs.
func TestCrowd(t *testing.T) {
	b := &bench{fail: func(in []string) error {
		if slices.Contains(in, "7") {
			return errors.New("seven")
		}
		return nil
	}}
	q := newQueue(t, b, Options[string]{Size: 5, Queue: 100000, Cache: 8})
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for j := range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				if (i+j)%5 == 0 {
					go cancel()
				}
				in := []string{fmt.Sprint(i), fmt.Sprint(j % 11), "z"}
				r, err := q.Do(ctx, in)
				cancel()
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				for k := range r {
					if bad := in[k] == "7"; bad != (r[k].Err != nil) || !bad && r[k].Value != strings.ToUpper(in[k]) {
						t.Errorf("%q: got %v", in[k], r[k])
					}
				}
			}
		})
	}
	wg.Wait()
	until(t, "nothing waits", func() bool { q.mu.Lock(); defer q.mu.Unlock(); return len(q.flight) == 0 && q.stats.Waiting == 0 })
}
