package cuda

import (
	"context"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
)

// passes runs the same forward pass on changing inputs and counts the graphs' replays
// and the kernels that were launched one by one.
func passes(t *testing.T, s *sim, b *Backend, n int) (replays, launches int) {
	t.Helper()
	dev := tensor.NewDevice(b)
	pool := dev.NewPool()
	defer pool.Close()
	host := make([]float32, 24*48)
	for i := range host {
		host[i] = float32(i%7) - 3
	}
	w, err := pool.Pack(tensor.KindF32, 24, 48, tensor.RowsOf(host, 48))
	if err != nil {
		t.Fatal(err)
	}
	start := len(s.calls)
	for i := range n {
		got := make([]float32, 3*24)
		x := make([]float32, 3*48)
		x[i] = 1
		err := dev.Run(context.Background(), tensor.Bulk, func(s *tensor.Stream) error {
			a, y := s.New(tensor.F32, 3, 48), s.New(tensor.F32, 3, 24)
			tensor.Put(s, a, x)
			s.Do(&tensor.Linear{X: a, W: w, Y: y})
			z := s.New(tensor.F32, 3, 24)
			s.Do(&tensor.Copy{X: y, Y: z})
			return tensor.Get(s, got, z)
		})
		if err != nil {
			t.Fatal(err)
		}
		for n, v := range got[:24] {
			if v != host[n*48+i] {
				t.Fatalf("pass %d: value %d is %v, want %v", i, n, v, host[n*48+i])
			}
		}
	}
	for _, c := range s.calls[start:] {
		switch c {
		case "cuGraphLaunch":
			replays++
		case "cuLaunchKernel":
			launches++
		}
	}
	return replays, launches
}

// TestReplay: twice eager, captured the third time, replayed on what is new in memory.
func TestReplay(t *testing.T) {
	s := newSim(t)
	if replays, launches := passes(t, s, pretend(t, s), 9); replays != 7 || launches != 3 {
		t.Errorf("of 9 passes %d were replays, %d kernels were launched; want 7, and 2 and the capture", replays, launches)
	}
}

// TestReplaySlow: a graph that is not faster is given up, and not made again.
func TestReplaySlow(t *testing.T) {
	s := newSim(t)
	s.replayMS = 0.99
	b := pretend(t, s)
	if replays, launches := passes(t, s, b, 9); replays != 3 || launches != 2+1+4 {
		t.Errorf("of 9 passes %d were replays, %d kernels were launched; want 3 and 7", replays, launches)
	}
	if len(s.graphs) != 0 {
		t.Errorf("%d graphs are kept", len(s.graphs))
	}
}

// TestReplayRefused: what the driver makes no graph of runs eagerly.
func TestReplayRefused(t *testing.T) {
	s := newSim(t)
	b := pretend(t, s)
	s.Instantiate = func(*replay, graph, uint64) Code { return 801 }
	if replays, launches := passes(t, s, b, 5); replays != 0 || launches != 6 {
		t.Errorf("%d replays, %d launches; want none, and 5 and the capture", replays, launches)
	}
}

// TestForget keeps so many sequences, those that are in use.
func TestForget(t *testing.T) {
	s := newSim(t)
	b := pretend(t, s)
	buf, err := b.Alloc(4 * 500)
	if err != nil {
		t.Fatal(err)
	}
	run := func(n int) {
		x := tensor.View(buf, 0, tensor.F32, n)
		if err := b.Exec(tensor.Bulk, &tensor.Unary{X: x, Act: tensor.ReLU, Y: x}); err != nil {
			t.Fatal(err)
		}
		if err := b.Sync(tensor.Bulk); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n < 200; n++ {
		run(n)
		run(500)
	}
	count := 0
	for _, all := range b.recorded.by {
		count += len(all)
	}
	if count != mostGraphs || len(s.graphs) != 1 || slices.Index(s.calls, "cuGraphExecDestroy") >= 0 {
		t.Errorf("%d sequences and %d graphs are kept, want %d and the one in use", count, len(s.graphs), mostGraphs)
	}
}
