package main

// widen reads numbers of another dtype into float32: how weights are read. s gets,
// lane by lane, the largest bits of the results without their signs, which order
// like numbers, with infinity and NaN above all.
func (k *kernels) widen(form string) {
	const x, y, s, nv = 0, 1, 2, 3
	k.begin("widen_"+form, "writes y = x as float32, and s = max |x| in every lane.", "x", "y", "s", "nv")
	k.constBits(5, 0x7fffffff)
	k.zero(6)
	k.loop(nv, func() {
		switch form {
		case "f32":
			k.load(0, x, 0)
			k.addi(x, k.bytes())
		case "f16":
			k.p("VCVTPH2PS (%s), %s", k.g(x), k.r(0))
			k.addi(x, k.bytes()/2)
		default:
			k.p("VPMOVZXWD (%s), %s", k.g(x), k.r(0))
			k.p("VPSLLD $16, %s, %s", k.r(0), k.r(0))
			k.addi(x, k.bytes()/2)
		}
		k.store(0, y, 0)
		k.addi(y, k.bytes())
		k.p("%s %s, %s, %s", map[bool]string{true: "VPANDD", false: "VPAND"}[k.lanes == 16], k.r(5), k.r(0), k.r(0))
		k.p("VPMAXUD %s, %s, %s", k.r(0), k.r(6), k.r(6))
	})
	k.store(6, s, 0)
	k.ret()
}
