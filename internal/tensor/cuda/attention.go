package cuda

import (
	"cmp"
	"fmt"
	"math/bits"

	"github.com/emblem-search/emblem/internal/tensor"
)

// attentionArgs are in the order of kernels/attention.py.
type attentionArgs struct {
	Q, K, V, Y, Lens, Sizes, Bias, Pages, Fault address
	Heads, G, LQ, LK, D, LDQ, LDK, LDV, LDY     int32
	Scale                                       float32
	Causal, HasLens, HasSizes, HasBias, R, LDB  int32
	Window, Sinks, P, Stored, HalfY             int32
}

func (p *plan) attention(o *tensor.Attention) {
	d, kv := o.Q.Cols()/o.Heads, cmp.Or(o.KVHeads, o.Heads)
	if d > 256 {
		p.err = fmt.Errorf("cuda: attention with heads of %d columns; cards take up to 256, --device cpu any", d)
		return
	}
	a := &attentionArgs{Q: p.at(o.Q), K: p.at(o.K), V: p.at(o.V), Y: p.at(o.Y), Lens: p.at(o.Lens), Sizes: p.at(o.Sizes), Bias: p.at(o.Bias), Pages: p.at(o.Pages),
		Fault: p.faultOf(p.lane), Heads: int32(o.Heads), G: int32(o.Heads / kv), LQ: int32(o.Q.Dim(1)), LK: int32(o.Keys()), D: int32(d),
		LDQ: ld(o.Q), LDK: ld(o.K), LDV: ld(o.V), LDY: ld(o.Y), Scale: o.Scale, Causal: flag(o.Causal), HasLens: flag(o.Lens.Ok()),
		HasSizes: flag(o.Sizes.Ok()), HasBias: flag(o.Bias.Ok()), Window: int32(o.Window), Sinks: int32(o.Sinks), P: 16, HalfY: half(o.Y)}
	kernel := fmt.Sprintf("attention_%v_%d", o.Q.DType(), max(32, 1<<bits.Len(uint(d-1))))
	if o.Bias.Ok() {
		a.R, a.LDB = cols(o.Bias)/2, ld(o.Bias)
	}
	if o.Pages.Ok() {
		kernel, a.P, a.Stored = kernel+"_paged", int32(o.K.Dim(1)), int32(o.K.Dim(0))
	}
	grid := [3]int{ceil(o.Q.Dim(1), p.constant(kernel, "BM")), o.Heads, o.Q.Dim(0)}
	p.launches = append(p.launches, launch{kernel, grid, a, o.Pages.Ok()})
}
