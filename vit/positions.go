package vit

import "math"

// resample says what becomes of the learned positions where a picture has another
// number of patches than the model was trained with.
type resample uint8

const (
	never            resample = iota // such pictures are refused
	bicubic                          // a = -0.75, four taps whatever the scale: DINOv2
	bicubicAntialias                 // a = -0.5, the kernel as wide as the scale: DINOv2 with registers, timm
	buckets                          // none is made, some are taken: Idefics3
)

// tap is a weight of one source position.
type tap struct {
	at     int
	weight float32
}

// taps are the sources of each of out positions among in, as
// torch.nn.functional.interpolate has them with align_corners=False.
func (r resample) taps(in, out int) [][]tap {
	scale := float64(in) / float64(out)
	all := make([][]tap, out)
	for i := range all {
		if r == bicubicAntialias {
			all[i] = wideTaps(in, scale, scale*(float64(i)+0.5))
		} else {
			all[i] = fourTaps(in, scale*(float64(i)+0.5)-0.5)
		}
	}
	return all
}

// fourTaps are those around x; what lies outside is the outermost position.
func fourTaps(in int, x float64) []tap {
	first := int(math.Floor(x)) - 1
	t := make([]tap, 4)
	for k := range t {
		t[k] = tap{min(max(first+k, 0), in-1), float32(cubic(x-float64(first+k), -0.75))}
	}
	return t
}

// wideTaps are those under the kernel around center, stretched where positions
// become fewer; their weights sum to one.
func wideTaps(in int, scale, center float64) []tap {
	stretch := max(scale, 1)
	first := max(int(center-2*stretch+0.5), 0)
	last := min(int(center+2*stretch+0.5), in)
	w, sum := make([]float64, last-first), 0.0
	for k := range w {
		w[k] = cubic((float64(first+k)-center+0.5)/stretch, -0.5)
		sum += w[k]
	}
	t := make([]tap, len(w))
	for k := range t {
		t[k] = tap{first + k, float32(w[k] / sum)}
	}
	return t
}

// cubic is the convolution kernel of Keys (1981) with parameter a.
func cubic(x, a float64) float64 {
	switch x = math.Abs(x); {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}

// grid is a number of patches by width and height.
type grid struct{ w, h int }

// resize resamples a table (from.h, from.w, c) to (to.h, to.w, c), rows first.
func (r resample) resize(table []float32, c int, from, to grid) []float32 {
	if r == buckets {
		return resizeBuckets(table, c, from, to)
	}
	wide := make([]float32, from.h*to.w*c) // (from.h, to.w, c)
	across := r.taps(from.w, to.w)
	for y := range from.h {
		for x, t := range across {
			mix(wide[(y*to.w+x)*c:][:c], table[y*from.w*c:], c, t)
		}
	}
	row := to.w * c
	out := make([]float32, to.h*row)
	for y, t := range r.taps(from.h, to.h) {
		mix(out[y*row:][:row], wide, row, t)
	}
	return out
}

// mix adds rows of c elements, weighed by taps, to dst.
func mix(dst, rows []float32, c int, taps []tap) {
	for _, t := range taps {
		for k, x := range rows[t.at*c:][:c] {
			dst[k] += t.weight * x
		}
	}
}
