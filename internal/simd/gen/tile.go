package main

import (
	"fmt"
	"strings"
)

// declare writes a Go parameter list; names in pointers are addresses, the rest sizes.
func declare(args []string) string {
	pointers := map[string]bool{"a": true, "b": true, "c": true, "x": true, "y": true, "w": true, "bias": true, "res": true, "s": true, "cs": true, "next": true, "base": true, "ids": true, "q": true, "out": true, "side": true, "list": true}
	var out []string
	for _, a := range args {
		if pointers[a] {
			out = append(out, a+" unsafe.Pointer")
		} else {
			out = append(out, a+" uintptr")
		}
	}
	return strings.Join(out, ", ")
}

var tileArgs = []string{"a", "b", "c", "lda", "ldb", "ldc", "k", "acc", "next", "ahead"}

// emitTile writes one matrix kernel: c (m, nr) = [c +] a (m, k) · b (k, nr), with
// lda, ldb, ldc in bytes and k in 4-byte units. Every element is one chain of
// multiply-adds in the order of k, whatever m is. Each step along k prefetches a
// line at next, which moves by ahead bytes: the part of the weights that the
// caller will need after this tile.
func emitTile(f, stubs *file, s isa, d dot, m int) {
	name := fmt.Sprintf("tile%d_%s_%s", m, d, s.name)
	f.function(stubs, name, fmt.Sprintf("multiplies a %dx%d tile (see gen/tile.go).", m, s.nr), tileArgs)
	if s.arch == "arm64" {
		tileNEON(f, s, m)
		return
	}
	t := &tile{file: f, isa: s, dot: d, m: m, nv: s.nr / s.lanes}
	t.emit()
}

// tile emits for amd64. Rows of a are addressed off one pointer per four rows
// with lda and 3·lda as index, so that no row needs a register of its own.
type tile struct {
	*file
	isa
	dot
	m, nv int
}

func (t *tile) emit() {
	t.prologue()
	t.p("CMPQ R14, $0")
	t.p("JNE load")
	for i := 0; i < t.m*t.nv; i++ {
		t.zero(i)
	}
	t.p("JMP start")
	t.label("load")
	t.p("MOVQ DI, DX")
	t.eachC(func(acc, off int) { t.move(fmt.Sprintf("%d(DX)", off), t.reg(acc)) })
	t.label("start")
	t.p("MOVQ next+64(FP), DX")
	t.p("MOVQ ahead+72(FP), R14")
	t.p("MOVQ R13, R15")
	t.p("ANDQ $3, R13")
	t.p("SHRQ $2, R15")
	t.p("JZ tail")
	t.p("PCALIGN $32")
	t.label("loop")
	for u := 0; u < 4; u++ {
		t.step(u)
	}
	t.advance(4)
	t.p("DECQ R15")
	t.p("JNZ loop")
	t.label("tail")
	t.p("TESTQ R13, R13")
	t.p("JZ done")
	t.label("one")
	t.step(0)
	t.advance(1)
	t.p("DECQ R13")
	t.p("JNZ one")
	t.label("done")
	t.p("MOVQ DI, DX")
	t.eachC(func(acc, off int) { t.move(t.reg(acc), fmt.Sprintf("%d(DX)", off)) })
	if t.name != "sse" {
		t.p("VZEROUPPER")
	}
	t.p("RET")
	t.p("")
}

// prologue: AX a, BX b, DI c, R8 lda, R9 3·lda, R12 ldb, CX ldc, R13 k, R14 acc;
// R10, R11, SI point four, eight, twelve rows below a. In the loop DX is what to
// prefetch and R14 how far that moves a step.
func (t *tile) prologue() {
	for i, r := range []string{"AX", "BX", "DI", "R8", "R12", "CX", "R13", "R14"} {
		t.p("MOVQ %s+%d(FP), %s", tileArgs[i], 8*i, r)
	}
	t.p("LEAQ (R8)(R8*2), R9")
	for i, r := range t.bases()[1:] {
		t.p("LEAQ (%s)(R8*4), %s", t.bases()[i], r)
	}
}

// bases are the pointers to every fourth row.
func (t *tile) bases() []string { return []string{"AX", "R10", "R11", "SI"}[:(t.m+3)/4] }

func (t *tile) row(i, off int) string {
	return fmt.Sprintf("%d(%s)%s", off, t.bases()[i/4], []string{"", "(R8*1)", "(R8*2)", "(R9*1)"}[i%4])
}

func (t *tile) advance(steps int) {
	for _, b := range t.bases() {
		t.p("ADDQ $%d, %s", 4*steps, b)
	}
}

// reg names a vector register: accumulators first, then nv for b, then one for a.
func (t *tile) reg(i int) string {
	switch t.lanes {
	case 16:
		return fmt.Sprintf("Z%d", i)
	case 8:
		return fmt.Sprintf("Y%d", i)
	}
	return fmt.Sprintf("X%d", i)
}

func (t *tile) zero(i int) {
	switch t.lanes {
	case 16:
		t.p("VPXORD %s, %s, %s", t.reg(i), t.reg(i), t.reg(i))
	case 8:
		t.p("VPXOR %s, %s, %s", t.reg(i), t.reg(i), t.reg(i))
	default:
		t.p("XORPS %s, %s", t.reg(i), t.reg(i))
	}
}

func (t *tile) move(from, to string) {
	if t.lanes == 4 {
		t.p("MOVUPS %s, %s", from, to)
	} else {
		t.p("VMOVUPS %s, %s", from, to)
	}
}

func (t *tile) eachC(f func(acc, off int)) {
	for i := 0; i < t.m; i++ {
		for v := 0; v < t.nv; v++ {
			f(i*t.nv+v, v*t.lanes*4)
		}
		if i < t.m-1 {
			t.p("ADDQ CX, DX")
		}
	}
}

// step multiplies one 4-byte unit along k: row nv registers of b once, then one
// broadcast and nv multiply-adds for each row of a.
func (t *tile) step(u int) {
	b := t.m * t.nv
	for v := 0; v < t.nv; v++ {
		t.loadB(v, t.reg(b+v))
	}
	for v := 0; v < t.nv*t.lanes*4; v += 64 {
		t.p("PREFETCHT1 %d(DX)", v)
	}
	t.p("ADDQ R14, DX")
	t.p("ADDQ R12, BX")
	for i := 0; i < t.m; i++ {
		a := t.reg(t.m*t.nv + t.nv + i%t.spare())
		t.broadcast(t.row(i, 4*u), a)
		for v := 0; v < t.nv; v++ {
			t.fma(i*t.nv+v, b+v, a)
		}
	}
}

// spare is how many registers broadcasts alternate between.
func (t *tile) spare() int {
	if t.lanes == 4 || t.dot == dotI16 { // one is scratch
		return 1
	}
	total := 16
	if t.lanes == 16 {
		total = 32
	}
	return min(total-t.m*t.nv-t.nv, 2)
}

func (t *tile) loadB(v int, r string) {
	switch t.dot {
	case dotF16:
		t.p("VCVTPH2PS %d(BX), %s", v*t.lanes*2, r)
	case dotI16:
		t.p("VPMOVSXBW %d(BX), %s", v*t.lanes*2, r)
	default:
		t.move(fmt.Sprintf("%d(BX)", v*t.lanes*4), r)
	}
}

func (t *tile) broadcast(mem, r string) {
	switch {
	case t.lanes == 4:
		t.p("MOVSS %s, %s", mem, r)
		t.p("SHUFPS $0, %s, %s", r, r)
	case t.dot == dotF32 || t.dot == dotF16:
		t.p("VBROADCASTSS %s, %s", mem, r)
	default:
		t.p("VPBROADCASTD %s, %s", mem, r)
	}
}

func (t *tile) fma(acc, b int, a string) {
	scratch := t.reg(15)
	switch {
	case t.lanes == 4:
		t.p("MOVAPS %s, %s", a, scratch)
		t.p("MULPS %s, %s", t.reg(b), scratch)
		t.p("ADDPS %s, %s", scratch, t.reg(acc))
	case t.dot == dotBF16:
		t.p("%s // VDPBF16PS Z%d, %s, Z%d", vdpbf16ps(acc, zmm(a), b), b, a, acc)
	case t.dot == dotI8 && t.name == "avxvnni":
		t.p("%s // VPDPBUSD Y%d, %s, Y%d", vpdpbusdVEX(acc, zmm(a), b), b, a, acc)
	case t.dot == dotI8:
		t.p("VPDPBUSD %s, %s, %s", t.reg(b), a, t.reg(acc))
	case t.dot == dotI16:
		t.p("VPMADDWD %s, %s, %s", t.reg(b), a, scratch)
		t.p("VPADDD %s, %s, %s", scratch, t.reg(acc), t.reg(acc))
	default:
		t.p("VFMADD231PS %s, %s, %s", t.reg(b), a, t.reg(acc))
	}
}

func zmm(r string) (n int) {
	fmt.Sscanf(r[1:], "%d", &n)
	return n
}
