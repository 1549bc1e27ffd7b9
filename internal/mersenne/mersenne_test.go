package mersenne

import (
	"slices"
	"testing"
)

// TestTorch: torch.manual_seed(seed); torch.rand(n), printed by torch 2.11.
func TestTorch(t *testing.T) {
	for seed, want := range map[uint64][]float32{
		0:             {0.4962566, 0.7682218, 0.08847743, 0.13203049, 0.30742282, 0.6340787, 0.4900934, 0.89644474},
		42:            {0.88226926, 0.91500396, 0.38286376, 0.95930564, 0.3904482, 0.60089535, 0.25657248, 0.7936413},
		1099511627783: {0.53492254, 0.19880319, 0.6592117, 0.6568903, 0.23276156, 0.4250614, 0.20708603, 0.62973636},
	} {
		if got := New(seed).Uniform(len(want)); !slices.Equal(got, want) {
			t.Errorf("seed %d: %v, want %v", seed, got, want)
		}
	}
}

// TestLate: number 10,000 of MT19937 with its usual seed, as the C++ standard has it.
func TestLate(t *testing.T) {
	s := New(5489)
	for range 9999 {
		s.Uint32()
	}
	if got := s.Uint32(); got != 4123659995 {
		t.Errorf("%d", got)
	}
}
