// Package certificate says how right a model is on this machine.
//
// The program carries a [Golden] of every family: a tiny model whose weights a
// formula makes, and what the reference library made of it. [Golden.Run] sends it
// through the same code and the same kernels as any model and measures each part;
// [Tolerance] is what it is held to. [Load] is what opening a model costs: the
// family's goldens, once a process, and a look at the folder. [Full] is all of it,
// in every dtype.
//
// Caveat: a golden proves the code and the kernels, not that a folder's weights were
// trained well. What can be seen of a folder itself is in [Finding].
//
//	findings, err := certificate.Load(model, "cpu")
package certificate
