package bench

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// TestFolders writes a small tower of each layout and measures it: the folder must
// be one that the loader of models accepts.
func TestFolders(t *testing.T) {
	for name, a := range map[string]Arch{
		"clip":     {layout: clipVision, side: 28, patch: 14, width: 32, heads: 2, layers: 2, hidden: 48, out: 8},
		"text":     {layout: clipText, width: 32, heads: 2, layers: 2, hidden: 48, out: 8},
		"siglip":   {layout: siglipVision, side: 32, patch: 16, width: 36, heads: 3, layers: 1, hidden: 52},
		"openclip": {layout: openCLIPVision, side: 28, patch: 14, width: 32, heads: 2, layers: 2, hidden: 64, out: 32},
		"prefill":  {layout: llama, width: 32, heads: 4, kvHeads: 2, layers: 2, hidden: 48, vocab: 50},
		"decode":   {layout: llama, width: 32, heads: 4, kvHeads: 2, layers: 2, hidden: 48, vocab: 50, steps: true},
	} {
		archs["test-"+name] = a
		defer delete(archs, "test-"+name)
		o := Options{Arch: "test-" + name, DType: "f32", Batch: 3, For: time.Microsecond}
		if a.layout == clipText || a.layout == llama {
			o.Tokens = 5
		}
		r, err := Tower(context.Background(), o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Runs < fewest || r.MS < r.MinMS || r.MinMS <= 0 || r.DType != "f32" || r.Bytes == 0 || r.Workers == 0 {
			t.Errorf("%s: %+v", name, r)
		}
		if got := r.PerSecond * r.MS / 1e3; math.Abs(got-3) > 1e-9 {
			t.Errorf("%s: %v per batch of 3", name, got)
		}
		if got := r.GFLOPS / r.Peak; got != r.PeakShare {
			t.Errorf("%s: share %v of the peak, want %v", name, r.PeakShare, got)
		}
	}
}

// TestFLOPs compares the work that dry counts with what open_clip's profile gives
// for the models: 8.82 and 5.96 GFLOP.
func TestFLOPs(t *testing.T) {
	for name, want := range map[string]float64{"vit-b-32": 8.82, "clip-text-b": 5.96} {
		a, o, dir := archs[name], Options{Arch: name}, t.TempDir()
		if err := o.fill(a); err != nil {
			t.Fatal(err)
		}
		if err := a.write(dir); err != nil {
			t.Fatal(err)
		}
		got, err := a.flops(context.Background(), dir, o)
		if err != nil || math.Abs(float64(got)/1e9-want) > 0.01*want {
			t.Errorf("%s: %.3f GFLOP, want %.2f: %v", name, float64(got)/1e9, want, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
		arch bool
	}{
		{Options{Arch: "sd15-unet"}, "the family of sd15-unet is not in this version; it has clip-text-b, clip-text-l, dinov2-b", true},
		{Options{Arch: "vit-b-23"}, `architecture "vit-b-23" is none of clip-text-b`, true},
		{Options{Arch: "vit-b-32", Tokens: 8}, "is 50 tokens", false},
		{Options{Arch: "clip-text-b", Tokens: 78}, "takes 1 to 77", false},
		{Options{Arch: "smolvlm-256m-decode", Tokens: 8190}, "takes 1 to 8128", false},
		{Options{Arch: "vit-b-32", Batch: -1}, "must be positive", false},
		{Options{Arch: "vit-b-32", Device: "dry"}, "no time to take on device dry", false},
	} {
		_, err := Tower(context.Background(), c.o)
		var arch *ErrArch
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &arch) != c.arch {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
}

// TestUnits multiplies ones: each unit of a tile must do as many multiply-adds as
// Peak counts.
func TestUnits(t *testing.T) {
	for _, name := range simd.Names() {
		k, err := simd.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []tensor.Kind{tensor.KindF32, tensor.KindF16, tensor.KindBF16, tensor.KindI8} {
			tiles, macs, ldb := tilesOf(k, kind)
			a, b := uint32(0x3f800000), uint32(0x3f800000) // one as a float32
			sum := func(c uint32) float64 { return float64(math.Float32frombits(c)) }
			integer := func(c uint32) float64 { return float64(int32(c)) }
			switch {
			case kind == tensor.KindF16 && k.F16 != nil:
				b = 0x3c003c00
			case kind == tensor.KindBF16 && k.BF16 != nil:
				a, b = 0x3f803f80, 0x3f803f80
			case kind == tensor.KindI8 && k.I8 != nil && k.WideI8:
				a, b, sum = 0x00010001, 0x01010101, integer
			case kind == tensor.KindI8 && k.I8 != nil:
				a, b, sum = 0x01010101, 0x01010101, integer
			}
			w := newWork(k, tiles, ldb)
			w.fill(func(int) uint32 { return a }, func(int) uint32 { return b })
			w.run(1)
			if got := sum(w.c[0]); got != float64(macs*unitsK) {
				t.Errorf("%s %v: ones sum up to %v, want %d", name, kind, got, macs*unitsK)
			}
		}
	}
}

func TestRepeat(t *testing.T) {
	calls := 0
	times, err := repeat(0, func() error {
		if calls++; calls <= unseen {
			time.Sleep(5 * time.Millisecond)
		}
		return nil
	})
	if err != nil || len(times) != fewest || calls != fewest+unseen || !slices.IsSorted(times) {
		t.Errorf("%d times of %d calls: %v %v", len(times), calls, times, err)
	}
	if m := median([]time.Duration{1, 2, 4, 100}); m != 3 {
		t.Errorf("median %d", m)
	}
	if m := median([]time.Duration{1, 2, 100}); m != 2 {
		t.Errorf("median %d", m)
	}
	broken := errors.New("broken")
	if _, err := repeat(0, func() error { return broken }); err != broken {
		t.Errorf("error %v", err)
	}
}

// TestOps checks the sums of the table, on a tower of two small layers.
func TestOps(t *testing.T) {
	defer func(a Arch) { archs["vit-b-32"] = a }(archs["vit-b-32"])
	archs["vit-b-32"] = Arch{layout: clipVision, side: 64, patch: 32, width: 64, heads: 2, layers: 2, hidden: 192, out: 16}
	r, err := Ops(context.Background(), "cpu", time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Towers) != 6 || len(r.Peaks) != 3 {
		t.Fatalf("%d towers, %d peaks", len(r.Towers), len(r.Peaks))
	}
	for _, tower := range r.Towers {
		share, calls := 0.0, map[string]int{}
		for _, l := range tower.Ops {
			share += l.Share
			calls[l.Op] += l.Calls
			if l.US <= 0 || (l.PeakShare > 0) != (l.Op == "linear" || l.Op == "attention") {
				t.Errorf("%+v", l)
			}
		}
		if math.Abs(share-1) > 1e-9 || calls["linear"] != 2+4*2 || calls["attention"] != 2 || calls["layernorm"] != 2+2*2 || calls["patchify"] != 1 {
			t.Errorf("batch %d %s: share %v, calls %v", tower.Batch, tower.DType, share, calls)
		}
	}
	if s := r.String(); !strings.Contains(s, "ViT-B/32, batch 8, int8") || !strings.Contains(s, "5×64→192") {
		t.Errorf("table:\n%s", s)
	}
}
