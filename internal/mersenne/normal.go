package mersenne

import "math"

// block is how many normal numbers torch makes at once, and the length from which it does.
const block = 16

// Normal is torch.randn(n) in float32 on a processor: mean 0, variance 1
// (ATen/native/cpu/DistributionTemplates.h, normal_fill and normal). The uniforms
// behind each number are torch's, and each step is rounded to float32 where torch
// rounds. Logarithm, sine and cosine are rounded from float64, whereas torch has its
// own approximations of them, so blocks agree to 1e-6, not to the bit.
func (s *Source) Normal(n int) []float32 {
	if n >= block {
		return s.normalBlocks(n)
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(s.normal())
	}
	return out
}

// normalBlocks draws all uniforms first and then turns each block of them. A tail
// shorter than a block is not turned: the last 16 places are drawn anew.
func (s *Source) normalBlocks(n int) []float32 {
	out := s.Uniform(n)
	for i := 0; i+block <= n; i += block {
		boxMuller(out[i : i+block])
	}
	if n%block != 0 {
		last := out[n-block:]
		copy(last, s.Uniform(block))
		boxMuller(last)
	}
	return out
}

// boxMuller turns 16 uniforms in place: place j and place j+8 make a pair.
func boxMuller(u []float32) {
	for j := range block / 2 {
		// 1-u lies above 0, so that its logarithm is finite; it is exact in float32.
		radius := float32(math.Sqrt(float64(-2 * float32(math.Log(float64(1-u[j]))))))
		sin, cos := math.Sincos(float64(float32(2*math.Pi) * u[j+block/2]))
		u[j], u[j+block/2] = radius*float32(cos), radius*float32(sin)
	}
}

// normal is one number of a short draw. Pairs outlive the draw: torch's generator
// keeps the second number for the next short draw, and long draws leave it alone.
func (s *Source) normal() float64 {
	if s.kept != nil {
		kept := *s.kept
		s.kept = nil
		return kept
	}
	angle, length := s.Float64(), s.Float64()
	radius := math.Sqrt(-2 * math.Log1p(-length))
	sin, cos := math.Sincos(2 * math.Pi * angle)
	second := radius * sin
	s.kept = &second
	return radius * cos
}

// Float64 is the next number of torch.rand in float64: 53 bits of two numbers, the
// higher one first, from 0 up to but not 1.
func (s *Source) Float64() float64 {
	high := uint64(s.Uint32())
	both := high<<32 | uint64(s.Uint32())
	return float64(both&(1<<53-1)) / (1 << 53)
}
