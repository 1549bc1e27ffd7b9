package main

import "fmt"

// amx emits the matrix kernels of Intel's AMX: eight registers of 16 rows by 64
// bytes. Registers 0 to 3 hold 32 by 32 sums, 4 and 5 two times 16 rows of a, 6 and
// 7 two times 16 columns of b, so that four loads serve four multiplications. The
// panels are those of the AVX-512 tiles: a unit of 32 columns is a row of both 6
// and 7.
//
// One call takes any number of rows: loading a configuration costs as much as a
// dozen multiplications, so blocks of 32 rows go by under one. No state of the tiles
// outlives a call: Go neither preempts assembly nor moves it to another thread, and
// the operating system saves the tiles when it interrupts.
//
// Every element is summed in blocks of 16 units along k. The last may be shorter: it
// is a second pass with configurations of its own.
type amx struct {
	*file
	dot
}

var tallArgs = append(append([]string{}, tileArgs...), "rows")

// Locals of the frame. The configuration is 64 bytes: the columns of register t, in
// bytes, at 16+2t, its rows at 48+t.
const (
	localSteps = "steps-72(SP)"  // whole steps of 16 units in this pass
	localRest  = "rest-80(SP)"   // units after them
	localUnits = "units-88(SP)"  // in a step of this pass: 16, or the rest
	localLeft  = "left-96(SP)"   // rows to come
	localAcc   = "acc-104(SP)"   // as the argument; 1 in a second pass
	localA     = "a-112(SP)"     // where this pass begins in a
	localB     = "b-120(SP)"     // and in b
	localUpper = "upper-128(SP)" // configured rows of registers 0, 1 and 4
	localLower = "lower-136(SP)" // and of 2, 3 and 5
	amxFrame   = 136
)

// emitTall writes one matrix kernel for any number of rows. In a pass R10 and R11
// are the block's first rows of a and c, AX its 17th of c or so; SI and R9 move along
// k over its two parts of a, BX over b; R8 lda, R12 ldb, DI 16·ldb, CX ldc; R13
// counts steps; DX is what to prefetch and R14 how many times 256 bytes a step.
func emitTall(f, stubs *file, s isa, d dot) {
	name := fmt.Sprintf("tall_%s_%s", d, s.name)
	fmt.Fprintf(&f.code, "// func %s(%s)\n", name, declare(tallArgs))
	fmt.Fprintf(&f.code, "TEXT ·%s(SB), NOSPLIT, $%d-%d\n", name, amxFrame, 8*len(tallArgs))
	fmt.Fprintf(&stubs.code, "// %s multiplies any number of rows (see gen/amx.go).\n//\n//go:noescape\nfunc %s(%s)\n\n", name, name, declare(tallArgs))
	t := &amx{f, d}
	t.prologue()
	t.label("pass")
	t.p("MOVQ rows+80(FP), R15")
	t.p("MOVQ R15, %s", localLeft)
	t.p("MOVQ $0, %s", localUpper)
	t.p("MOVQ %s, R10", localA)
	t.p("MOVQ c+16(FP), R11")
	t.label("block")
	t.heights()
	t.configure()
	t.label("ready")
	t.p("CMPQ %s, $0", localLower)
	t.p("JEQ single")
	t.multiply("double", true)
	t.p("JMP next")
	t.label("single")
	t.multiply("half", false)
	t.label("next")
	t.advance()
	t.secondPass()
	t.p("%s // TILERELEASE", tileRelease())
	t.p("RET")
	t.p("")
}

func (t *amx) prologue() {
	load := func(i int, r string) { t.p("MOVQ %s+%d(FP), %s", tallArgs[i], 8*i, r) }
	load(3, "R8")
	load(4, "R12")
	load(5, "CX")
	load(6, "R13")
	load(8, "DX")
	load(9, "R14")
	t.p("ADDQ $15, R14")
	t.p("SHRQ $4, R14")
	t.p("MOVQ R12, DI")
	t.p("SHLQ $4, DI")
	for i, local := range []string{localA, localB} {
		load(i, "R15")
		t.p("MOVQ R15, %s", local)
	}
	load(7, "R15")
	t.p("MOVQ R15, %s", localAcc)
	t.p("MOVQ R13, R15")
	t.p("ANDQ $15, R15")
	t.p("MOVQ R15, %s", localRest)
	t.p("MOVQ $16, %s", localUnits)
	t.p("SHRQ $4, R13")
	t.p("MOVQ R13, %s", localSteps)
	t.p("JZ rest")
}

// heights finds the rows of the two halves of the next block, in AX and BX: 16 and
// 16, the last up to 31 evenly, and one half alone up to 16. Where they are those
// configured it goes on at ready.
func (t *amx) heights() {
	t.p("MOVQ %s, AX", localLeft)
	t.p("MOVQ $16, BX")
	t.p("CMPQ AX, $32")
	t.p("JGE full")
	t.p("XORL BX, BX")
	t.p("CMPQ AX, $16")
	t.p("JLE chosen")
	t.p("MOVQ AX, BX")
	t.p("SHRQ $1, BX")
	t.p("SUBQ BX, AX")
	t.p("JMP chosen")
	t.label("full")
	t.p("MOVQ BX, AX")
	t.p("CMPQ %s, AX", localUpper)
	t.p("JEQ ready")
	t.label("chosen")
	t.p("MOVQ AX, %s", localUpper)
	t.p("MOVQ BX, %s", localLower)
}

// configure builds the configuration for the heights in AX and BX and loads it.
func (t *amx) configure() {
	at := func(off int) string { return fmt.Sprintf("cfg%d-%d(SP)", off, 64-off) }
	for off := 0; off < 64; off += 8 {
		t.p("MOVQ $0, %s", at(off))
	}
	t.p("MOVB $1, %s", at(0))
	t.p("MOVQ %s, R15", localUnits)
	register := func(i int, rows, cols string) {
		t.p("MOVW %s, %s", cols, at(16+2*i))
		t.p("MOVB %s, %s", rows, at(48+i))
	}
	for i := 6; i < 8; i++ {
		register(i, "R15", "$64")
	}
	t.p("SHLQ $2, R15")
	register(0, "AX", "$64")
	register(1, "AX", "$64")
	register(4, "AX", "R15")
	t.p("TESTQ BX, BX")
	t.p("JZ lone")
	register(2, "BX", "$64")
	register(3, "BX", "$64")
	register(5, "BX", "R15")
	t.label("lone")
	t.p("LEAQ cfg0-64(SP), AX")
	t.p("%s // LDTILECFG (AX)", loadTileConfig())
}

// multiply runs one block along k: both halves, or the upper one.
func (t *amx) multiply(label string, both bool) {
	if both {
		t.p("MOVQ %s, R15", localUpper)
		t.p("MOVQ R15, R9")
		t.p("IMULQ R8, R9")
		t.p("ADDQ R10, R9")
		t.p("IMULQ CX, R15")
		t.p("LEAQ (R11)(R15*1), AX")
	}
	t.p("CMPQ %s, $0", localAcc)
	t.p("JNE %s_load", label)
	t.eachSum(both, func(reg, _, _ int) { t.p("%s // TILEZERO T%d", tileZero(reg), reg) })
	t.p("JMP %s_start", label)
	t.label(label + "_load")
	t.eachSum(both, func(reg, base, off int) { t.p("%s", tileLoad(reg, base, gCX, off)) })
	t.label(label + "_start")
	t.p("MOVQ R10, SI")
	t.p("MOVQ %s, BX", localB)
	t.p("MOVQ %s, R13", localSteps)
	t.label(label + "_step")
	t.p("%s", tileLoad(6, gBX, gR12, 0))
	t.p("%s", tileLoad(4, gSI, gR8, 0))
	t.p("%s", tileLoad(7, gBX, gR12, 64))
	t.dots(0, 4)
	if both {
		t.p("%s", tileLoad(5, gR9, gR8, 0))
		t.dots(2, 5)
		t.p("ADDQ $64, R9")
	}
	t.p("ADDQ $64, SI")
	t.p("ADDQ DI, BX")
	t.prefetch(label)
	t.p("DECQ R13")
	t.p("JNZ %s_step", label)
	t.eachSum(both, func(reg, base, off int) { t.p("%s", tileStore(reg, base, gCX, off)) })
}

// eachSum calls f with each register of sums and where it lies: base and offset.
func (t *amx) eachSum(both bool, f func(reg, base, off int)) {
	f(0, gR11, 0)
	f(1, gR11, 64)
	if both {
		f(2, gAX, 0)
		f(3, gAX, 64)
	}
}

// dots adds the products of register a with both of b to c and c+1.
func (t *amx) dots(c, a int) {
	for i := range 2 {
		if t.dot == dotBF16 {
			t.p("%s // TDPBF16PS T%d, T%d, T%d", tdpbf16ps(c+i, a, 6+i), 6+i, a, c+i)
		} else {
			t.p("%s // TDPBUSD T%d, T%d, T%d", tdpbusd(c+i, a, 6+i), 6+i, a, c+i)
		}
	}
}

func (t *amx) prefetch(label string) {
	t.p("MOVQ R14, R15")
	t.p("TESTQ R15, R15")
	t.p("JZ %s_fetched", label)
	t.label(label + "_fetch")
	for off := 0; off < 256; off += 64 {
		t.p("PREFETCHT1 %d(DX)", off)
	}
	t.p("ADDQ $256, DX")
	t.p("DECQ R15")
	t.p("JNZ %s_fetch", label)
	t.label(label + "_fetched")
}

// advance goes on to the next block of rows.
func (t *amx) advance() {
	t.p("MOVQ %s, R15", localUpper)
	t.p("ADDQ %s, R15", localLower)
	t.p("SUBQ R15, %s", localLeft)
	t.p("JZ passed")
	t.p("MOVQ R15, R13")
	t.p("IMULQ R8, R13")
	t.p("ADDQ R13, R10")
	t.p("IMULQ CX, R15")
	t.p("ADDQ R15, R11")
	t.p("JMP block")
	t.label("passed")
}

// secondPass runs the units that the whole steps left, as one short step.
func (t *amx) secondPass() {
	t.p("MOVQ %s, R13", localSteps)
	t.p("CMPQ %s, $0", localRest)
	t.p("JEQ done")
	t.p("MOVQ $1, %s", localAcc)
	t.p("MOVQ R13, R15")
	t.p("SHLQ $6, R15")
	t.p("ADDQ R15, %s", localA)
	t.p("IMULQ DI, R13")
	t.p("ADDQ R13, %s", localB)
	t.label("rest")
	t.p("MOVQ %s, R15", localRest)
	t.p("MOVQ R15, %s", localUnits)
	t.p("MOVQ $0, %s", localRest)
	t.p("MOVQ $1, %s", localSteps)
	t.p("XORL R14, R14")
	t.p("JMP pass")
	t.label("done")
}
