// Package tensortest is the conformance kit of backends.
//
// [Run] puts every op through odd, single and tail shapes and every dtype, and
// compares with [Oracle], which computes in float64 and plain loops; the oracle
// itself is held to torch's results. [Invariance] demands that results keep their
// bits whatever else is in the batch.
//
// Caveat: bounds are per op and dtype; a backend that needs looser ones is wrong.
//
//	func TestConformance(t *testing.T) { tensortest.Run(t, backend) }
package tensortest
