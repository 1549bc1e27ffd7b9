package cuda

import (
	"errors"
	"fmt"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Exec implements tensor.Backend: the op's kernels are sent to the lane's stream; what
// goes wrong there, Sync says.
func (b *Backend) Exec(lane tensor.Lane, op tensor.Op) error {
	p := &plan{Backend: b, lane: lane}
	switch o := op.(type) {
	case *tensor.Linear:
		p.linear(o)
	case *tensor.Attention:
		p.attention(o)
	case *tensor.LayerNorm:
		p.norm(o.X, o.W, o.B, o.Y, o.Eps, 1)
	case *tensor.RMSNorm:
		p.norm(o.X, o.W, tensor.Tensor{}, o.Y, o.Eps, 0)
	case *tensor.Normalize:
		p.add("normalize", rows(o.Y), &normalizeArgs{p.at(o.X), p.at(o.Y), cols(o.Y), ld(o.X), ld(o.Y), o.Eps})
	case *tensor.Rope:
		p.rope(o)
	case *tensor.Embed:
		p.embed(o)
	case *tensor.Scatter:
		p.scatter(o)
	case *tensor.Patchify:
		p.patchify(o)
	case *tensor.Unary:
		p.unary("unary", o.X, o.Y, o.Act)
	case *tensor.GLU:
		p.unary("glu", o.X, o.Y, o.Act)
	case *tensor.Copy:
		p.copy(o)
	case *tensor.MeanPool:
		p.meanPool(o)
	default:
		return fmt.Errorf("cuda: the op %T is not implemented on cards; run with --device cpu", op)
	}
	if p.err != nil {
		return p.err
	}
	return b.start(lane, p.launches)
}

// plan gathers the kernels of an op.
type plan struct {
	*Backend
	lane     tensor.Lane
	launches []launch
	err      error
}

// at is where t's first element is, null for none.
func (p *plan) at(t tensor.Tensor) address {
	a, err := p.addressOf(t)
	p.err = errors.Join(p.err, err)
	if m, ok := t.Buffer().(*memory); ok && err == nil {
		m.lane.Store(int32(p.lane))
	}
	return a
}

// add adds a kernel with so many blocks of rows, and of columns where it has any.
func (p *plan) add(kernel string, grid [3]int, args any) {
	p.launches = append(p.launches, launch{kernel: kernel, grid: grid, args: args})
}

// rows is a block for each row of y.
func rows(y tensor.Tensor) [3]int { return [3]int{y.Rows(), 1, 1} }

// tiles is a block for each row of y and 1024 columns, a kernel's BC.
func (p *plan) tiles(kernel string, y tensor.Tensor) [3]int {
	bc := p.constant(kernel, "BC")
	return [3]int{y.Rows(), (y.Cols() + bc - 1) / bc, 1}
}

func (p *plan) constant(kernel, name string) int {
	k := p.kernels.Kernel(kernel)
	if k == nil || k.Constant(name) == 0 {
		p.err = errors.Join(p.err, fmt.Errorf("cuda: there is no kernel %s with a constant %s", kernel, name))
		return 1
	}
	return k.Constant(name)
}

func cols(t tensor.Tensor) int32 { return int32(t.Cols()) }
func ld(t tensor.Tensor) int32   { return int32(t.LD()) }

func half(t tensor.Tensor) int32 { return flag(t.DType() == tensor.BF16) }

func flag(yes bool) int32 {
	if yes {
		return 1
	}
	return 0
}

// Arguments, in the order of the kernels in kernels/rows.py.
type (
	normArgs struct {
		X, W, B, Y                        address
		C, LDX, LDY                       int32
		Eps                               float32
		Centred, HasW, HasB, HalfX, HalfY int32
	}
	normalizeArgs struct {
		X, Y        address
		C, LDX, LDY int32
		Eps         float32
	}
	unaryArgs struct {
		X, Y                           address
		C, LDX, LDY, Act, HalfX, HalfY int32
	}
	quantizeArgs struct {
		X, Y, S            address
		C, LDX, LDY, HalfX int32
	}
)

func (p *plan) norm(x, w, b, y tensor.Tensor, eps float32, centred int32) {
	p.add("norm", rows(y), &normArgs{p.at(x), p.at(w), p.at(b), p.at(y), cols(y), ld(x), ld(y), eps, centred,
		flag(w.Ok()), flag(b.Ok()), half(x), half(y)})
}

func (p *plan) unary(kernel string, x, y tensor.Tensor, act tensor.Act) {
	p.add(kernel, p.tiles(kernel, y), &unaryArgs{p.at(x), p.at(y), cols(y), ld(x), ld(y), int32(act), half(x), half(y)})
}

// copy converts by a kernel, and moves bytes by the card's own copying.
func (p *plan) copy(o *tensor.Copy) {
	if o.X.DType() != o.Y.DType() {
		p.unary("unary", o.X, o.Y, tensor.NoAct)
		return
	}
	size := o.X.DType().Size()
	c := &copyRows{srcType: cardMemory, srcCard: p.at(o.X), srcPitch: uint64(o.X.LD() * size), dstType: cardMemory, dstCard: p.at(o.Y),
		dstPitch: uint64(o.Y.LD() * size), width: uint64(o.X.Cols() * size), height: uint64(o.X.Rows())}
	if o.X.Rows() == 1 {
		c.srcPitch, c.dstPitch = c.width, c.width
	}
	if o.X.Len() > 0 {
		p.add("", [3]int{1, 1, 1}, c)
	}
}
