package main

import (
	"fmt"
	"math"
)

// emitKernels writes the elementwise kernels of one instruction set. Sizes are
// whole registers: the callers in package simd handle rows that are not.
func emitKernels(f, stubs *file, s isa) {
	out := "f32"
	if s.bf16 {
		out = "bf16"
	}
	k := &kernels{vm: vm{file: f, isa: s}, stubs: stubs, out: out}
	k.finishes("finish_", false)
	if s.lanes >= 8 {
		k.finishes("finishint_", true)
	}
	k.softmax()
	k.layerNorm()
	k.rmsNorm()
	k.scaleRows()
	if s.lanes >= 8 {
		k.unpack()
	}
	if s.bf16 {
		k.convert()
		k.quantize("u8")
		k.pair()
		return
	}
	k.dot()
	k.rows()
	if s.lanes == 16 {
		k.transpose()
	}
	if s.lanes >= 8 {
		k.quantize("u8")
		for _, form := range []string{"f32", "f16", "bf16"} {
			k.widen(form)
		}
	}
	if s.lanes == 8 {
		k.quantize("i16")
	}
}

type kernels struct {
	vm
	stubs *file
	out   string // dtype that is stored
}

func (k *kernels) begin(name, doc string, args ...string) {
	k.labels = 0
	k.function(k.stubs, name+"_"+k.name, doc, args)
	k.vm.args(args)
}

// put stores register s behind g in the output dtype and advances g.
func (k *kernels) put(s, g int) {
	k.putAt(s, g, 0)
	k.addi(g, k.outBytes())
}

// putAt stores register s as vector number v behind g.
func (k *kernels) putAt(s, g, v int) {
	if k.bf16 {
		k.storeBF16(s, g, v*k.outBytes())
		return
	}
	k.store(s, g, v*k.outBytes())
}

func (k *kernels) outBytes() int {
	if k.bf16 {
		return k.bytes() / 2
	}
	return k.bytes()
}

// exp computes p = eˣ: x below the smallest normal result gives 0, by a mask where
// VSCALEFPS would go through the subnormals, which Intel's cores are slow to add. It overwrites x and n. Range reduction by ln 2 in two parts, then Cephes' expf polynomial,
// within 2 ulp; where the result is stored as bf16, a Taylor polynomial of degree
// four, within 2⁻¹⁴.
func (k *kernels) exp(x, n, p int) {
	if k.lanes == 16 {
		k.constant(n, -87.3)
		k.p("VCMPPS $5, %s, %s, K1", k.r(n), k.r(x)) // not less than, or NaN
	} else {
		k.constant(n, -127*math.Ln2)
		k.op(opMax, x, n, x) // the second source wins when x is NaN
	}
	k.constant(n, 88.73)
	k.op(opMin, x, n, x)
	k.opConst(opMul, n, x, math.Log2E)
	k.round(n, n)
	steps := []float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1}
	if k.bf16 {
		k.fmaConst(x, n, -math.Ln2)
		steps = []float32{1.0 / 24, 1.0 / 6, 0.5, 1, 1}
	} else {
		k.fmaConst(x, n, -0.693359375)
		k.fmaConst(x, n, 2.12194440e-4)
	}
	k.constant(p, steps[0])
	for _, c := range steps[1:] {
		k.horner(p, x, c)
	}
	if k.lanes == 16 {
		k.p("VSCALEFPS.Z %s, %s, K1, %s", k.r(n), k.r(p), k.r(p))
		return
	}
	k.scale(p, n)
}

// divide computes d = a/b; where the result is stored as bf16, by a reciprocal
// within 2⁻¹⁴.
func (k *kernels) divide(d, a, b int) {
	if !k.bf16 {
		k.op(opDiv, d, a, b)
		return
	}
	k.p("VRCP14PS %s, %s", k.r(b), k.r(b))
	k.op(opMul, d, a, b)
}

// gateBySigmoid replaces x by x/(1 + e^(−by·t)), the logistic gate that most
// activations are. t, n and p are overwritten. The power is taken in base two, so
// that the range reduction is one subtraction: 2^r on [−½, ½] by its Taylor series
// in r·ln 2, to degree 7, or 4 where the result is stored as bf16. Finite t need no
// bounds with VSCALEFPS, which saturates.
func (k *kernels) gateBySigmoid(x, t, n, p int, by float64) {
	k.opConst(opMul, t, t, float32(-by*math.Log2E))
	if k.lanes < 16 {
		k.constant(n, -127)
		k.op(opMax, t, n, t)
		k.constant(n, 128)
		k.op(opMin, t, n, t)
	}
	k.round(n, t)
	k.op(opSub, t, t, n)
	degree, c := 7, 1.0
	if k.bf16 {
		degree = 4
	}
	series := []float64{1}
	for i := 1; i <= degree; i++ {
		c *= math.Ln2 / float64(i)
		series = append(series, c)
	}
	k.constant(p, float32(series[degree]))
	for i := degree - 1; i >= 0; i-- {
		k.horner(p, t, float32(series[i]))
	}
	k.scale(p, n)
	k.opConst(opAdd, p, p, 1)
	k.divide(x, x, p)
}

// activation is one elementwise function on register 0, free to use 1-5.
type activation struct {
	name  string
	apply func(k *kernels)
}

var activations = []activation{
	{"none", func(*kernels) {}},
	{"gelu", (*kernels).gelu},
	{"gelutanh", func(k *kernels) { // x·sigmoid(2·√(2/π)·(x + 0.044715·x³))
		k.op(opMul, 1, 0, 0)
		k.opConst(opMul, 1, 1, 0.044715)
		k.opConst(opAdd, 1, 1, 1)
		k.op(opMul, 1, 1, 0)
		k.gateBySigmoid(0, 1, 2, 3, 2*math.Sqrt(2/math.Pi))
	}},
	{"quickgelu", func(k *kernels) {
		k.copy(1, 0)
		k.gateBySigmoid(0, 1, 2, 3, 1.702)
	}},
	{"silu", func(k *kernels) {
		k.copy(1, 0)
		k.gateBySigmoid(0, 1, 2, 3, 1)
	}},
	{"relu", func(k *kernels) {
		k.zero(1)
		k.op(opMax, 0, 1, 0)
	}},
}

// gelu is x/2·(1 + erf(x/√2)) with erf as the rational function of Eigen's
// generic_fast_erf_float, absolute error below 3e-7.
func (k *kernels) gelu() {
	k.opConst(opMul, 1, 0, math.Sqrt2/2)
	k.constant(2, -4)
	k.op(opMax, 1, 2, 1)
	k.constant(2, 4)
	k.op(opMin, 1, 2, 1)
	k.op(opMul, 2, 1, 1)
	k.constant(3, -2.72614225801306e-10)
	for _, c := range []float32{2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
		-7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02} {
		k.horner(3, 2, c)
	}
	k.op(opMul, 3, 3, 1)
	k.constant(4, -1.45660718464996e-05)
	for _, c := range []float32{-2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03, -1.42647390514189e-02} {
		k.horner(4, 2, c)
	}
	k.divide(3, 3, 4)
	k.opConst(opAdd, 3, 3, 1)
	k.opConst(opMul, 0, 0, 0.5)
	k.op(opMul, 0, 0, 3)
}

// finish ends a matrix tile of the set's width: y = act(c + bias) [+ res], row by
// row; res may be nil. With dequant c holds int32 sums and each is first turned
// into (c − x[col])·s[row]·x[nr+col].
func (k *kernels) finish(a activation, dequant bool) {
	const c, bias, res, y, ldc, ldres, ldy, rows, x, s = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
	args := []string{"c", "bias", "res", "y", "ldc", "ldres", "ldy", "rows"}
	name := "finish_"
	if dequant {
		name, args = "finishint_", append(args, "x", "s")
	}
	k.begin(name+a.name+"_"+k.out, "ends a tile: y = act(c + bias) + res (see gen/kernels.go).", args...)
	nv := k.nr / k.lanes
	for v := range nv {
		k.load(8+v, bias, v*k.bytes())
	}
	k.loop(rows, func() {
		if dequant {
			k.spread(7, s, 0)
			k.addi(s, 4)
		}
		for v := range nv {
			k.load(0, c, v*k.bytes())
			if dequant {
				k.load(1, x, v*k.bytes())
				k.p("VPSUBD %s, %s, %s", k.r(1), k.r(0), k.r(0))
				k.p("VCVTDQ2PS %s, %s", k.r(0), k.r(0))
				k.load(1, x, (nv+v)*k.bytes())
				k.op(opMul, 1, 1, 7)
				k.op(opMul, 0, 0, 1)
			}
			k.op(opAdd, 0, 0, 8+v)
			a.apply(k)
			k.ifNonzero(res, func() {
				k.load(1, res, v*k.bytes())
				k.op(opAdd, 0, 0, 1)
			})
			k.putAt(0, y, v)
		}
		k.add(c, ldc)
		k.add(y, ldy)
		k.ifNonzero(res, func() { k.add(res, ldres) })
	})
	k.ret()
}

// finishes emits one finish an activation and declares their table, in the order
// of Act.
func (k *kernels) finishes(prefix string, dequant bool) {
	for _, a := range activations {
		k.finish(a, dequant)
	}
	fmt.Fprintf(&k.stubs.code, "var %s%s = [...]%s{\n", prefix, k.name, map[bool]string{false: "Finish", true: "FinishInt"}[dequant])
	for _, a := range activations {
		fmt.Fprintf(&k.stubs.code, "\t%s%s_%s_%s,\n", prefix, a.name, k.out, k.name)
	}
	fmt.Fprintf(&k.stubs.code, "}\n\n")
}

// softmax writes y = e^(s[0]·(x − max x)) and s[1] = Σ y; s[0] > 0.
func (k *kernels) softmax() {
	const x, y, s, nv, n, p = 0, 1, 2, 3, 4, 5
	k.begin("softmax_"+k.out, "writes y = exp(s[0]·(x − max x)), s[1] = Σ y.", "x", "y", "s", "nv")
	k.mov(n, nv)
	k.mov(p, x)
	k.load(6, x, 0)
	k.loop(n, func() {
		k.load(0, p, 0)
		k.op(opMax, 6, 6, 0)
		k.addi(p, k.bytes())
	})
	k.reduce(opMax, 6, 7)
	k.spread(8, s, 0)
	k.zero(9)
	k.loop(nv, func() {
		k.load(0, x, 0)
		k.addi(x, k.bytes())
		k.op(opSub, 0, 0, 6)
		k.op(opMul, 0, 0, 8)
		k.exp(0, 1, 2)
		k.op(opAdd, 9, 9, 2)
		k.put(2, y)
	})
	k.reduce(opAdd, 9, 7)
	k.storeLane(9, s, 4)
	k.ret()
}

// accumulate sums into register d what f maps register 0 to, for the nv registers
// behind general register x: in four chains, four registers a turn, then the rest
// in the first. p and n are overwritten; f(acc) adds register 0 to acc.
func (k *kernels) accumulate(d, x, nv, p, n int, f func(acc int)) {
	chains := []int{d, 10, 11, 12}
	for _, c := range chains {
		k.zero(c)
	}
	k.mov(p, x)
	k.mov(n, nv)
	k.shift(n, 2)
	k.ifNonzero(n, func() {
		k.loop(n, func() {
			for i, c := range chains {
				k.load(0, p, i*k.bytes())
				f(c)
			}
			k.addi(p, 4*k.bytes())
		})
	})
	k.mov(n, nv)
	k.mask(n, 3)
	k.ifNonzero(n, func() {
		k.loop(n, func() {
			k.load(0, p, 0)
			k.addi(p, k.bytes())
			f(d)
		})
	})
	k.op(opAdd, 10, 10, 11)
	k.op(opAdd, d, d, 12)
	k.op(opAdd, d, d, 10)
	k.reduce(opAdd, d, 7)
}

// layerNorm normalises one row: s[0] is eps, s[1] is 1/n.
func (k *kernels) layerNorm() {
	const x, w, bias, y, s, nv, n, p = 0, 1, 2, 3, 4, 5, 6, 7
	k.begin("layernorm_"+k.out, "normalises a row: y = (x − mean)·rstd·w + bias; s is eps, 1/n.", "x", "w", "bias", "y", "s", "nv")
	k.spread(8, s, 4)
	k.accumulate(6, x, nv, p, n, func(acc int) { k.op(opAdd, acc, acc, 0) })
	k.op(opMul, 6, 6, 8)
	k.accumulate(9, x, nv, p, n, func(acc int) {
		k.op(opSub, 0, 0, 6)
		k.fma(acc, 0, 0)
	})
	k.rstd(9, 8, s)
	k.loop(nv, func() {
		k.load(0, x, 0)
		k.addi(x, k.bytes())
		k.op(opSub, 0, 0, 6)
		k.op(opMul, 0, 0, 9)
		k.load(1, w, 0)
		k.load(2, bias, 0)
		k.addi(w, k.bytes())
		k.addi(bias, k.bytes())
		k.fma(2, 0, 1)
		k.put(2, y)
	})
	k.ret()
}

// rstd turns a sum of squares in d into 1/√(d·inv + eps), inv in a register, eps
// at s[0].
func (k *kernels) rstd(d, inv, s int) {
	k.op(opMul, d, d, inv)
	k.spread(1, s, 0)
	k.op(opAdd, d, d, 1)
	k.sqrt(d, d)
	k.constant(1, 1)
	k.op(opDiv, d, 1, d)
}

// rmsNorm scales one row: s[0] is eps, s[1] is 1/n.
func (k *kernels) rmsNorm() {
	const x, w, y, s, nv, n, p = 0, 1, 2, 3, 4, 5, 6
	k.begin("rmsnorm_"+k.out, "scales a row: y = x·rstd·w; s is eps, 1/n.", "x", "w", "y", "s", "nv")
	k.spread(8, s, 4)
	k.accumulate(9, x, nv, p, n, func(acc int) { k.fma(acc, 0, 0) })
	k.rstd(9, 8, s)
	k.loop(nv, func() {
		k.load(0, x, 0)
		k.addi(x, k.bytes())
		k.op(opMul, 0, 0, 9)
		k.load(1, w, 0)
		k.addi(w, k.bytes())
		k.op(opMul, 0, 0, 1)
		k.put(0, y)
	})
	k.ret()
}

// scaleRows ends attention: y = c·s[row].
func (k *kernels) scaleRows() {
	const c, s, y, ldc, ldy, rows, nv, n, cc = 0, 1, 2, 3, 4, 5, 6, 7, 8
	k.begin("scalerows_"+k.out, "ends attention: y = c·s[row]; ldy is the gap after a row.", "c", "s", "y", "ldc", "ldy", "rows", "nv")
	k.loop(rows, func() {
		k.mov(cc, c)
		k.mov(n, nv)
		k.spread(1, s, 0)
		k.addi(s, 4)
		k.loop(n, func() {
			k.load(0, cc, 0)
			k.addi(cc, k.bytes())
			k.op(opMul, 0, 0, 1)
			k.put(0, y)
		})
		k.add(c, ldc)
		k.add(y, ldy)
	})
	k.ret()
}

// convert rounds a row to bf16.
func (k *kernels) convert() {
	const x, y, nv = 0, 1, 2
	k.begin("convert_bf16", "rounds f32 to bf16.", "x", "y", "nv")
	k.loop(nv, func() {
		k.load(0, x, 0)
		k.addi(x, k.bytes())
		k.put(0, y)
	})
	k.ret()
}

// pair interleaves rows of bf16 two by two, the width of a tile: how attention
// lays out values, with pairs of keys along k. n counts pairs.
func (k *kernels) pair() {
	const x, y, ldx, n = 0, 1, 2, 3
	k.begin("pair", "interleaves pairs of bf16 rows.", "x", "y", "ldx", "n")
	k.loop(n, func() {
		for v := range 2 {
			k.p("VPMOVZXWD %d(%s), Z%d", 32*v, k.g(x), v)
			k.p("VPMOVZXWD %d(%s)(%s*1), Z%d", 32*v, k.g(x), k.g(ldx), 2+v)
			k.p("VPSLLD $16, Z%d, Z%d", 2+v, 2+v)
			k.p("VPORD Z%d, Z%d, Z%d", v, 2+v, v)
			k.store(v, y, 64*v)
		}
		k.p("LEAQ (%s)(%s*2), %s", k.g(x), k.g(ldx), k.g(x))
		k.addi(y, 128)
	})
	k.ret()
}

// dot sums x·y in one chain per lane.
func (k *kernels) dot() {
	const x, y, s, nv = 0, 1, 2, 3
	k.begin("dot_f32", "writes s[0] = Σ x·y.", "x", "y", "s", "nv")
	k.zero(6)
	k.loop(nv, func() {
		k.load(0, x, 0)
		k.load(1, y, 0)
		k.addi(x, k.bytes())
		k.addi(y, k.bytes())
		k.fma(6, 0, 1)
	})
	k.reduce(opAdd, 6, 7)
	k.storeLane(6, s, 0)
	k.ret()
}

// quantize writes one row as x/s[0] rounded, s[0] = max|x|/127: bytes with 128
// added for VPDPBUSD (u8), words without for VPMADDWD (i16). The bf16 set's reads
// bf16.
func (k *kernels) quantize(form string) {
	const x, y, s, nv, n, p = 0, 1, 2, 3, 4, 5
	k.begin("quantize_"+form, "writes y = round(x/s[0]), s[0] = max|x|/127.", "x", "y", "s", "nv")
	k.mov(n, nv)
	k.mov(p, x)
	k.zero(6)
	k.largest(6, p, n)
	k.constant(1, 1e-30) // a row of zeros
	k.op(opMax, 6, 6, 1)
	k.opConst(opMul, 1, 6, 1.0/127)
	k.storeLane(1, s, 0)
	k.constant(7, 127)
	k.op(opDiv, 7, 7, 6)
	k.constBits(5, 128)
	k.loop(nv, func() {
		k.read(0, x)
		k.op(opMul, 0, 0, 7)
		k.p("VCVTPS2DQ %s, %s", k.r(0), k.r(0))
		k.narrow(form, y)
	})
	k.ret()
}

// largest reduces the absolute values of n registers of activations behind p into
// every lane of d. Without its sign a bf16 orders like an integer, so those are
// compared as they are.
func (k *kernels) largest(d, p, n int) {
	if k.bf16 {
		k.constBits(1, 0x7fff7fff)
		k.loop(n, func() {
			k.p("VPAND (%s), Y1, Y0", k.g(p))
			k.p("VPMAXUW Y0, Y%d, Y%d", d, d)
			k.addi(p, k.outBytes())
		})
		k.p("VPSLLD $16, Y%d, Y0", d) // even elements
		k.constBits(1, 0xffff0000)
		k.p("VPAND Y1, Y%d, Y%d", d, d)
		k.p("VMAXPS Y0, Y%d, Y%d", d, d)
		k.p("VINSERTF32X8 $1, Y%d, Z%d, Z%d", d, d, d)
	} else {
		k.zero(5)
		k.loop(n, func() {
			k.read(0, p)
			k.op(opSub, 1, 5, 0)
			k.op(opMax, 0, 0, 1)
			k.op(opMax, d, d, 0)
		})
	}
	k.reduce(opMax, d, 7)
}

// read loads a register of activations in the set's dtype and advances g.
func (k *kernels) read(d, g int) {
	if k.bf16 {
		k.p("VPMOVZXWD (%s), %s", k.g(g), k.r(d))
		k.p("VPSLLD $16, %s, %s", k.r(d), k.r(d))
	} else {
		k.load(d, g, 0)
	}
	k.addi(g, k.outBytes())
}

// narrow stores register 0's int32 lanes as bytes or words and advances y.
func (k *kernels) narrow(form string, y int) {
	if form == "u8" {
		k.p("VPADDD %s, %s, %s", k.r(5), k.r(0), k.r(0))
	}
	if k.lanes == 16 {
		k.p("VPMOVDB Z0, (%s)", k.g(y))
		k.addi(y, 16)
		return
	}
	k.p("VEXTRACTI128 $1, Y0, X1")
	k.p("VPACKSSDW X1, X0, X0")
	if form == "u8" {
		k.p("VPACKUSWB X0, X0, X0")
		k.p("VMOVQ X0, (%s)", k.g(y))
		k.addi(y, 8)
		return
	}
	k.p("VMOVDQU X0, (%s)", k.g(y))
	k.addi(y, 16)
}
