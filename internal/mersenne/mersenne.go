package mersenne

const (
	size  = 624
	shift = 397
)

// Source is a Mersenne Twister. It is for one goroutine.
type Source struct {
	state [size]uint32
	next  int
	kept  *float64 // the second number of a pair of normals, which a later draw takes
}

// New seeds a source; torch uses the low 32 bits of a seed.
func New(seed uint64) *Source {
	s := &Source{next: size}
	s.state[0] = uint32(seed)
	for i := 1; i < size; i++ {
		s.state[i] = 1812433253*(s.state[i-1]^s.state[i-1]>>30) + uint32(i)
	}
	return s
}

// Uint32 is the next number.
func (s *Source) Uint32() uint32 {
	if s.next == size {
		s.twist()
	}
	y := s.state[s.next]
	s.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// twist makes the next 624 numbers.
func (s *Source) twist() {
	for i := range s.state {
		y := s.state[i]&0x80000000 | s.state[(i+1)%size]&0x7fffffff
		y = s.state[(i+shift)%size] ^ y>>1 ^ y&1*0x9908b0df
		s.state[i] = y
	}
	s.next = 0
}

// Float32 is the next number of torch.rand: 24 bits, from 0 up to but not 1.
func (s *Source) Float32() float32 { return float32(s.Uint32()&(1<<24-1)) / (1 << 24) }

// Uniform is torch.rand(n).
func (s *Source) Uniform(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = s.Float32()
	}
	return out
}
