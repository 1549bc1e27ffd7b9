package picture

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

// noise is the generator of tools/golden/picture.py.
func noise(w, h int, seed uint32) *RGB {
	p := NewRGB(w, h)
	for i := range p.Pix {
		seed = seed*1664525 + 1013904223
		p.Pix[i] = byte(seed >> 24)
	}
	return p
}

func digest(p *RGB) string {
	s := sha256.Sum256(p.Pix)
	return hex.EncodeToString(s[:])
}

func readGolden(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// eachKernel runs f on the vector kernels, where the machine has them, and on
// the plain ones.
func eachKernel(t *testing.T, f func(t *testing.T)) {
	vector := useAVX2
	defer func() { useAVX2 = vector }()
	for _, on := range []bool{false, true} {
		if on && !vector {
			continue
		}
		useAVX2 = on
		t.Run(fmt.Sprintf("vector=%v", on), f)
	}
}

func TestResizeEqualsPillow(t *testing.T) {
	var cases []struct {
		In, Out [2]int
		Filter  int
		SHA256  string
	}
	readGolden(t, "testdata/golden/resize.json", &cases)
	if len(cases) < 50 {
		t.Fatalf("only %d resamplings in the golden file", len(cases))
	}
	eachKernel(t, func(t *testing.T) {
		for _, c := range cases {
			f, err := ParseFilter(c.Filter)
			if err != nil {
				t.Fatal(err)
			}
			src := noise(c.In[0], c.In[1], uint32(c.In[0]*1000+c.In[1]))
			if got := digest(src.Resize(c.Out[0], c.Out[1], f)); got != c.SHA256 {
				t.Errorf("%v to %v, %v: differs from Pillow", c.In, c.Out, f)
			}
		}
	})
}

func randomSide(r *rand.Rand, top int) int {
	return 1 + r.IntN(1+r.IntN(top))
}

func TestKernelsAgree(t *testing.T) {
	if !useAVX2 {
		t.Skip("no vector kernels on this machine")
	}
	defer func() { useAVX2 = true }()
	r := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		src := noise(randomSide(r, 300), randomSide(r, 300), r.Uint32())
		w, h, f := randomSide(r, 300), randomSide(r, 300), Filter(r.IntN(6))
		useAVX2 = true
		fast := src.Resize(w, h, f)
		useAVX2 = false
		if !bytes.Equal(fast.Pix, src.Resize(w, h, f).Pix) {
			t.Fatalf("%dx%d to %dx%d, %v: the vector kernels differ from the plain ones", src.W, src.H, w, h, f)
		}
	}
}

func TestResizeCropEqualsResizeThenCrop(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 400 {
		src := noise(randomSide(r, 120), randomSide(r, 120), r.Uint32())
		w, h, f := randomSide(r, 150), randomSide(r, 150), Filter(r.IntN(6))
		x, y := r.IntN(w+20)-10, r.IntN(h+20)-10
		cw, ch := r.IntN(160), r.IntN(160)
		want := src.Resize(w, h, f).Crop(x, y, cw, ch)
		got := src.ResizeCrop(w, h, x, y, cw, ch, f)
		if got.W != cw || got.H != ch || !bytes.Equal(got.Pix, want.Pix) {
			t.Fatalf("%dx%d to %dx%d, %v, window %d,%d %dx%d: differs", src.W, src.H, w, h, f, x, y, cw, ch)
		}
	}
}

func TestResizeCropOfAnExtremeAspectRatio(t *testing.T) {
	for _, src := range []*RGB{noise(1, 65535, 1), noise(65535, 1, 1)} {
		w, h := 224, 224*65535
		if src.H == 1 {
			w, h = h, w
		}
		for f := Nearest; f <= Lanczos; f++ {
			allocated := testing.AllocsPerRun(1, func() {
				src.ResizeCrop(w, h, (w-224)/2, (h-224)/2, 224, 224, f)
			})
			if allocated > 100 {
				t.Errorf("%v: %v allocations", f, allocated)
			}
		}
		got := src.ResizeCrop(w, h, (w-224)/2, (h-224)/2, 224, 224, Bilinear)
		if got.W != 224 || got.H != 224 || bytes.Equal(got.Pix, make([]byte, len(got.Pix))) {
			t.Errorf("%dx%d: no picture", src.W, src.H)
		}
	}
}

func TestParseFilter(t *testing.T) {
	for pil, want := range []Filter{Nearest, Lanczos, Bilinear, Bicubic, Box, Hamming} {
		if got, err := ParseFilter(pil); err != nil || got != want {
			t.Errorf("%d: %v, %v", pil, got, err)
		}
	}
	if _, err := ParseFilter(6); err == nil {
		t.Error("6 is taken")
	}
}

func BenchmarkResize(b *testing.B) {
	src := noise(640, 480, 1)
	vector := useAVX2
	defer func() { useAVX2 = vector }()
	for _, on := range []bool{false, true} {
		b.Run(fmt.Sprintf("640x480-to-224/vector=%v", on), func(b *testing.B) {
			useAVX2 = on && vector
			for b.Loop() {
				src.ResizeCrop(298, 224, 37, 0, 224, 224, Bicubic)
			}
		})
	}
}
