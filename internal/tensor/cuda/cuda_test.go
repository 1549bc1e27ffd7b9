package cuda

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/tensor/tensortest"
)

// pretend opens the backend on a card that is none.
func pretend(t testing.TB, s *sim) *Backend {
	t.Helper()
	b, err := openSim(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func openSim(s *sim) (*Backend, error) {
	survey := look(s.driver)
	if survey.Err != nil {
		return nil, survey.Err
	}
	return newBackend(s.driver, survey.Cards[0], Options{slot: 4096})
}

func TestLook(t *testing.T) {
	got := look(newSim(t).driver)
	if got.Err != nil || got.Driver != "12.8" || len(got.Cards) != 1 {
		t.Fatalf("%+v", got)
	}
	if want := "cuda:0 NVIDIA Pretence, 8 GB, compute capability 9.0"; got.Cards[0].String() != want {
		t.Errorf("card %q, want %q", got.Cards[0], want)
	}
}

// session does one of everything and gives it all back.
func session(s *sim) error {
	b, err := openSim(s)
	if err != nil {
		return err
	}
	defer b.Close()
	buf, err := b.Alloc(96)
	if err != nil {
		return err
	}
	defer b.Free(buf)
	x := tensor.View(buf, 2, tensor.F32, 3, 4)
	if err := b.Upload(x, make([]byte, 48)); err != nil {
		return err
	}
	if err := errors.Join(b.Exec(tensor.Bulk, &tensor.Unary{X: x, Act: tensor.ReLU, Y: x}), b.Sync(tensor.Bulk)); err != nil {
		return err
	}
	return b.Download(make([]byte, 48), x)
}

// TestHalfway has every call of a session fail in turn: the error names the call and
// what the driver said, and nothing stays behind.
func TestHalfway(t *testing.T) {
	whole := newSim(t)
	if err := session(whole); err != nil || whole.left() != "" {
		t.Fatalf("without a failure: %v; left: %s", err, whole.left())
	}
	for n, call := range whole.calls {
		s := newSim(t)
		s.failAt, s.with = n+1, 801
		err := session(s)
		giving := strings.Contains("cuModuleUnload cuMemFree cuMemFreeHost cuEventDestroy_v2 cuStreamDestroy_v2 cuDevicePrimaryCtxRelease_v2 cuMemFree_v2", call)
		switch {
		case giving:
		case err == nil:
			t.Errorf("call %d, %s, failed and the session did not", n+1, call)
		case !strings.Contains(err.Error(), "CUDA_ERROR_801 (pretended)") || !strings.Contains(err.Error(), strings.TrimSuffix(call, "_v2")):
			t.Errorf("call %d, %s: the error says %q", n+1, call, err)
		case s.left() != "":
			t.Errorf("call %d, %s, failed and left behind: %s", n+1, call, s.left())
		}
	}
}

// TestLost breaks the card in mid-flight: everybody is told so at once, and closing
// does not hang.
func TestLost(t *testing.T) {
	s := newSim(t)
	b := pretend(t, s)
	buf, err := b.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	s.failAt, s.with, s.sticky = len(s.calls)+1, 700, true
	x := tensor.View(buf, 0, tensor.F32, 4)
	if err := b.Upload(x, make([]byte, 16)); err == nil || !strings.Contains(err.Error(), "is lost") || !strings.Contains(err.Error(), "CUDA_ERROR_700") {
		t.Fatalf("a sticky error: %v", err)
	}
	calls := len(s.calls)
	for _, err := range []error{b.Sync(tensor.Interactive), b.Sync(tensor.Bulk), b.Download(make([]byte, 16), x), b.Upload(x, make([]byte, 16))} {
		var e *Error
		if !errors.As(err, &e) || e.Code != 700 {
			t.Errorf("of a lost card: %v", err)
		}
	}
	if len(s.calls) != calls {
		t.Errorf("a lost card was asked again: %v", s.calls[calls:])
	}
}

// TestBudget runs out of the budget and goes on with what was there.
func TestBudget(t *testing.T) {
	s := newSim(t)
	b := pretend(t, s)
	held := b.held
	b.budget = held + 1<<20
	first, err := b.Alloc(600 << 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Alloc(600 << 10); err == nil || !strings.Contains(err.Error(), "budget") {
		t.Errorf("more than the budget: %v", err)
	}
	b.Free(first)
	second, err := b.Alloc(1 << 20)
	if err != nil {
		t.Errorf("after giving back: %v", err)
	}
	b.Free(second)
	if b.held != held {
		t.Errorf("%d bytes are held by nobody", b.held-held)
	}
}

// TestTransfer moves tensors of every layout, over many slots of the ring, there and
// back, and touches nothing between their rows.
func TestTransfer(t *testing.T) {
	b := pretend(t, newSim(t))
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range [][3]int{{1, 1, 1}, {5, 7, 9}, {3, 64, 64}, {2, 9000, 9000}, {900, 100, 103}, {2, 9000, 9016}} {
		rows, cols, ld := c[0], c[1], c[2]
		buf, err := b.Alloc(rows * ld * 2)
		if err != nil {
			t.Fatal(err)
		}
		x := tensor.View(buf, 0, tensor.BF16, rows, ld).ColSlice(0, cols)
		want, got := make([]byte, rows*cols*2), make([]byte, rows*cols*2)
		for i := range want {
			want[i] = byte(r.Uint32() | 1)
		}
		if err := errors.Join(b.Upload(x, want), b.Download(got, x)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: %v", c, err)
		}
		if gap := ld - cols; gap > 0 {
			between := make([]byte, 2*gap*rows)
			if err := b.Download(between, tensor.View(buf, 0, tensor.BF16, rows, ld).ColSlice(cols, ld)); err != nil || !bytes.Equal(between, make([]byte, len(between))) {
				t.Errorf("%v: the gaps were written (%v)", c, err)
			}
		}
		b.Free(buf)
	}
}

// TestConformance judges what is launched, with which grids and arguments, over kernels
// that are pretended too: see twins.
func TestConformance(t *testing.T) {
	s := newSim(t)
	tensortest.Run(t, pretend(t, s), "shorten")
	for _, k := range s.kernels.Kernels {
		if s.ran[k.Name] == 0 {
			t.Errorf("nothing was run on %s", k.Name)
		}
	}
}

// TestCard is the same on a card, if there is one.
func TestCard(t *testing.T) {
	b, err := Open(0, Options{})
	if err != nil {
		t.Skipf("not on a card: %v", err)
	}
	defer b.Close()
	tensortest.Run(t, b, "shorten")
}

// TestSignatures holds every kernel's arguments to the struct that is launched with.
func TestSignatures(t *testing.T) {
	for _, k := range newSim(t).kernels.Kernels {
		if err := matches(&k); err != nil {
			t.Error(err)
		}
	}
}

// TestParameters refuses a kernel whose parameters the driver sees elsewhere.
func TestParameters(t *testing.T) {
	s := newSim(t)
	b := pretend(t, s)
	buf, err := b.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	s.tweak = 4
	x := tensor.View(buf, 0, tensor.F32, 4)
	if err := errors.Join(b.Exec(tensor.Bulk, &tensor.Unary{X: x, Y: x}), b.Sync(tensor.Bulk)); err == nil || !strings.Contains(err.Error(), "the driver has parameter 0 at 4") {
		t.Errorf("%v", err)
	}
}

// TestForeign refuses memory that is not the card's.
func TestForeign(t *testing.T) {
	b := pretend(t, newSim(t))
	buf, err := b.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]tensor.Tensor{
		"outside": tensor.View(buf, 10, tensor.F32, 2, 4),
		"nobody":  tensor.View(nil, 0, tensor.F32, 4),
	} {
		if err := b.Upload(x, make([]byte, 4*x.Len())); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := b.Upload(tensor.View(buf, 0, tensor.F32, 4), make([]byte, 12)); err == nil {
		t.Error("12 bytes for 4 numbers were accepted")
	}
}

// TestOpen tells on this machine what is so: a card, or a reason.
func TestOpen(t *testing.T) {
	s := Look()
	b, err := Open(len(s.Cards), Options{})
	if err == nil {
		b.Close()
		t.Error("a card that is not there was opened")
	} else if !strings.HasPrefix(err.Error(), "cuda: ") {
		t.Errorf("the reason %q does not say whose it is", err)
	}
	if s.Err != nil {
		t.Skipf("no card: %v", s.Err)
	}
}
