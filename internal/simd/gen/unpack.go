package main

// unpack turns 4-bit weights of a panel into what a tile multiplies: n rows of words,
// a word a column with eight weights one after the other along k, the first in the
// lowest bits and each with 8 added, times a scale a column. The result is 8·n rows of
// float32, or 4·n rows of pairs of bf16, which are cut off: half a step of bf16 is
// nothing beside one of 4 bits.
func (k *kernels) unpack() {
	const q, s, y, n = 0, 1, 2, 3
	k.begin("unpack_"+k.out, "unpacks n rows of eight 4-bit weights a column (see gen/unpack.go).", "q", "s", "y", "n")
	nv, row := k.nr/k.lanes, k.nr*4
	for v := range nv {
		k.load(8+v, s, v*k.bytes())
		k.weightScales(v)
	}
	if k.bf16 {
		k.constBits(7, 0xffff0000)
	}
	k.loop(n, func() {
		for v := range nv {
			k.load(0, q, v*k.bytes())
			if k.lanes < 16 { // 8 less, in two's complement
				k.constBits(3, 0x88888888)
				k.p("VPXOR %s, %s, %s", k.r(3), k.r(0), k.r(0))
			}
			for i := 0; i < 8; i++ {
				d := 1 + i%2
				k.weight(d, i, v)
				switch {
				case !k.bf16:
					k.store(d, y, i*row+v*k.bytes())
				case d == 2:
					k.p("VPSRLD $16, Z1, Z1")
					k.p("VPTERNLOGD $0xf8, Z7, Z2, Z1") // Z1 | Z2 & Z7
					k.store(1, y, i/2*row+v*k.bytes())
				}
			}
		}
		k.addi(q, row)
		if k.bf16 {
			k.addi(y, 4*row)
		} else {
			k.addi(y, 8*row)
		}
	})
	k.ret()
}

// weightScales prepares what AVX-512 has registers for: the scale in register 8+v over
// the place value of weights 0 to 6, and what 8 steps are, negative.
func (k *kernels) weightScales(v int) {
	if k.lanes < 16 {
		return
	}
	over := float32(1)
	for i := range 7 {
		k.opConst(opMul, 16+8*v+i, 8+v, over)
		over /= 16
	}
	k.opConst(opMul, 16+8*v+7, 8+v, -8)
}

// weight makes weight i of the words in register 0 a float32 in register d.
func (k *kernels) weight(d, i, v int) {
	if k.lanes < 16 {
		from := 0
		if i < 7 {
			k.p("VPSLLD $%d, %s, %s", 28-4*i, k.r(0), k.r(d))
			from = d
		}
		k.p("VPSRAD $28, %s, %s", k.r(from), k.r(d))
		k.p("VCVTDQ2PS %s, %s", k.r(d), k.r(d))
		k.op(opMul, d, d, 8+v)
		return
	}
	scale := 16 + 8*v + i
	if i < 7 { // where it is, it counts 16ⁱ times
		k.p("VPANDD %s(SB), Z0, Z%d", k.symbol(15<<(4*i)), d)
	} else {
		k.p("VPSRLD $28, Z0, Z%d", d)
		scale = 16 + 8*v
	}
	k.p("VCVTDQ2PS Z%d, Z%d", d, d)
	k.p("VFMADD213PS Z%d, Z%d, Z%d", 16+8*v+7, scale, d)
}
