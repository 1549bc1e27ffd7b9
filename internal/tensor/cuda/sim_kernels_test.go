package cuda

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"unsafe"

	"github.com/emblem-search/emblem/internal/tensor"
)

// twins do what the kernels do, tile by tile of the grid that they are launched with,
// on the memory that their arguments name, so that a wrong grid, stride, flag or layout
// shows as a wrong number. The kernels themselves are held to the same references by
// kernels/check.py.
var twins = map[string]func(block, any){
	"linear": linearTwin, "attention": attentionTwin, "norm": normTwin, "normalize": normalizeTwin, "unary": unaryTwin, "glu": gluTwin,
	"quantize": quantizeTwin, "embed": embedTwin, "scatter": scatterTwin, "rope": ropeTwin, "patchify": patchifyTwin, "meanpool": meanPoolTwin,
}

// block is one program of a launch.
type block struct {
	*sim
	k       *loaded
	x, y, z int
}

// run is cuLaunchKernel: arguments are read through the pointers, in order, with two
// null pointers after them.
func (s *sim) run(f function, grid, threads [3]uint32, shared uint32, params *unsafe.Pointer) Code {
	k := s.functions[f]
	t := signatures[k.Entry]
	all := unsafe.Slice(params, t.NumField()+2)
	args := reflect.New(t)
	for i := range t.NumField() {
		args.Elem().Field(i).Set(reflect.NewAt(t.Field(i).Type, all[i]).Elem())
	}
	for _, p := range all[t.NumField():] {
		if *(*uint64)(p) != 0 {
			s.t.Errorf("%s: a scratch pointer is not null", k.Name)
		}
	}
	if threads != [3]uint32{uint32(32 * k.Warps), 1, 1} || int(shared) != k.shared || !aligned(k.Kernel, args.Elem()) {
		s.t.Errorf("%s: blocks of %v, %d bytes shared, %+v", k.Name, threads, shared, args.Elem())
	}
	s.do(func() { s.execute(k, grid, args.Interface()) })
	return 0
}

// execute runs all blocks of a launch.
func (s *sim) execute(k *loaded, grid [3]uint32, args any) {
	s.ran[k.Name]++
	for z := range grid[2] {
		for y := range grid[1] {
			for x := range grid[0] {
				twins[k.Entry](block{s, k, int(x), int(y), int(z)}, args)
			}
		}
	}
}

// from is the memory from an address to the end of its buffer.
func (s *sim) from(a address) []byte {
	if a == 0 {
		return nil
	}
	i, found := slices.BinarySearch(s.starts, a)
	if !found {
		i--
	}
	if i >= 0 && int(a-s.starts[i]) < len(s.blocks[s.starts[i]]) {
		return s.blocks[s.starts[i]][a-s.starts[i]:]
	}
	panic(fmt.Sprintf("%x is not allocated on the card", a))
}

// values is memory of the card as activations.
type values struct {
	mem  []byte
	half bool
}

func (s *sim) values(a address, half int32) values { return values{s.from(a), half != 0} }

func (v values) get(i int) float64 {
	if v.half {
		return float64(tensor.FromBF16(*(*uint16)(unsafe.Pointer(&v.mem[2*i]))))
	}
	return float64(*(*float32)(unsafe.Pointer(&v.mem[4*i])))
}

func (v values) set(i int, x float64) {
	if v.half {
		*(*uint16)(unsafe.Pointer(&v.mem[2*i])) = tensor.ToBF16(float32(x))
		return
	}
	*(*float32)(unsafe.Pointer(&v.mem[4*i])) = float32(x)
}

// row reads a row from element i on.
func (v values) row(dst []float64, i int) {
	for n := range dst {
		dst[n] = v.get(i + n)
	}
}

func (s *sim) ints(a address) func(i int) int {
	m := s.from(a)
	return func(i int) int { return int(*(*int32)(unsafe.Pointer(&m[4*i]))) }
}

func (s *sim) fault(a address) { *(*int32)(unsafe.Pointer(&s.from(a)[0])) = 1 }

// activated is kernels/elements.py's activate.
func activated(x float64, act int32) float64 {
	switch act {
	case 1:
		return x / 2 * (1 + math.Erf(x/math.Sqrt2))
	case 2:
		return x / 2 * (1 + math.Tanh(0.7978845608028654*(x+0.044715*x*x*x)))
	case 3:
		return x / (1 + math.Exp(-1.702*x))
	case 4:
		return x / (1 + math.Exp(-x))
	case 5:
		return max(x, 0)
	}
	return x
}

// weight reads w[n, k] as the kind of the kernel has it.
func (b block) weight(a *linearArgs) func(n, k int) float64 {
	m, ld := b.from(a.W), int(a.LDW)
	switch b.k.Constants["KIND"] {
	case "f32":
		return func(n, k int) float64 { return float64(*(*float32)(unsafe.Pointer(&m[4*(n*ld+k)]))) }
	case "f16":
		return func(n, k int) float64 { return fromF16(*(*uint16)(unsafe.Pointer(&m[2*(n*ld+k)]))) }
	case "bf16":
		return func(n, k int) float64 {
			return float64(tensor.FromBF16(*(*uint16)(unsafe.Pointer(&m[2*(n*ld+k)]))))
		}
	case "i8":
		return func(n, k int) float64 { return float64(int8(m[n*ld+k])) }
	}
	scales, group := b.values(a.WS, 0), int(a.Group)
	return func(n, k int) float64 {
		q := float64(m[n*ld+k/2]>>(k&1*4)&15) - 8
		return float64(tensor.FromBF16(tensor.ToBF16(float32(q * scales.get(n*(ld*2/group)+k/group)))))
	}
}

func fromF16(h uint16) float64 {
	sign, e, m := 1-2*float64(h>>15), int(h>>10&31), float64(h&1023)
	if e == 0 {
		return sign * m * 0x1p-24
	}
	return sign * math.Ldexp(1+m/1024, e-15)
}

// activation reads x[m, k] as the kernel's dot takes it.
func (b block) activation(a *linearArgs) func(m, k int) float64 {
	kind, ld := b.k.Constants["KIND"], int(a.LDX)
	if kind == "i8" {
		m := b.from(a.X)
		return func(row, k int) float64 { return float64(int8(m[row*ld+k])) }
	}
	x := b.values(a.X, flag(b.k.Args[0].Type == "*bf16"))
	if kind == "bf16" || kind == "i4" {
		return func(row, k int) float64 { return float64(tensor.FromBF16(tensor.ToBF16(float32(x.get(row*ld + k))))) }
	}
	return func(row, k int) float64 { return x.get(row*ld + k) }
}

func linearTwin(b block, args any) {
	a := args.(*linearArgs)
	bm, bn, deep := b.k.Constant("BM"), b.k.Constant("BN"), b.k.Constant("GROUP")
	tilesM, tilesN := ceil(int(a.M), bm), ceil(int(a.N), bn)
	band := b.x / (deep * tilesN)
	tall := min(tilesM-band*deep, deep)
	in := b.x % (deep * tilesN)
	m0, n0 := (band*deep+in%tall)*bm, in/tall*bn
	x, w := b.activation(a), b.weight(a)
	xs, ws := b.values(a.XS, 0), b.values(a.WS, 0)
	bias, res, y := b.values(a.Bias, 0), b.values(a.Res, a.HalfRes), b.values(a.Y, a.HalfY)
	k, m1 := int(a.K), min(m0+bm, int(a.M))
	tile, column := make([]float64, (m1-m0)*k), make([]float64, k)
	for i := range tile {
		tile[i] = x(m0+i/k, i%k)
	}
	for n := n0; n < min(n0+bn, int(a.N)); n++ {
		for i := range column {
			column[i] = w(n, i)
		}
		for m := m0; m < m1; m++ {
			v := 0.0
			for i, x := range tile[(m-m0)*k:][:k] {
				v += x * column[i]
			}
			if xs.mem != nil {
				v *= xs.get(m) * ws.get(n)
			}
			if a.HasBias != 0 {
				v += bias.get(n)
			}
			v = activated(v, a.Act)
			if a.R > 0 {
				v += res.get(m%int(a.R)*int(a.LDR) + n)
			}
			y.set(m*int(a.LDY)+n, v)
		}
	}
}

func attentionTwin(b block, args any) {
	a := args.(*attentionArgs)
	paged, half := b.k.Constant("PAGED") == 1, flag(b.k.Args[0].Type == "*bf16")
	bm, d, h, seq := b.k.Constant("BM"), int(a.D), b.y, b.z
	q, k, v, y := b.values(a.Q, half), b.values(a.K, half), b.values(a.V, half), b.values(a.Y, a.HalfY)
	sizes, bias, pages := b.values(a.Sizes, 0), b.values(a.Bias, 0), b.ints(a.Pages)
	qs, ks := make([]float64, d), make([]float64, d)
	n, last := int(a.LK), int(a.LK)
	if a.HasLens != 0 {
		n = min(n, b.ints(a.Lens)(seq))
	}
	if paged {
		last = n
	}
	for i := b.x * bm; i < min((b.x+1)*bm, int(a.LQ)); i++ {
		seen, place := n, i
		if a.Causal != 0 {
			place = i + last - int(a.LQ)
			seen = min(seen, place+1)
		}
		row := (seq*int(a.LQ) + i)
		q.row(qs, row*int(a.LDQ)+h*d)
		acc, top, total := make([]float64, d), math.Inf(-1), 0.0
		for j := range max(seen, 0) {
			if w := int(a.Window); w > 0 && j <= place-w && j >= int(a.Sinks) {
				continue
			}
			at := seq*int(a.LK) + j
			if paged {
				page := pages(seq*(int(a.LK)/int(a.P)) + j/int(a.P))
				if page < 0 || page >= int(a.Stored) {
					b.fault(a.Fault)
					continue
				}
				at = page*int(a.P) + j%int(a.P)
			}
			col, s := h/int(a.G)*d, 0.0
			k.row(ks, at*int(a.LDK)+col)
			for c, x := range qs {
				s += x * ks[c]
			}
			s *= float64(a.Scale)
			if a.HasSizes != 0 {
				s += math.Log(sizes.get(seq*int(a.LK) + j))
			}
			if a.HasBias != 0 {
				r := int(a.R)
				s += bias.get(h*int(a.LDB) + r + min(max(j-place, -r), r))
			}
			next := max(top, s)
			keep, p := math.Exp(top-next), math.Exp(s-next)
			total = total*keep + p
			v.row(ks, at*int(a.LDV)+col)
			for c, x := range ks {
				acc[c] = acc[c]*keep + p*x
			}
			top = next
		}
		for c := range d {
			if total > 0 {
				acc[c] /= total
			}
			y.set(row*int(a.LDY)+h*d+c, acc[c])
		}
	}
}

func normTwin(b block, args any) {
	a := args.(*normArgs)
	x, y, w, bias := b.values(a.X, a.HalfX), b.values(a.Y, a.HalfY), b.values(a.W, 0), b.values(a.B, 0)
	x0, y0, c := b.x*int(a.LDX), b.x*int(a.LDY), int(a.C)
	mean, square := 0.0, 0.0
	for i := 0; i < c && a.Centred != 0; i++ {
		mean += x.get(x0+i) / float64(c)
	}
	for i := range c {
		square += (x.get(x0+i) - mean) * (x.get(x0+i) - mean) / float64(c)
	}
	for i := range c {
		v := (x.get(x0+i) - mean) / math.Sqrt(square+float64(a.Eps))
		if a.HasW != 0 {
			v *= w.get(i)
		}
		if a.HasB != 0 {
			v += bias.get(i)
		}
		y.set(y0+i, v)
	}
}

func normalizeTwin(b block, args any) {
	a := args.(*normalizeArgs)
	x, y, x0, y0, sum := b.values(a.X, 0), b.values(a.Y, 0), b.x*int(a.LDX), b.x*int(a.LDY), 0.0
	for i := range int(a.C) {
		sum += x.get(x0+i) * x.get(x0+i)
	}
	for i := range int(a.C) {
		y.set(y0+i, x.get(x0+i)/max(math.Sqrt(sum), float64(a.Eps)))
	}
}

// columns are those of a block of BC.
func (b block) columns(n int32) (lo, hi int) {
	bc := b.k.Constant("BC")
	return b.y * bc, min((b.y+1)*bc, int(n))
}

func unaryTwin(b block, args any) {
	a := args.(*unaryArgs)
	x, y := b.values(a.X, a.HalfX), b.values(a.Y, a.HalfY)
	for i, hi := b.columns(a.C); i < hi; i++ {
		y.set(b.x*int(a.LDY)+i, activated(x.get(b.x*int(a.LDX)+i), a.Act))
	}
}

func gluTwin(b block, args any) {
	a := args.(*unaryArgs)
	x, y := b.values(a.X, a.HalfX), b.values(a.Y, a.HalfY)
	for i, hi := b.columns(a.C); i < hi; i++ {
		at := b.x*int(a.LDX) + i
		y.set(b.x*int(a.LDY)+i, activated(x.get(at), a.Act)*x.get(at+int(a.C)))
	}
}

func quantizeTwin(b block, args any) {
	a := args.(*quantizeArgs)
	x, y, top := b.values(a.X, a.HalfX), b.from(a.Y), 0.0
	for i := range int(a.C) {
		top = max(top, math.Abs(x.get(b.x*int(a.LDX)+i)))
	}
	step := top / 127
	if !(step > 0) {
		step = 1
	}
	b.values(a.S, 0).set(b.x, step)
	for i := range int(a.LDY) {
		q := 0.0
		if i < int(a.C) {
			q = math.RoundToEven(x.get(b.x*int(a.LDX)+i) / step)
		}
		y[b.x*int(a.LDY)+i] = byte(int8(min(max(q, -127), 127)))
	}
}

func embedTwin(b block, args any) {
	a := args.(*embedArgs)
	table, add, y, id := b.values(a.Table, a.HalfT), b.values(a.Add, 0), b.values(a.Y, a.HalfY), b.ints(a.IDs)(b.x)
	ok := id >= 0 && id < int(a.V)
	if !ok {
		b.fault(a.Fault)
	}
	for i, hi := b.columns(a.C); i < hi; i++ {
		v := 0.0
		if ok {
			v = table.get(id*int(a.LDT) + i)
		}
		if a.A > 0 {
			v += add.get(b.x%int(a.A)*int(a.LDA) + i)
		}
		y.set(b.x*int(a.LDY)+i, v)
	}
}

func scatterTwin(b block, args any) {
	a := args.(*scatterArgs)
	x, y, to := b.values(a.X, a.HalfX), b.values(a.Y, a.HalfY), b.ints(a.At)(b.x)
	if to < 0 || to >= int(a.V) {
		b.fault(a.Fault)
		return
	}
	for i, hi := b.columns(a.C); i < hi; i++ {
		y.set(to*int(a.LDY)+i, x.get(b.x*int(a.LDX)+i))
	}
}

func ropeTwin(b block, args any) {
	a := args.(*ropeArgs)
	x, y, cos, sin := b.values(a.X, a.HalfX), b.values(a.Y, a.HalfY), b.values(a.Cos, 0), b.values(a.Sin, 0)
	p, d, r := b.x%int(a.L), int(a.D), int(a.R)
	if a.A > 0 {
		p = b.ints(a.At)(b.x % int(a.A))
	}
	if p < 0 || p >= int(a.T) {
		b.fault(a.Fault)
		return
	}
	for h := range int(a.Heads) {
		x0, y0 := b.x*int(a.LDX)+h*d, b.x*int(a.LDY)+h*d
		for i := range r {
			j, k := i, i+r
			if a.Interleaved != 0 {
				j, k = 2*i, 2*i+1
			}
			c, s, vj, vk := cos.get(p*int(a.LDC)+i), sin.get(p*int(a.LDS)+i), x.get(x0+j), x.get(x0+k)
			y.set(y0+j, vj*c-vk*s)
			y.set(y0+k, vk*c+vj*s)
		}
		for i := 2 * r; i < d; i++ {
			y.set(y0+i, x.get(x0+i))
		}
	}
}

func patchifyTwin(b block, args any) {
	a := args.(*patchifyArgs)
	y, mem, size := b.values(a.Y, a.HalfY), b.from(a.X), int(a.P)
	per := int(a.Lead + a.GW*a.GH)
	seq, patch := b.x/per, b.x%per-int(a.Lead)
	scale, shift := [3]float32{a.Scale0, a.Scale1, a.Scale2}, [3]float32{a.Shift0, a.Shift1, a.Shift2}
	for j, hi := b.columns(3 * a.P * a.P); j < hi; j++ {
		v := 0.0
		if patch >= 0 {
			at := (seq*int(a.H)+patch/int(a.GW)*size+j/(3*size))*int(a.LDX) + (patch%int(a.GW)*size+j/3%size)*3 + j%3
			if a.Bytes != 0 {
				v = float64(mem[at])
			} else {
				v = values{mem, false}.get(at)
			}
			v = v*float64(scale[j%3]) + float64(shift[j%3])
		}
		y.set(b.x*int(a.LDY)+j, v)
	}
}

func meanPoolTwin(b block, args any) {
	a := args.(*meanPoolArgs)
	x, y, end := b.values(a.X, a.HalfX), b.values(a.Y, 0), int(a.L)
	if a.HasLens != 0 {
		end = min(end, b.ints(a.Lens)(b.x))
	}
	for i, hi := b.columns(a.C); i < hi; i++ {
		acc, total := 0.0, 0.0
		for l := int(a.Lead); l < end; l++ {
			n := 1.0
			if a.HasSizes != 0 {
				n = b.values(a.Sizes, 0).get(b.x*int(a.L) + l)
			}
			acc, total = acc+n*x.get((b.x*int(a.L)+l)*int(a.LDX)+i), total+n
		}
		if total > 0 {
			acc /= total
		}
		y.set(b.x*int(a.LDY)+i, acc)
	}
}
