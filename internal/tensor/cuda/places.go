package cuda

import "github.com/emblem-search/emblem/internal/tensor"

// Arguments, in the order of the kernels in kernels/places.py.
type (
	embedArgs struct {
		Table, IDs, Add, Y, Fault            address
		C, V, LDT, A, LDA, LDY, HalfT, HalfY int32
	}
	scatterArgs struct {
		X, At, Y, Fault              address
		C, V, LDX, LDY, HalfX, HalfY int32
	}
	ropeArgs struct {
		X, Cos, Sin, At, Y, Fault                                           address
		L, A, T, Heads, D, R, LDX, LDC, LDS, LDY, Interleaved, HalfX, HalfY int32
	}
	patchifyArgs struct {
		X, Y                                           address
		H, GW, GH, P, Lead, LDX, LDY                   int32
		Scale0, Scale1, Scale2, Shift0, Shift1, Shift2 float32
		Bytes, HalfY                                   int32
	}
	meanPoolArgs struct {
		X, Lens, Sizes, Y                              address
		C, L, Lead, LDX, LDY, HasLens, HasSizes, HalfX int32
	}
)

// indexed adds a kernel that may set the lane's fault.
func (p *plan) indexed(kernel string, grid [3]int, args any) {
	p.launches = append(p.launches, launch{kernel, grid, args, true})
}

func (p *plan) embed(o *tensor.Embed) {
	a := &embedArgs{Table: p.at(o.Table), IDs: p.at(o.IDs), Add: p.at(o.Add), Y: p.at(o.Y), Fault: p.faultOf(p.lane),
		C: cols(o.Y), V: int32(o.Table.Rows()), LDT: ld(o.Table), LDY: ld(o.Y), HalfT: half(o.Table), HalfY: half(o.Y)}
	if o.Add.Ok() {
		a.A, a.LDA = int32(o.Add.Rows()), ld(o.Add)
	}
	p.indexed("embed", p.tiles("embed", o.Y), a)
}

func (p *plan) scatter(o *tensor.Scatter) {
	p.indexed("scatter", p.tiles("scatter", o.X), &scatterArgs{p.at(o.X), p.at(o.At), p.at(o.Y), p.faultOf(p.lane),
		cols(o.Y), int32(o.Y.Rows()), ld(o.X), ld(o.Y), half(o.X), half(o.Y)})
}

func (p *plan) rope(o *tensor.Rope) {
	a := &ropeArgs{X: p.at(o.X), Cos: p.at(o.Cos), Sin: p.at(o.Sin), At: p.at(o.At), Y: p.at(o.Y), Fault: p.faultOf(p.lane),
		L: int32(o.X.Dim(-2)), T: int32(o.Cos.Rows()), Heads: int32(o.Heads), D: cols(o.X) / int32(o.Heads), R: cols(o.Cos),
		LDX: ld(o.X), LDC: ld(o.Cos), LDS: ld(o.Sin), LDY: ld(o.Y), Interleaved: flag(o.Interleaved), HalfX: half(o.X), HalfY: half(o.Y)}
	if o.At.Ok() {
		a.A = int32(o.At.Len())
	}
	p.indexed("rope", rows(o.X), a)
}

func (p *plan) patchify(o *tensor.Patchify) {
	gh, gw := o.X.Dim(1)/o.Patch, o.X.Dim(2)/(3*o.Patch)
	p.add("patchify", p.tiles("patchify", o.Y), &patchifyArgs{p.at(o.X), p.at(o.Y), int32(o.X.Dim(1)), int32(gw), int32(gh), int32(o.Patch), int32(o.Lead),
		ld(o.X), ld(o.Y), o.Scale[0], o.Scale[1], o.Scale[2], o.Shift[0], o.Shift[1], o.Shift[2], flag(o.X.DType() == tensor.U8), half(o.Y)})
}

func (p *plan) meanPool(o *tensor.MeanPool) {
	p.add("meanpool", p.tiles("meanpool", o.Y), &meanPoolArgs{p.at(o.X), p.at(o.Lens), p.at(o.Sizes), p.at(o.Y), cols(o.Y), int32(o.X.Dim(1)), int32(o.Lead),
		ld(o.X), ld(o.Y), flag(o.Lens.Ok()), flag(o.Sizes.Ok()), half(o.X)})
}
