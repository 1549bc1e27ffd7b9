// Package cuda executes tensor ops on an NVIDIA card, through the driver alone: it
// loads libcuda.so.1 when it is asked for a card, so that the same binary runs
// where there is none.
//
// [Look] says what there is and why not; [Open] takes a card and gives a
// [Backend]. A card's driver calls are made by one goroutine on one locked thread.
//
// Caveat: nothing here has run on a card yet; see docs/cuda.md for what stands in
// for one.
//
//	backend, err := cuda.Open(0, cuda.Options{})
//	dev := tensor.NewDevice(backend)
package cuda
