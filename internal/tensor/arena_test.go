package tensor

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

// fake is a backend of plain Go memory; exec, where set, is what an op does.
type fake struct {
	exec   func(Lane, Op) error
	mu     sync.Mutex
	allocs int
	frees  int
	limit  int // bytes that may be alive; 0: no limit
	alive  int
}

type heap struct{ data []byte }

func (h *heap) Size() int { return len(h.data) }

func (h *heap) Poison(lo, hi int) {
	for i := lo; i < hi; i++ {
		h.data[i] = 0xff
	}
}

var errFull = errors.New("full")

func (f *fake) Name() string { return "fake" }

func (f *fake) Alloc(n int) (Buffer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.limit > 0 && f.alive+n > f.limit {
		return nil, errFull
	}
	f.allocs++
	f.alive += n
	return &heap{make([]byte, n)}, nil
}

func (f *fake) Free(b Buffer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frees++
	f.alive -= b.Size()
}

func (f *fake) Upload(t Tensor, src []byte) error {
	size := t.dtype.Size()
	for r, n := 0, t.Cols()*size; r < t.Rows(); r++ {
		copy(t.buf.(*heap).data[(t.off+r*t.ld)*size:], src[r*n:(r+1)*n])
	}
	return nil
}

func (f *fake) Download(dst []byte, t Tensor) error {
	size := t.dtype.Size()
	for r, n := 0, t.Cols()*size; r < t.Rows(); r++ {
		copy(dst[r*n:(r+1)*n], t.buf.(*heap).data[(t.off+r*t.ld)*size:])
	}
	return nil
}

func (f *fake) Pack(k Kind, out, in int, _ Rows) (Weight, error) {
	return NewWeight(k, out, in, out*in, nil), nil
}
func (f *fake) Unpack(Weight)          {}
func (f *fake) Activations(Kind) DType { return F32 }
func (f *fake) Sync(Lane) error        { return nil }

func (f *fake) Exec(l Lane, op Op) error {
	if f.exec == nil {
		return nil
	}
	return f.exec(l, op)
}

// TestArenaStack pushes and pops: memory comes back in order, on 64 bytes.
func TestArenaStack(t *testing.T) {
	a := &arena{backend: &fake{}}
	place := func(n int) int {
		_, off, err := a.alloc(n)
		if err != nil {
			t.Fatal(err)
		}
		return off
	}
	if off := place(1); off != 0 {
		t.Errorf("first at %d", off)
	}
	m := a.mark()
	for i, want := range []int{64, 128, 256} { // of 1, 100 and 64 bytes
		if off := place([]int{1, 100, 64}[i]); off != want {
			t.Errorf("allocation %d at %d, want %d", i, off, want)
		}
	}
	a.release(m)
	if off := place(10); off != 64 {
		t.Errorf("after the release at %d, want 64", off)
	}
	if a.peak != 320 {
		t.Errorf("peak %d, want 320", a.peak)
	}
}

// TestArenaGrows fills several chunks, releases across them, and finds one
// chunk of the right size after the reset; a repetition allocates nothing.
func TestArenaGrows(t *testing.T) {
	b := &fake{}
	a := &arena{backend: b}
	const big = 3 << 20
	run := func() {
		m := a.mark()
		seen := map[Buffer][]int{}
		for range 4 {
			buf, off, err := a.alloc(big)
			if err != nil || off+big > buf.Size() {
				t.Fatalf("%d bytes at %d of %d: %v", big, off, buf.Size(), err)
			}
			for _, o := range seen[buf] {
				if off < o+big && o < off+big {
					t.Fatalf("%d overlaps %d", off, o)
				}
			}
			seen[buf] = append(seen[buf], off)
		}
		a.release(m)
		if a.chunk != 0 || a.used != 0 || a.full != 0 {
			t.Errorf("after the release: %+v", a.mark())
		}
	}
	run()
	if len(a.chunks) < 2 {
		t.Fatalf("%d chunks: the test does not grow", len(a.chunks))
	}
	a.reset()
	if len(a.chunks) != 1 || a.peak != 4*big || a.chunks[0].Size() < a.peak {
		t.Errorf("after the reset: %d chunks, peak %d", len(a.chunks), a.peak)
	}
	before := b.allocs
	run()
	a.reset()
	if b.allocs != before {
		t.Errorf("a repetition allocated %d times", b.allocs-before)
	}
	a.free()
	if b.alive != 0 || b.allocs != b.frees {
		t.Errorf("%d bytes alive, %d allocations, %d frees", b.alive, b.allocs, b.frees)
	}
}

// TestArenaSkips takes an allocation that the rest of a chunk does not hold from
// the next one, and comes back to the first on release.
func TestArenaSkips(t *testing.T) {
	a := &arena{backend: &fake{}}
	first, _, _ := a.alloc(1000)
	m := a.mark()
	second, _, _ := a.alloc(2 << 20)
	if first == second {
		t.Fatal("2 MB went into a chunk of 1 MB")
	}
	a.release(m)
	third, off, _ := a.alloc(1000)
	if third != first || off != 1024 {
		t.Errorf("after the release at %d of another chunk", off)
	}
}

func TestArenaFull(t *testing.T) {
	a := &arena{backend: &fake{limit: 2 << 20}}
	_, _, err := a.alloc(5 << 20)
	if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "5 MB of working memory") {
		t.Errorf("error %v", err)
	}
	if _, _, err := a.alloc(100); err != nil {
		t.Errorf("a small allocation after the failed one: %v", err)
	}
}
