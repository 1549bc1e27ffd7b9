package main

import (
	"fmt"
	"math"
)

// vm is a vector machine of float32 lanes with three-operand instructions over
// registers 0-13 (two more are its own scratch) and general registers 0-11.
// AVX-512, AVX2, SSE4.1 and NEON implement it; SSE and NEON spend an extra move
// where their instructions overwrite an operand.
type vm struct {
	*file
	isa
	labels int
}

const (
	scratch0 = 14 // used inside single vm instructions
	scratch1 = 15
)

func (v *vm) arm() bool { return v.arch == "arm64" }

// r names a vector register.
func (v *vm) r(i int) string {
	switch v.lanes {
	case 16:
		return fmt.Sprintf("Z%d", i)
	case 8:
		return fmt.Sprintf("Y%d", i)
	}
	if v.arm() {
		return fmt.Sprintf("V%d", i)
	}
	return fmt.Sprintf("X%d", i)
}

// g names a general register.
func (v *vm) g(i int) string {
	if v.arm() {
		return fmt.Sprintf("R%d", i)
	}
	return [...]string{"AX", "BX", "CX", "DX", "SI", "DI", "R8", "R9", "R10", "R11", "R12", "R13"}[i]
}

// bytes is a register's size.
func (v *vm) bytes() int { return v.lanes * 4 }

// args loads the arguments into general registers 0, 1, 2, …
func (v *vm) args(names []string) {
	for i, n := range names {
		v.p("%s %s+%d(FP), %s", v.pick("MOVQ", "MOVD"), n, 8*i, v.g(i))
	}
}

func (v *vm) pick(amd64, arm64 string) string {
	if v.arm() {
		return arm64
	}
	return amd64
}

func (v *vm) mov(dst, src int) { v.p("%s %s, %s", v.pick("MOVQ", "MOVD"), v.g(src), v.g(dst)) }

func (v *vm) add(dst, src int) { v.p("%s %s, %s", v.pick("ADDQ", "ADD"), v.g(src), v.g(dst)) }

func (v *vm) addi(dst, n int) { v.p("%s $%d, %s", v.pick("ADDQ", "ADD"), n, v.g(dst)) }

func (v *vm) shift(dst, n int) { // right
	if v.arm() {
		v.p("LSR $%d, %s, %s", n, v.g(dst), v.g(dst))
		return
	}
	v.p("SHRQ $%d, %s", n, v.g(dst))
}

func (v *vm) mask(dst, n int) { v.p("%s $%d, %s", v.pick("ANDQ", "AND"), n, v.g(dst)) }

// loop runs body while general register n counts down to zero; at least once.
func (v *vm) loop(n int, body func()) {
	v.labels++
	l := fmt.Sprintf("loop%d", v.labels)
	v.label(l)
	body()
	if v.arm() {
		v.p("SUB $1, %s", v.g(n))
		v.p("CBNZ %s, %s", v.g(n), l)
		return
	}
	v.p("DECQ %s", v.g(n))
	v.p("JNZ %s", l)
}

// ifNonzero runs body unless general register n is zero.
func (v *vm) ifNonzero(n int, body func()) {
	v.labels++
	l := fmt.Sprintf("skip%d", v.labels)
	if v.arm() {
		v.p("CBZ %s, %s", v.g(n), l)
	} else {
		v.p("TESTQ %s, %s", v.g(n), v.g(n))
		v.p("JZ %s", l)
	}
	body()
	v.label(l)
}

func (v *vm) ret() {
	if v.lanes > 4 {
		v.p("VZEROUPPER")
	}
	v.p("RET")
	v.p("")
}

// load and store move one register from and to off bytes past general register g.
func (v *vm) load(d, g, off int) {
	switch {
	case v.arm():
		v.p("FMOVQ %d(%s), F%d", off, v.g(g), d)
	case v.lanes == 4:
		v.p("MOVUPS %d(%s), %s", off, v.g(g), v.r(d))
	default:
		v.p("VMOVUPS %d(%s), %s", off, v.g(g), v.r(d))
	}
}

func (v *vm) store(s, g, off int) {
	switch {
	case v.arm():
		v.p("FMOVQ F%d, %d(%s)", s, off, v.g(g))
	case v.lanes == 4:
		v.p("MOVUPS %s, %d(%s)", v.r(s), off, v.g(g))
	default:
		v.p("VMOVUPS %s, %d(%s)", v.r(s), off, v.g(g))
	}
}

// storeBF16 rounds to bfloat16 and stores half a register's bytes.
func (v *vm) storeBF16(s, g, off int) {
	v.p("%s // VCVTNEPS2BF16 Z%d, Y%d", vcvtneps2bf16(scratch0, s), s, scratch0)
	v.p("VMOVDQU Y%d, %d(%s)", scratch0, off, v.g(g))
}

// spread loads one float32 into all lanes.
func (v *vm) spread(d, g, off int) {
	switch {
	case v.arm():
		v.p("ADD $%d, %s, R16", off, v.g(g))
		v.p("VLD1R (R16), [V%d.S4]", d)
	case v.lanes == 4:
		v.p("MOVSS %d(%s), %s", off, v.g(g), v.r(d))
		v.p("SHUFPS $0, %s, %s", v.r(d), v.r(d))
	default:
		v.p("VBROADCASTSS %d(%s), %s", off, v.g(g), v.r(d))
	}
}

// symbol is read-only data: 16 copies of a 32-bit pattern.
func (v *vm) symbol(bits uint32) string {
	name := fmt.Sprintf("%s_%08x", v.name, bits)
	if !v.seen[name] {
		v.seen[name] = true
		for i := 0; i < 16; i += 2 {
			fmt.Fprintf(&v.data, "DATA %s<>+%d(SB)/8, $0x%08x%08x\n", name, 4*i, bits, bits)
		}
		fmt.Fprintf(&v.data, "GLOBL %s<>(SB), RODATA|NOPTR, $64\n\n", name)
	}
	return name + "<>"
}

func (v *vm) constant(d int, f float32) { v.constBits(d, math.Float32bits(f)) }

func (v *vm) constBits(d int, bits uint32) {
	sym := v.symbol(bits)
	switch {
	case v.arm():
		v.p("MOVD $%s(SB), R16", sym)
		v.p("VLD1 (R16), [V%d.S4]", d)
	case v.lanes == 4:
		v.p("MOVUPS %s(SB), %s", sym, v.r(d))
	default:
		v.p("VMOVUPS %s(SB), %s", sym, v.r(d))
	}
}

// arith is one three-operand instruction in each dialect.
type arith struct {
	avx, sse string
	neon     uint32 // encoding with zero registers
	commutes bool
}

var (
	opAdd = arith{"VADDPS", "ADDPS", 0x4e20d400, true}
	opSub = arith{"VSUBPS", "SUBPS", 0x4ea0d400, false}
	opMul = arith{"VMULPS", "MULPS", 0x6e20dc00, true}
	opDiv = arith{"VDIVPS", "DIVPS", 0x6e20fc00, false}
	opMax = arith{"VMAXPS", "MAXPS", 0x4e20f400, true}
	opMin = arith{"VMINPS", "MINPS", 0x4ea0f400, true}
)

// op computes d = a ∘ b.
func (v *vm) op(o arith, d, a, b int) {
	switch {
	case v.arm():
		v.p("WORD $0x%08x // %s V%d, V%d, V%d", o.neon|uint32(b)<<16|uint32(a)<<5|uint32(d), o.avx, b, a, d)
	case v.lanes > 4:
		v.p("%s %s, %s, %s", o.avx, v.r(b), v.r(a), v.r(d))
	case d == a:
		v.p("%s %s, %s", o.sse, v.r(b), v.r(d))
	case d == b && o.commutes:
		v.p("%s %s, %s", o.sse, v.r(a), v.r(d))
	case d == b:
		v.p("MOVAPS %s, %s", v.r(b), v.r(scratch0))
		v.p("MOVAPS %s, %s", v.r(a), v.r(d))
		v.p("%s %s, %s", o.sse, v.r(scratch0), v.r(d))
	default:
		v.p("MOVAPS %s, %s", v.r(a), v.r(d))
		v.p("%s %s, %s", o.sse, v.r(b), v.r(d))
	}
}

// opConst computes d = a ∘ f.
func (v *vm) opConst(o arith, d, a int, f float32) {
	if v.lanes > 4 {
		v.p("%s %s(SB), %s, %s", o.avx, v.symbol(math.Float32bits(f)), v.r(a), v.r(d))
		return
	}
	v.constant(scratch1, f)
	v.op(o, d, a, scratch1)
}

// fma computes d += a·b.
func (v *vm) fma(d, a, b int) {
	switch {
	case v.arm():
		v.p("VFMLA V%d.S4, V%d.S4, V%d.S4", b, a, d)
	case v.lanes > 4:
		v.p("VFMADD231PS %s, %s, %s", v.r(b), v.r(a), v.r(d))
	default:
		v.p("MOVAPS %s, %s", v.r(a), v.r(scratch0))
		v.p("MULPS %s, %s", v.r(b), v.r(scratch0))
		v.p("ADDPS %s, %s", v.r(scratch0), v.r(d))
	}
}

// fmaConst computes d += a·f.
func (v *vm) fmaConst(d, a int, f float32) {
	if v.lanes > 4 {
		v.p("VFMADD231PS %s(SB), %s, %s", v.symbol(math.Float32bits(f)), v.r(a), v.r(d))
		return
	}
	v.constant(scratch1, f)
	v.fma(d, a, scratch1)
}

// horner computes p = p·x + f, a step of a polynomial.
func (v *vm) horner(p, x int, f float32) {
	switch {
	case v.lanes > 4:
		v.p("VFMADD213PS %s(SB), %s, %s", v.symbol(math.Float32bits(f)), v.r(x), v.r(p))
	case v.arm():
		v.constant(scratch1, f)
		v.fma(scratch1, p, x)
		v.copy(p, scratch1)
	default:
		v.op(opMul, p, p, x)
		v.opConst(opAdd, p, p, f)
	}
}

func (v *vm) copy(d, s int) {
	switch {
	case v.arm():
		v.p("VORR V%d.B16, V%d.B16, V%d.B16", s, s, d)
	case v.lanes > 4:
		v.p("VMOVAPS %s, %s", v.r(s), v.r(d))
	default:
		v.p("MOVAPS %s, %s", v.r(s), v.r(d))
	}
}

func (v *vm) zero(d int) {
	switch {
	case v.arm():
		v.p("VEOR V%d.B16, V%d.B16, V%d.B16", d, d, d)
	case v.lanes == 16:
		v.p("VPXORD %s, %s, %s", v.r(d), v.r(d), v.r(d))
	case v.lanes == 8:
		v.p("VXORPS %s, %s, %s", v.r(d), v.r(d), v.r(d))
	default:
		v.p("XORPS %s, %s", v.r(d), v.r(d))
	}
}

// round rounds to the nearest integer, ties to even.
func (v *vm) round(d, a int) {
	switch {
	case v.arm():
		v.p("WORD $0x%08x // FRINTN V%d, V%d", 0x4e218800|uint32(a)<<5|uint32(d), a, d)
	case v.lanes == 16:
		v.p("VRNDSCALEPS $0, %s, %s", v.r(a), v.r(d))
	case v.lanes == 8:
		v.p("VROUNDPS $0, %s, %s", v.r(a), v.r(d))
	default:
		v.p("ROUNDPS $0, %s, %s", v.r(a), v.r(d))
	}
}

// scale computes d *= 2ⁿ for whole n in [-127, 128]; n is overwritten.
func (v *vm) scale(d, n int) {
	if v.lanes == 16 {
		v.p("VSCALEFPS %s, %s, %s", v.r(n), v.r(d), v.r(d))
		return
	}
	v.constBits(scratch1, 127)
	switch {
	case v.arm():
		v.p("WORD $0x%08x // FCVTNS V%d, V%d", 0x4e21a800|uint32(n)<<5|uint32(n), n, n)
		v.p("VADD V%d.S4, V%d.S4, V%d.S4", scratch1, n, n)
		v.p("VSHL $23, V%d.S4, V%d.S4", n, n)
	case v.lanes == 8:
		v.p("VCVTPS2DQ %s, %s", v.r(n), v.r(n))
		v.p("VPADDD %s, %s, %s", v.r(scratch1), v.r(n), v.r(n))
		v.p("VPSLLD $23, %s, %s", v.r(n), v.r(n))
	default:
		v.p("CVTPS2PL %s, %s", v.r(n), v.r(n))
		v.p("PADDL %s, %s", v.r(scratch1), v.r(n))
		v.p("PSLLL $23, %s", v.r(n))
	}
	v.op(opMul, d, d, n)
}

// sqrt computes d = √a.
func (v *vm) sqrt(d, a int) {
	switch {
	case v.arm():
		v.p("WORD $0x%08x // FSQRT V%d, V%d", 0x6ea1f800|uint32(a)<<5|uint32(d), a, d)
	case v.lanes > 4:
		v.p("VSQRTPS %s, %s", v.r(a), v.r(d))
	default:
		v.p("SQRTPS %s, %s", v.r(a), v.r(d))
	}
}

// reduce folds the lanes of d with o, halves onto halves; the result is in every
// lane. Scratch is t.
func (v *vm) reduce(o arith, d, t int) {
	switch {
	case v.lanes == 16:
		v.p("VSHUFF32X4 $0x4e, %s, %s, %s", v.r(d), v.r(d), v.r(t))
		v.op(o, d, d, t)
		v.p("VSHUFF32X4 $0xb1, %s, %s, %s", v.r(d), v.r(d), v.r(t))
		v.op(o, d, d, t)
	case v.lanes == 8:
		v.p("VPERM2F128 $1, %s, %s, %s", v.r(d), v.r(d), v.r(t))
		v.op(o, d, d, t)
	}
	for _, swap := range []int{0x4e, 0xb1} {
		v.shuffle(t, d, swap)
		v.op(o, d, d, t)
	}
}

// shuffle permutes the four lanes of each 128 bits: 0x4e swaps halves, 0xb1 neighbours.
func (v *vm) shuffle(d, a, sel int) {
	switch {
	case v.arm() && sel == 0x4e:
		v.p("VEXT $8, V%d.B16, V%d.B16, V%d.B16", a, a, d)
	case v.arm():
		v.p("VREV64 V%d.S4, V%d.S4", a, d)
	case v.lanes > 4:
		v.p("VPERMILPS $0x%02x, %s, %s", sel, v.r(a), v.r(d))
	default:
		v.p("PSHUFL $0x%02x, %s, %s", sel, v.r(a), v.r(d))
	}
}

// storeLane stores the first lane.
func (v *vm) storeLane(s, g, off int) {
	switch {
	case v.arm():
		v.p("FMOVS F%d, %d(%s)", s, off, v.g(g))
	case v.lanes > 4:
		v.p("VMOVSS X%d, %d(%s)", s, off, v.g(g))
	default:
		v.p("MOVSS %s, %d(%s)", v.r(s), off, v.g(g))
	}
}
