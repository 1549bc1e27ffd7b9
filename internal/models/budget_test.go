package models

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tiny are models of some hundred kilobytes.
var tiny = []string{"openclip", "openclip-quick-squash", "siglip-72", "clip-legacy"}

// opened opens tiny models within a budget for the largest n of them, and says what
// each answers.
func opened(t *testing.T, n int, keep time.Duration) (*Budget, []*Model, [][]float32) {
	t.Helper()
	var truth [][]float32
	var most int64
	for _, name := range tiny {
		m, err := Open(t.Context(), folder(name), Options{DType: "f32"})
		if err != nil {
			t.Fatal(err)
		}
		truth = append(truth, said(t, m))
		most = max(most, int64(m.Bytes()), 4*int64(m.Parameters())) // what is expected before they are read counts too
		m.Close()
	}
	b := NewBudget(int64(n)*most, keep)
	var all []*Model
	for _, name := range tiny {
		m, err := Open(t.Context(), folder(name), Options{DType: "f32", Budget: b})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		all = append(all, m)
	}
	return b, all, truth
}

func folder(name string) string { return filepath.Join("../../fusion/testdata", name) }

// said is what a model answers to some words.
func said(t *testing.T, m *Model) []float32 {
	t.Helper()
	v, err := m.EmbedTexts(t.Context(), []string{"a cat"})
	if err != nil {
		t.Fatal(err)
	}
	return v[0]
}

// loaded lists the models whose weights are in memory.
func loaded(all []*Model) (names []string) {
	for i, m := range all {
		if m.Memory().Loaded {
			names = append(names, tiny[i])
		}
	}
	return names
}

func wantLoaded(t *testing.T, all []*Model, want ...string) {
	t.Helper()
	if got := loaded(all); !reflect.DeepEqual(got, want) {
		t.Errorf("in memory: %v, want %v", got, want)
	}
}

// eventually waits for something that takes a moment.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within ten seconds", what)
		}
	}
}

func TestBudgetLeastRecentlyUsed(t *testing.T) {
	b, all, truth := opened(t, 2, Forever)
	wantLoaded(t, all)
	for _, i := range []int{0, 1, 0, 2} {
		if got := said(t, all[i]); !reflect.DeepEqual(got, truth[i]) {
			t.Errorf("%s answers otherwise under a budget", tiny[i])
		}
	}
	wantLoaded(t, all, tiny[0], tiny[2])
	if got := said(t, all[1]); !reflect.DeepEqual(got, truth[1]) {
		t.Error("weights that came back answer otherwise")
	}
	wantLoaded(t, all, tiny[1], tiny[2])
	if m := all[1].Memory(); m.Loads != 2 || m.Bytes == 0 {
		t.Errorf("%+v, want two loads", m)
	}
	for _, m := range all {
		m.Close()
	}
	if b.used != 0 || len(b.all) != 0 {
		t.Errorf("%d bytes and %d models are left of closed ones", b.used, len(b.all))
	}
}

func TestBudgetSingleFlight(t *testing.T) {
	_, all, truth := opened(t, 1, Forever)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if v, err := all[0].EmbedTexts(t.Context(), []string{"a cat"}); err != nil || !reflect.DeepEqual(v[0], truth[0]) {
				t.Errorf("%v, or another vector", err)
			}
		})
	}
	wg.Wait()
	if n := all[0].Memory().Loads; n != 1 {
		t.Errorf("%d loads for 16 who came at once", n)
	}
}

// TestBudgetPinned holds a model: another that needs its room waits, until its
// deadline or the end of the use.
func TestBudgetPinned(t *testing.T) {
	_, all, truth := opened(t, 1, Forever)
	_, release, err := all[0].resident.use(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := all[1].EmbedTexts(short, []string{"a cat"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v, want the deadline's error", err)
	}
	wantLoaded(t, all, tiny[0])
	time.AfterFunc(20*time.Millisecond, release)
	if got := said(t, all[1]); !reflect.DeepEqual(got, truth[1]) {
		t.Error("another vector")
	}
	wantLoaded(t, all, tiny[1])
}

// TestBudgetTurns keeps one model busy without a gap: another gets its turn.
func TestBudgetTurns(t *testing.T) {
	_, all, _ := opened(t, 1, Forever)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var uses atomic.Int64
	for i := range 2 {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * 5 * time.Millisecond)
			for ctx.Err() == nil {
				_, release, err := all[0].resident.use(ctx)
				if err != nil {
					return
				}
				uses.Add(1)
				time.Sleep(10 * time.Millisecond) // the other one holds it in between
				release()
			}
		})
	}
	eventually(t, "uses", func() bool { return uses.Load() > 4 })
	limit, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := all[1].EmbedTexts(limit, []string{"a cat"}); err != nil {
		t.Errorf("a model waits for ever for a busy one: %v", err)
	}
	n := uses.Load()
	eventually(t, "the busy model comes back", func() bool { return uses.Load() > n })
	stop()
	wg.Wait()
}

func TestBudgetKeepAlive(t *testing.T) {
	_, all, _ := opened(t, 4, 50*time.Millisecond)
	m := all[0]
	said(t, m)
	if e := m.Memory().Expires; e.IsZero() {
		t.Error("nothing says when the weights go")
	}
	eventually(t, "weights go", func() bool { return !m.Memory().Loaded })
	said(t, m)
	m.KeepAlive(Forever)
	time.Sleep(150 * time.Millisecond)
	if mem := m.Memory(); !mem.Loaded || !mem.Expires.IsZero() {
		t.Errorf("%+v, want weights that stay", mem)
	}
	m.KeepAlive(0)
	if m.Memory().Loaded {
		t.Error("weights stay that are to go at once")
	}
	said(t, m)
	_, release, err := m.resident.use(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.KeepAlive(0)
	if !m.Memory().Loaded {
		t.Error("weights went while they were used")
	}
	release()
	if m.Memory().Loaded {
		t.Error("weights stay after the use that was to be the last")
	}
}

// TestBudgetAtOnce unloads after every use, and still answers those who come
// together.
func TestBudgetAtOnce(t *testing.T) {
	_, all, _ := opened(t, 4, 0)
	said(t, all[0])
	wantLoaded(t, all)
}

func TestBudgetTooLarge(t *testing.T) {
	_, all, truth := opened(t, 1, Forever)
	b := NewBudget(all[0].Memory().Bytes/2, Forever)
	m, err := Open(t.Context(), folder(tiny[0]), Options{DType: "f32", Budget: b})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	_, err = m.EmbedTexts(t.Context(), []string{"a cat"})
	var large *TooLargeError
	if !errors.As(err, &large) || !strings.Contains(err.Error(), tiny[0]) || !strings.Contains(err.Error(), "--memory") {
		t.Errorf("%v, want an error that names the model and the flag", err)
	}
	if got := said(t, all[0]); !reflect.DeepEqual(got, truth[0]) {
		t.Error("another budget is not left alone")
	}
}

// TestBudgetHolds: language models stay, and count: what comes and goes has the rest,
// and one that does not fit is refused with both numbers.
func TestBudgetHolds(t *testing.T) {
	const words, looks = "../../text/decoder/testdata/smollm2", "../../fusion/answer/testdata/smolvlm"
	d, err := OpenDecoder(t.Context(), words, Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b, all, _ := opened(t, 1, Forever)
	b.most += int64(d.Bytes())
	said(t, all[0])
	held, err := OpenDecoder(t.Context(), words, Options{DType: "f32", Budget: b})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if b.held != int64(d.Bytes()) || b.used > b.most {
		t.Errorf("%d bytes are held and %d used, of %d", b.held, b.used, b.most)
	}
	said(t, all[1])
	if b.used > b.most || all[0].Memory().Loaded && all[1].Memory().Loaded {
		t.Errorf("%d bytes of %d", b.used, b.most)
	}
	var large *TooLargeError
	if _, err := OpenAnswerer(t.Context(), looks, Options{DType: "f32", Budget: NewBudget(1000, Forever)}); !errors.As(err, &large) || large.Limit != 1000 || large.Model != "smolvlm" {
		t.Errorf("%v", err)
	}
	full := NewBudget(b.held+10, Forever)
	if err := full.Hold("first", b.held); err != nil || full.Room() != 10 {
		t.Errorf("%v, with room for %d bytes", err, full.Room())
	}
	if _, err := OpenDecoder(t.Context(), words, Options{DType: "f32", Budget: full}); !errors.As(err, &large) || large.Limit != 10 {
		t.Errorf("%v", err)
	}
	for range 2 { // the largest of those that come and go has its room
		for _, m := range all {
			said(t, m)
		}
	}
}

func TestBudgetQuiet(t *testing.T) {
	_, all, _ := opened(t, 1, Forever)
	look := func(m *Model) error {
		_, err := m.EmbedTexts(Quiet(t.Context()), []string{"a cat"})
		return err
	}
	if err := look(all[0]); !errors.Is(err, ErrAsleep) {
		t.Errorf("%v, want ErrAsleep", err)
	}
	said(t, all[0])
	all[0].KeepAlive(time.Hour)
	before := all[0].Memory()
	if err := look(all[0]); err != nil {
		t.Error(err)
	}
	if after := all[0].Memory(); after != before {
		t.Errorf("a look counts as a use: %+v, then %+v", before, after)
	}
}

// TestBudgetFilesChanged does not mix vectors of two models under one name.
func TestBudgetFilesChanged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(dir, os.DirFS(folder(tiny[0]))); err != nil {
		t.Fatal(err)
	}
	m, err := Open(t.Context(), dir, Options{DType: "f32", Budget: NewBudget(0, Forever)})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	said(t, m)
	m.KeepAlive(0)
	if err := os.WriteFile(filepath.Join(dir, "new.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.EmbedTexts(t.Context(), []string{"a cat"}); err == nil || !strings.Contains(err.Error(), "have changed") {
		t.Errorf("%v, want a word on changed files", err)
	}
}

// TestBudgetHammer uses four models from many goroutines within the room of one or
// two, with patience that ends: who gets an answer gets the right one.
func TestBudgetHammer(t *testing.T) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			b, all, truth := opened(t, n, time.Millisecond)
			var wg sync.WaitGroup
			var answers atomic.Int64
			for g := range 8 {
				wg.Go(func() {
					for i := range 30 {
						k := (g + i*i) % len(all)
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+i%7*40)*time.Millisecond)
						v, err := all[k].EmbedTexts(ctx, []string{"a cat"})
						cancel()
						if err == nil && !reflect.DeepEqual(v[0], truth[k]) {
							t.Errorf("%s answers otherwise", tiny[k])
						}
						if err != nil && !errors.Is(err, context.DeadlineExceeded) {
							t.Error(err)
						}
						if err == nil {
							answers.Add(1)
						}
						if i%11 == 0 {
							all[k].KeepAlive(0)
						}
					}
				})
			}
			wg.Wait()
			if answers.Load() == 0 {
				t.Error("nobody got an answer")
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.used > b.most {
				t.Errorf("%d bytes of %d", b.used, b.most)
			}
		})
	}
}
