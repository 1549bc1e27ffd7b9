// Package kernels holds what runs on NVIDIA cards: Triton sources, what they were
// compiled to, and the manifest that says how each is to be called.
//
// [Open] reads the manifest; [Set.Binary] gives a kernel's code for a target and
// refuses code or sources other than the manifest's.
//
// Caveat: after a change of a .py file, build.py has to be run; the tests compare.
//
//	set, err := kernels.Open()
//	code, err := set.Binary("sm_90a", "norm")
package kernels
