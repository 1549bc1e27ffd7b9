package cuda

import (
	"fmt"

	"github.com/emblem-search/emblem/internal/tensor"
)

// linearArgs are in the order of kernels/linear.py.
type linearArgs struct {
	X, XS, W, WS, Bias, Res, Y                                          address
	M, N, K, LDX, LDW, Group, LDR, R, LDY, Act, HasBias, HalfRes, HalfY int32
}

// linear multiplies; int8 quantises the rows of x before that.
func (p *plan) linear(o *tensor.Linear) {
	w, ok := o.W.Packed().(*packed)
	if !ok || w.owner != &p.pool || w.memory.at == 0 {
		p.err = fmt.Errorf("cuda: linear: w %v is freed or another device's", o.W)
		return
	}
	m, n := o.Y.Rows(), o.W.Out()
	a := &linearArgs{X: p.at(o.X), W: w.memory.at, Bias: p.at(o.Bias), Res: p.at(o.Res), Y: p.at(o.Y),
		M: int32(m), N: int32(n), K: int32(o.W.In()), LDX: ld(o.X), LDW: int32(w.ld), Group: int32(w.group), LDY: ld(o.Y), Act: int32(o.Act),
		HasBias: flag(o.Bias.Ok()), HalfY: half(o.Y)}
	if w.scales < w.size {
		a.WS = a.W + address(w.scales)
	}
	if o.Res.Ok() {
		a.R, a.LDR, a.HalfRes = int32(o.Res.Rows()), ld(o.Res), half(o.Res)
	}
	x := o.X.DType().String()
	if w.kind == tensor.KindI8 {
		x = "i8"
		if !p.quantize(o.X, a) {
			return
		}
	}
	kernel, bm, bn := p.tileOf(w.kind, x, m, n)
	p.add(kernel, [3]int{ceil(m, bm) * ceil(n, bn), 1, 1}, a)
}

// quantize sees to it that x is int8 with a scale a row, in the lane's scratch memory.
func (p *plan) quantize(x tensor.Tensor, a *linearArgs) bool {
	ld := roundUp(x.Cols(), padK)
	scales := roundUp(x.Rows()*ld, 256)
	at, err := p.scratchOf(p.lane, scales+4*x.Rows())
	if err != nil {
		p.err = err
		return false
	}
	p.add("quantize", rows(x), &quantizeArgs{a.X, at, at + address(scales), cols(x), a.LDX, int32(ld), half(x)})
	a.X, a.XS, a.K, a.LDX = at, at+address(scales), int32(ld), int32(ld)
	return true
}

func ceil(a, b int) int { return (a + b - 1) / b }

// tileOf picks a kernel: tiles of 128 rows where that still gives every processor of the
// card one. All tiles of a kind sum in the same order.
func (p *plan) tileOf(k tensor.Kind, x string, m, n int) (kernel string, bm, bn int) {
	name := k.String()
	switch {
	case k == tensor.KindI8:
		name = "i8"
	case k.Group() > 0:
		name = "i4"
	}
	for _, t := range [][2]int{{128, 128}, {64, 64}} {
		kernel, bm, bn = fmt.Sprintf("linear_%s_%s_%dx%d", name, x, t[0], t[1]), t[0], t[1]
		if p.kernels.Kernel(kernel) != nil && ceil(m, bm)*ceil(n, bn) >= p.card.Processors {
			break
		}
	}
	return kernel, bm, bn
}

// scratchOf is the lane's memory for what lives within one op. Ops of a lane run one
// after the other, so all share it.
func (b *Backend) scratchOf(lane tensor.Lane, bytes int) (address, error) {
	old := b.scratch[lane]
	if old != nil && old.size >= bytes {
		return old.at, nil
	}
	m, err := b.alloc(bytes + bytes/4)
	if err != nil {
		return 0, err
	}
	if old != nil {
		if err := b.do(func() error { return b.flush(lane) }); err != nil {
			b.free(m)
			return 0, err
		}
		b.free(old)
	}
	b.scratch[lane] = m
	return m.at, nil
}
