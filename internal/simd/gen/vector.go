package main

// Kernels of vector search: one call scores a whole list of rows, and fetches the
// rows to come while it works on those that are here.

// fetchAhead is how many rows a list kernel fetches ahead; lists are readable for
// as many entries past their end.
const fetchAhead = 12

// emitCodes writes what an instruction set has for 4-bit codes: VPDPBUSD where it
// exists, else VPMADDUBSW. NEON takes the twin.
func emitCodes(f, stubs *file, s isa) {
	if s.arch != "amd64" || s.bf16 || s.tall {
		return
	}
	k := &kernels{vm: vm{file: f, isa: s}, stubs: stubs}
	k.codes()
}

// codes sums code·query over rows of 4-bit codes. 64 bytes hold 128 codes: byte j
// has code j in its low half and code 64+j in its high half.
func (k *kernels) codes() {
	const base, ids, n, q, out, stride, chunks, side, row, next, count, qp = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	const acc, low, high, mask, ones = 0, 2, 3, 6, 7
	k.begin("codes", "writes out[i] = Σ code·q over row ids[i] (see gen/vector.go).",
		"base", "ids", "n", "q", "out", "stride", "chunks", "side")
	k.constBits(mask, 0x0f0f0f0f)
	k.constBits(ones, 0x00010001)
	for i := range fetchAhead {
		k.p("MOVL %d(%s), %s", 4*i, k.g(ids), k.g(next))
		k.p("IMULQ %s, %s", k.g(stride), k.g(next))
		k.add(next, base)
		k.mov(count, chunks)
		k.loop(count, func() {
			k.p("PREFETCHT0 (%s)", k.g(next))
			k.addi(next, 64)
		})
	}
	k.loop(n, func() {
		k.p("MOVL %d(%s), %s", 4*fetchAhead, k.g(ids), k.g(next))
		k.mov(row, next)
		k.p("SHLQ $4, %s", k.g(row))
		k.p("PREFETCHT0 (%s)(%s*1)", k.g(side), k.g(row))
		k.p("IMULQ %s, %s", k.g(stride), k.g(next))
		k.add(next, base)
		k.p("MOVL (%s), %s", k.g(ids), k.g(row))
		k.p("IMULQ %s, %s", k.g(stride), k.g(row))
		k.add(row, base)
		k.mov(count, chunks)
		k.mov(qp, q)
		k.zero(acc)
		k.zero(acc + 1)
		k.loop(count, func() {
			for off := 0; off < 64; off += k.bytes() {
				k.nibbles(low, high, mask, row, off)
				k.addProducts(acc, low, high, ones, qp, off)
			}
			k.p("PREFETCHT0 (%s)", k.g(next))
			k.addi(row, 64)
			k.addi(next, 64)
			k.addi(qp, 128)
		})
		k.addInts(acc, acc, acc+1)
		k.reduceInts(acc, low)
		k.storeLane(acc, out, 0)
		k.addi(ids, 4)
		k.addi(out, 4)
	})
	k.ret()
}

// nibbles loads a register of bytes and parts it into its low and its high halves.
func (k *kernels) nibbles(low, high, mask, g, off int) {
	k.load(low, g, off)
	switch k.lanes {
	case 4:
		k.p("MOVO X%d, X%d", low, high)
		k.p("PSRLW $4, X%d", high)
		k.p("PAND X%d, X%d", mask, low)
		k.p("PAND X%d, X%d", mask, high)
	case 8:
		k.p("VPSRLW $4, Y%d, Y%d", low, high)
		k.p("VPAND Y%d, Y%d, Y%d", mask, low, low)
		k.p("VPAND Y%d, Y%d, Y%d", mask, high, high)
	default:
		k.p("VPSRLW $4, Z%d, Z%d", low, high)
		k.p("VPANDD Z%d, Z%d, Z%d", mask, low, low)
		k.p("VPANDD Z%d, Z%d, Z%d", mask, high, high)
	}
}

// addProducts adds codes times query bytes to int32 lanes: two accumulators where
// VPDPBUSD adds, else one, since |code·q| ≤ 15·127 leaves 16 bits room for four.
func (k *kernels) addProducts(acc, low, high, ones, q, off int) {
	switch k.name {
	case "avx512vnni":
		k.p("VPDPBUSD %d(%s), Z%d, Z%d", off, k.g(q), low, acc)
		k.p("VPDPBUSD %d(%s), Z%d, Z%d", 64+off, k.g(q), high, acc+1)
	case "avxvnni":
		k.load(4, q, off)
		k.load(5, q, 64+off)
		k.p("%s // VPDPBUSD Y4, Y%d, Y%d", vpdpbusdVEX(acc, low, 4), low, acc)
		k.p("%s // VPDPBUSD Y5, Y%d, Y%d", vpdpbusdVEX(acc+1, high, 5), high, acc+1)
	case "sse":
		k.load(4, q, off)
		k.load(5, q, 64+off)
		k.p("PMADDUBSW X4, X%d", low)
		k.p("PMADDUBSW X5, X%d", high)
		k.p("PADDW X%d, X%d", high, low)
		k.p("PMADDWL X%d, X%d", ones, low)
		k.p("PADDL X%d, X%d", low, acc)
	default:
		k.p("VPMADDUBSW %d(%s), %s, %s", off, k.g(q), k.r(low), k.r(low))
		k.p("VPMADDUBSW %d(%s), %s, %s", 64+off, k.g(q), k.r(high), k.r(high))
		k.p("VPADDW %s, %s, %s", k.r(high), k.r(low), k.r(low))
		k.p("VPMADDWD %s, %s, %s", k.r(ones), k.r(low), k.r(low))
		k.addInts(acc, acc, low)
	}
}

// addInts computes d = a + b over int32 lanes; d is a.
func (k *kernels) addInts(d, a, b int) {
	if k.lanes > 4 {
		k.p("VPADDD %s, %s, %s", k.r(b), k.r(a), k.r(d))
		return
	}
	k.p("PADDL %s, %s", k.r(b), k.r(d))
}

// reduceInts sums the lanes of d into its first; t is overwritten.
func (k *kernels) reduceInts(d, t int) {
	if k.lanes == 16 {
		k.p("VEXTRACTI64X4 $1, Z%d, Y%d", d, t)
		k.p("VPADDD Y%d, Y%d, Y%d", t, d, d)
	}
	if k.lanes >= 8 {
		k.p("VEXTRACTI128 $1, Y%d, X%d", d, t)
		k.p("VPADDD X%d, X%d, X%d", t, d, d)
		for _, sel := range []int{0x4e, 0xb1} {
			k.p("VPSHUFD $0x%02x, X%d, X%d", sel, d, t)
			k.p("VPADDD X%d, X%d, X%d", t, d, d)
		}
		return
	}
	for _, sel := range []int{0x4e, 0xb1} {
		k.p("PSHUFL $0x%02x, X%d, X%d", sel, d, t)
		k.p("PADDL X%d, X%d", t, d)
	}
}

// rows writes the inner products of one query with n rows of nv registers. Every
// row's sum has the same order, four chains and then the rest. The list of rows is
// readable for one entry past its end.
func (k *kernels) rows() {
	const q, list, n, out, nv, row, next, count, qp = 0, 1, 2, 3, 4, 5, 6, 7, 8
	k.begin("rows_f32", "writes out[i] = Σ q·rows[i] (see gen/vector.go).", "q", "list", "n", "out", "nv")
	k.loop(n, func() {
		k.p("%s (%s), %s", k.pick("MOVQ", "MOVD"), k.g(list), k.g(row))
		k.p("%s 8(%s), %s", k.pick("MOVQ", "MOVD"), k.g(list), k.g(next))
		k.addi(list, 8)
		k.mov(qp, q)
		chains := []int{6, 10, 11, 12}
		for _, c := range chains {
			k.zero(c)
		}
		step := func(i, acc int) {
			k.load(0, row, i*k.bytes())
			k.load(1, qp, i*k.bytes())
			k.fma(acc, 0, 1)
		}
		k.mov(count, nv)
		k.shift(count, 2)
		k.ifNonzero(count, func() {
			k.loop(count, func() {
				for i, c := range chains {
					step(i, c)
				}
				for off := 0; off < 4*k.bytes(); off += 64 {
					k.fetch(next, off)
				}
				for _, g := range []int{row, qp, next} {
					k.addi(g, 4*k.bytes())
				}
			})
		})
		k.mov(count, nv)
		k.mask(count, 3)
		k.ifNonzero(count, func() {
			k.loop(count, func() {
				step(0, 6)
				k.addi(row, k.bytes())
				k.addi(qp, k.bytes())
			})
		})
		k.op(opAdd, 10, 10, 11)
		k.op(opAdd, 6, 6, 12)
		k.op(opAdd, 6, 6, 10)
		k.reduce(opAdd, 6, 7)
		k.storeLane(6, out, 0)
		k.addi(out, 4)
	})
	k.ret()
}

// fetch brings a line towards the core.
func (k *kernels) fetch(g, off int) {
	if k.arm() {
		k.p("PRFM %d(%s), PLDL1KEEP", off, k.g(g))
		return
	}
	k.p("PREFETCHT0 %d(%s)", off, k.g(g))
}
