package cpu

import (
	"fmt"

	"github.com/emblem-search/emblem/internal/tensor"
)

// rope turns a whole row in float32 and rounds once, when it is stored.
func (b *Backend) rope(o *tensor.Rope) error {
	at, l := []int32(nil), o.X.Dim(-2)
	if o.At.Ok() {
		at = lens(o.At)
	}
	for i, p := range at {
		if p < 0 || int(p) >= o.Cos.Dim(0) {
			return fmt.Errorf("cpu: rope: position %d of row %d is outside the tables of %d rows", p, i, o.Cos.Dim(0))
		}
	}
	turn := turnHalves
	if o.Interleaved {
		turn = turnPairs
	}
	d, x, cos, sin := o.X.Cols()/o.Heads, view(o.X), view(o.Cos), view(o.Sin)
	b.mapRows(o.Y, func(dst []float32, r int) {
		b.load(dst, x, r)
		p := r % l
		if at != nil {
			p = int(at[r%len(at)])
		}
		c, s := cos.f32(p), sin.f32(p)
		for lo := 0; lo < len(dst); lo += d {
			turn(dst[lo:lo+2*len(c)], c, s)
		}
	})
	return nil
}

// turnHalves turns x[i] with x[i + half].
func turnHalves(x, cos, sin []float32) {
	n := len(cos)
	low, high, sin := x[:n], x[n:][:n], sin[:n]
	for i, c := range cos {
		a, b := low[i], high[i]
		low[i], high[i] = a*c-b*sin[i], b*c+a*sin[i]
	}
}

// turnPairs turns x[2i] with x[2i + 1].
func turnPairs(x, cos, sin []float32) {
	sin = sin[:len(cos)]
	for i, c := range cos {
		pair := x[2*i:][:2]
		a, b := pair[0], pair[1]
		pair[0], pair[1] = a*c-b*sin[i], b*c+a*sin[i]
	}
}
