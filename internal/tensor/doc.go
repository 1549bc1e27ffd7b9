// Package tensor holds what every model is written in: tensors, weights, ops as
// data, and the device that runs them.
//
// A [Tensor] is a plain value that views a [Buffer]. An [Op] is a struct that
// says what to compute; its fusions (activation, residual, bias) are fields, so
// nothing has to rediscover them. A [Backend] executes ops; [Device.Run] is the
// only entrance to it and hands out a [Stream], on which forward code calls
// [Stream.Do] without looking at errors. A [Weight] is a matrix in a backend's
// own layout, made once at load by [Pool.Pack].
//
// Everything that a forward pass needs for a moment comes from the stream's
// arena; what outlives it (weights, tables, caches) belongs to a [Pool].
//
// Caveat: a tensor from [Stream.New] is dead once its mark is released or the
// run returns; build with -tags invariants to have dead memory filled with NaN.
//
//	err := dev.Run(ctx, tensor.Interactive, func(s *tensor.Stream) error {
//		x := s.New(tensor.F32, b, l, c) // (B, L, C)
//		tensor.Put(s, x, pixels)
//		y := s.New(tensor.F32, b, l, n) // (B, L, N)
//		s.Do(&tensor.Linear{X: x, W: w, Bias: bias, Act: tensor.GELU, Y: y})
//		return tensor.Get(s, out, y)
//	})
//
// One reduction order holds everywhere: for one op, dtype, instruction set and
// layer shape every output element is summed in one order, sequential in k and
// never split over cores. Results do not depend on the rest of the batch, on
// the position in it or on the number of cores, bit for bit.
package tensor
