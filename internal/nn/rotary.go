package nn

import "github.com/emblem-search/emblem/internal/tensor"

// Rotary are the angles by which queries and keys are turned, as [tensor.Rope] has
// them; the zero Rotary turns nothing.
type Rotary struct {
	Cos, Sin tensor.Tensor // (T, R) F32, a row for each position
	At       tensor.Tensor // (B, L) I32 positions; none: 0 to L − 1 in each sequence
	Pairs    bool          // of neighbours, instead of the halves of a head
}

// Turn turns the heads of x (B, L, Heads·D) in place.
func (r Rotary) Turn(s *tensor.Stream, x tensor.Tensor, heads int) {
	if r.Cos.Ok() {
		s.Do(&tensor.Rope{X: x, Heads: heads, Cos: r.Cos, Sin: r.Sin, At: r.At, Interleaved: r.Pairs, Y: x})
	}
}
