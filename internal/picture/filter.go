package picture

import (
	"fmt"
	"math"
	"sync"
)

// Filter is a resampling filter of Pillow.
type Filter int

// The filters, in the order of their support.
const (
	Nearest Filter = iota
	Box
	Bilinear
	Hamming
	Bicubic
	Lanczos
)

// ParseFilter turns PIL's number of a filter, as preprocessor_config.json has
// it, into a Filter.
func ParseFilter(pil int) (Filter, error) {
	switch pil {
	case 0:
		return Nearest, nil
	case 1:
		return Lanczos, nil
	case 2:
		return Bilinear, nil
	case 3:
		return Bicubic, nil
	case 4:
		return Box, nil
	case 5:
		return Hamming, nil
	}
	return 0, fmt.Errorf("picture: %d is no resampling filter; PIL has 0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box, 5 hamming", pil)
}

// String returns PIL's name of the filter.
func (f Filter) String() string {
	names := [...]string{"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"}
	if f < 0 || int(f) >= len(names) {
		return fmt.Sprintf("Filter(%d)", int(f))
	}
	return names[f]
}

// support is the filter's half width, in output pixels.
func (f Filter) support() float64 {
	return [...]float64{0, 0.5, 1, 1, 2, 3}[f]
}

// weight is the filter's kernel. Every product is rounded to float64 on its
// own: a fused multiply-add would leave Pillow's results on other processors.
func (f Filter) weight(x float64) float64 {
	switch f {
	case Box:
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	case Bilinear:
		return max(0, 1-math.Abs(x))
	case Hamming:
		return hamming(math.Abs(x))
	case Bicubic:
		return bicubic(math.Abs(x))
	}
	if -3 <= x && x < 3 {
		return sinc(x) * sinc(x/3)
	}
	return 0
}

func hamming(x float64) float64 {
	if x == 0 {
		return 1
	}
	if x >= 1 {
		return 0
	}
	x *= math.Pi
	const a, b = float64(float32(0.54)), float64(float32(0.46)) // Pillow's are floats
	return math.Sin(x) / x * (a + float64(b*math.Cos(x)))
}

func bicubic(x float64) float64 {
	const a = -0.5
	if x < 1 {
		return float64(float64((float64((a+2.0)*x)-(a+3.0))*x)*x) + 1
	}
	if x < 2 {
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// precision is the number of fraction bits of a coefficient (PRECISION_BITS of
// Pillow's Resample.c).
const precision = 32 - 8 - 2

// table holds one axis of a resampling: output i of the window is the sum over
// t of coef[i*taps+t] times input start[i]+t. Every output has the same number
// of taps; those that Pillow has not are zero.
type table struct {
	start  []int32
	taps   int
	coef   []int32
	packed []int16 // coef in the order of the vector kernel; nil without one
}

// axis names a table: outputs lo to hi of a resampling of in samples to out.
type axis struct {
	in, out, lo, hi int
	filter          Filter
	vertical        bool
}

// step is the number of taps the vector kernels take at once along the axis.
func (a axis) step() int {
	if a.vertical {
		return 2
	}
	return 4
}

// newTable computes precompute_coeffs and normalize_coeffs_8bpc of Pillow's
// Resample.c for the outputs of the axis's window.
func newTable(a axis) *table {
	scale := float64(a.in) / float64(a.out)
	wide := max(scale, 1)
	support := a.filter.support() * wide
	spans := a.spans(scale, support)
	t := &table{start: make([]int32, a.hi-a.lo), taps: a.taps(spans)}
	t.coef = make([]int32, len(t.start)*t.taps)
	weights := make([]float64, t.taps)
	for i, s := range spans {
		center := (float64(a.lo+i) + 0.5) * scale
		w := weights[:s.n]
		a.weights(w, s.first, center, 1/wide)
		// The taps may not run over the end of the input, so a window there
		// starts earlier, with zeros.
		first := min(s.first, a.in-t.taps)
		t.start[i] = int32(first)
		for j, v := range w {
			t.coef[i*t.taps+s.first-first+j] = fixed(v)
		}
	}
	return t
}

// span is the inputs that one output sums over.
type span struct{ first, n int }

func (a axis) spans(scale, support float64) []span {
	s := make([]span, a.hi-a.lo)
	for i := range s {
		center := (float64(a.lo+i) + 0.5) * scale
		first := max(int(center-support+0.5), 0)
		s[i] = span{first, min(int(center+support+0.5), a.in) - first}
	}
	return s
}

// taps is the longest span, rounded up to the vector kernels' step where the
// input is long enough for that.
func (a axis) taps(spans []span) int {
	n := 1
	for _, s := range spans {
		n = max(n, s.n)
	}
	return min((n+a.step()-1)/a.step()*a.step(), a.in)
}

func (a axis) weights(w []float64, first int, center, inverse float64) {
	sum := 0.0
	for j := range w {
		w[j] = a.filter.weight((float64(j+first) - center + 0.5) * inverse)
		sum += w[j]
	}
	if sum == 0 {
		return
	}
	for j := range w {
		w[j] /= sum
	}
}

func fixed(w float64) int32 {
	v := float64(w * (1 << precision))
	if w < 0 {
		return int32(v - 0.5)
	}
	return int32(v + 0.5)
}

// tables keeps the tables used last: a folder's pictures have few sizes, and a
// table costs a tenth of a resampling.
var tables struct {
	sync.Mutex
	m map[axis]*table
}

// Bounds of the cache: about 8 MiB at most.
const (
	maxTables     = 64
	maxTableCoefs = 1 << 15
)

func tableFor(a axis) *table {
	tables.Lock()
	t := tables.m[a]
	tables.Unlock()
	if t != nil {
		return t
	}
	t = newTable(a)
	t.pack(a.vertical)
	if len(t.coef) > maxTableCoefs {
		return t
	}
	tables.Lock()
	defer tables.Unlock()
	if tables.m == nil || len(tables.m) >= maxTables {
		tables.m = make(map[axis]*table)
	}
	tables.m[a] = t
	return t
}
