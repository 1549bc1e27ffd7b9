package imagebind

// Bilinear scales values (H, W, C) to toW×toH as torch.nn.functional.interpolate does
// with align_corners=False and no antialias: between the two nearest rows and columns,
// whatever the scale.
func Bilinear(values []float32, w, h, c, toW, toH int) []float32 {
	xs, ys := between(w, toW), between(h, toH)
	out := make([]float32, 0, toW*toH*c)
	for _, y := range ys {
		above, below := values[y.lo*w*c:][:w*c], values[y.hi*w*c:][:w*c]
		for _, x := range xs {
			for k := range c {
				l, r := x.lo*c+k, x.hi*c+k
				out = append(out, (1-y.t)*((1-x.t)*above[l]+x.t*above[r])+y.t*((1-x.t)*below[l]+x.t*below[r]))
			}
		}
	}
	return out
}

// place is where an element lies among those it is made of: after lo by t of the way
// to hi.
type place struct {
	lo, hi int
	t      float32
}

func between(n, to int) []place {
	all := make([]place, to)
	for i := range all {
		at := max((float32(i)+0.5)*(float32(n)/float32(to))-0.5, 0)
		lo := min(int(at), n-1)
		all[i] = place{lo, min(lo+1, n-1), at - float32(lo)}
	}
	return all
}
