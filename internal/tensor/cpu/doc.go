// Package cpu executes tensor ops on the processor, with the kernels of
// internal/simd and one worker per core.
//
// [New] returns the backend. A matrix is packed into panels of as many columns
// as a tile has; a Linear splits its panels over the workers, so that each weight
// is read once, and ends every tile with its bias, activation and residual while
// the tile is in the first-level cache. Attention computes the scores of a few
// query rows against all keys, an exact softmax, and the sum over the values, per
// head.
//
// Caveat: an op of the bulk lane that would hold the cores for more than about
// 20 ms is split, and the interactive lane goes first between any two ops.
//
//	backend, err := cpu.New(cpu.Options{})
//	dev := tensor.NewDevice(backend)
package cpu
