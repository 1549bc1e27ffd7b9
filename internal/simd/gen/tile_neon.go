package main

import "fmt"

// tileNEON emits a tile of m rows by 16 columns: accumulators V0-V23, b in
// V24-V27, a broadcast in V28-V31; one pointer per row, R8-R13.
func tileNEON(f *file, s isa, m int) {
	for i, r := range []string{"R8", "R1", "R2", "R3", "R4", "R5", "R6", "R7"} {
		f.p("MOVD %s+%d(FP), %s", tileArgs[i], 8*i, r)
	}
	for i := 1; i < m; i++ {
		f.p("ADD R3, R%d, R%d", 7+i, 8+i)
	}
	f.p("CBNZ R7, load")
	for i := 0; i < 4*m; i++ {
		f.p("VEOR V%d.B16, V%d.B16, V%d.B16", i, i, i)
	}
	f.p("B start")
	f.label("load")
	f.p("MOVD R2, R14")
	rowsNEON(f, m, func(regs string) { f.p("VLD1 (R14), %s", regs) })
	f.label("start")
	f.p("CBZ R6, done")
	f.label("loop")
	f.p("VLD1 (R1), [V24.S4, V25.S4, V26.S4, V27.S4]")
	f.p("ADD R4, R1, R1")
	for i := 0; i < m; i++ {
		a := 28 + i%4
		f.p("VLD1R.P 4(R%d), [V%d.S4]", 8+i, a)
		for v := 0; v < 4; v++ {
			f.p("VFMLA V%d.S4, V%d.S4, V%d.S4", 24+v, a, 4*i+v)
		}
	}
	f.p("SUB $1, R6")
	f.p("CBNZ R6, loop")
	f.label("done")
	f.p("MOVD R2, R14")
	rowsNEON(f, m, func(regs string) { f.p("VST1 %s, (R14)", regs) })
	f.p("RET")
	f.p("")
}

func rowsNEON(f *file, m int, each func(regs string)) {
	for i := 0; i < m; i++ {
		each(fmt.Sprintf("[V%d.S4, V%d.S4, V%d.S4, V%d.S4]", 4*i, 4*i+1, 4*i+2, 4*i+3))
		f.p("ADD R5, R14, R14")
	}
}
