// Package bench measures the machine's kernels where they are used: whole towers
// with random weights, the ops inside of one, and the peak that both are judged
// by.
//
// [Tower] times an encoder of a published [Arch], loaded as any model is, from a
// folder written for the moment. [Ops] times every op of a ViT-B/32 forward pass
// in place, with the weights as cold as they are there. A [Peak] is what the
// matrix kernels reach on operands that never leave the first-level cache.
//
// Caveat: figures are of this machine at this moment; a speed is claimed only as
// a ratio to a peer that took turns with it (tools/peers).
//
//	r, err := bench.Tower(ctx, bench.Options{Arch: "vit-b-32", Batch: 8, DType: "bf16"})
package bench
