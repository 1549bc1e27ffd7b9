package tensor

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

var background = context.Background()

// step is a valid op on s.
func step(s *Stream) *Unary {
	x := s.New(F32, 2, 3)
	return &Unary{X: x, Act: ReLU, Y: x}
}

// TestSticky runs into an error of the backend: no later op is executed, and the
// run returns that error whatever f says.
func TestSticky(t *testing.T) {
	broken, calls := errors.New("broken"), 0
	dev := NewDevice(&fake{exec: func(Lane, Op) error { calls++; return broken }})
	err := dev.Run(background, Bulk, func(s *Stream) error {
		s.Do(step(s))
		if !errors.Is(s.Err(), broken) {
			t.Errorf("Err is %v", s.Err())
		}
		s.Do(step(s))
		s.Do(&Unary{}) // not even checked
		Put(s, s.New(F32, 1), []float32{1})
		if err := Get(s, make([]float32, 1), s.New(F32, 1)); !errors.Is(err, broken) {
			t.Errorf("Get: %v", err)
		}
		return errors.New("what f made of it")
	})
	if !errors.Is(err, broken) || calls != 1 {
		t.Errorf("error %v after %d ops", err, calls)
	}
	if err := dev.Run(background, Bulk, func(*Stream) error { return nil }); err != nil {
		t.Errorf("the next run has the error of the last: %v", err)
	}
}

// TestOwnError returns f's error when nothing else went wrong.
func TestOwnError(t *testing.T) {
	own := errors.New("own")
	if err := NewDevice(&fake{}).Run(background, Bulk, func(*Stream) error { return own }); err != own {
		t.Errorf("error %v", err)
	}
}

// TestPanics turns what forward code does wrong into the run's error, once, and
// leaves the lane usable.
func TestPanics(t *testing.T) {
	dev := NewDevice(&fake{limit: 64 << 20})
	for _, c := range []struct {
		name, want string
		stack      bool
		f          func(*Stream)
	}{
		{"shapes", "tensor: unary: y f32[2 4] for x f32[2 3]", false, func(s *Stream) {
			s.Do(&Unary{X: s.New(F32, 2, 3), Y: s.New(F32, 2, 4)})
		}},
		{"memory", "MB of working memory: full", false, func(s *Stream) { s.New(F32, 1<<10, 1<<20) }},
		{"put", "put 2 values of float32 into f32[3]", false, func(s *Stream) { Put(s, s.New(F32, 3), []float32{1, 2}) }},
		{"put dtype", "put 3 values of int32 into u8[3]", false, func(s *Stream) { Put(s, s.New(U8, 3), []int32{1, 2, 3}) }},
		{"get", "get f32[3] into 2 values", false, func(s *Stream) { Get(s, make([]float32, 2), s.New(F32, 3)) }},
		{"bug", "forward pass panicked: runtime error: index out of range", true, func(*Stream) { _ = []int{}[len(t.Name())] }},
		{"rank", "rank 7", true, func(s *Stream) { s.New(F32, 1, 1, 1, 1, 1, 1, 1) }},
	} {
		err := dev.Run(background, Interactive, func(s *Stream) error { c.f(s); return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		} else if got := strings.Contains(err.Error(), "device_test.go"); got != c.stack {
			t.Errorf("%s: stack %v: %v", c.name, got, err)
		}
	}
	ran := false
	err := dev.Run(background, Interactive, func(s *Stream) error { ran = true; s.Do(step(s)); return nil })
	if err != nil || !ran {
		t.Errorf("the lane is dead: %v", err)
	}
}

// TestCancel stops a run before its next op, and one that waits for its turn.
func TestCancel(t *testing.T) {
	calls := 0
	dev := NewDevice(&fake{exec: func(Lane, Op) error { calls++; return nil }})
	ctx, cancel := context.WithCancel(background)
	err := dev.Run(ctx, Bulk, func(s *Stream) error {
		s.Do(step(s))
		cancel()
		s.Do(step(s))
		// The lane is taken: a second run cannot start, and its context is over.
		if err := dev.Run(ctx, Bulk, func(*Stream) error { t.Error("two runs on a lane"); return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("waiting run: %v", err)
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("error %v after %d ops", err, calls)
	}
}

// TestLanes completes an interactive run while a bulk op is in the backend.
func TestLanes(t *testing.T) {
	inside, gate := make(chan struct{}), make(chan struct{})
	dev := NewDevice(&fake{exec: func(l Lane, _ Op) error {
		if l == Bulk {
			close(inside)
			<-gate
		}
		return nil
	}})
	bulk := make(chan error)
	go func() {
		bulk <- dev.Run(background, Bulk, func(s *Stream) error { s.Do(step(s)); return nil })
	}()
	<-inside
	err := dev.Run(background, Interactive, func(s *Stream) error { s.Do(step(s)); return nil })
	if err != nil {
		t.Error(err)
	}
	close(gate)
	if err := <-bulk; err != nil {
		t.Error(err)
	}
}

// TestTurns runs many callers on both lanes: one at a time on each.
func TestTurns(t *testing.T) {
	dev := NewDevice(&fake{})
	var on [lanes]atomic.Int32
	done := make(chan error)
	const callers = 8
	for i := range callers {
		go func() {
			lane := Lane(i % 2)
			done <- dev.Run(background, lane, func(s *Stream) error {
				if n := on[lane].Add(1); n != 1 {
					t.Errorf("%d runs on the %v lane", n, lane)
				}
				defer on[lane].Add(-1)
				for range 50 {
					s.Do(step(s))
					runtime.Gosched()
				}
				return nil
			})
		}()
	}
	for range callers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestPeak measures each lane's working memory, across marks; Trim forgets it.
func TestPeak(t *testing.T) {
	b := &fake{}
	dev := NewDevice(b)
	err := dev.Run(background, Bulk, func(s *Stream) error {
		for range 3 {
			m := s.Mark()
			s.New(F32, 1000, 16) // 64,000 bytes
			s.Release(m)
		}
		s.New(U8, 100) // 128
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := dev.Peak(Bulk); got != 64_000 {
		t.Errorf("peak %d", got)
	}
	if got := dev.Peak(Interactive); got != 0 {
		t.Errorf("peak of the idle lane %d", got)
	}
	dev.Trim()
	if dev.Peak(Bulk) != 0 || b.alive != 0 {
		t.Errorf("after Trim: peak %d, %d bytes alive", dev.Peak(Bulk), b.alive)
	}
}

// TestReplayAllocates demands that a repeated forward pass asks the backend for
// no memory.
func TestReplayAllocates(t *testing.T) {
	b := &fake{}
	dev := NewDevice(b)
	pass := func() {
		err := dev.Run(background, Bulk, func(s *Stream) error {
			for i := range 5 {
				s.New(F32, 1<<18) // 1 MB
				defer s.Release(s.Mark())
				s.New(BF16, 1<<i<<16)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	pass()
	before := b.allocs
	pass()
	pass()
	if b.allocs != before {
		t.Errorf("%d allocations in the repetitions", b.allocs-before)
	}
}
