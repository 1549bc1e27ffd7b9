package audio

import "math"

// The filter of torchaudio.functional.resample: a sinc of six zero crossings a
// side under a Hann window, rolled off a little below the lower of the two rates.
const (
	crossings = 6
	rolloff   = 0.99
)

// LenAt is how many samples the sound has at another rate.
func (s *Sound) LenAt(rate int) int {
	if rate == s.Rate {
		return s.count
	}
	r := newRatio(s.Rate, rate)
	exact := float32(float64(r.to) * float64(s.count) / float64(r.from)) // the reference counts in float32
	return min(int(math.Ceil(float64(exact))), (s.count/r.from+1)*r.to)
}

// At returns samples lo to hi of a channel at another rate, as far as there are any.
// Nothing else of it is read.
func (s *Sound) At(rate, channel, lo, hi int) []float32 {
	lo, hi = max(lo, 0), min(hi, s.LenAt(rate))
	out := make([]float32, max(hi-lo, 0))
	if rate == s.Rate {
		for i := range out {
			out[i] = s.sample(channel, lo+i)
		}
		return out
	}
	r := newRatio(s.Rate, rate)
	filters := map[int]filter{} // by phase; a clip of some seconds meets all or most of them
	for i := range out {
		block, phase := (lo+i)/r.to, (lo+i)%r.to
		f, ok := filters[phase]
		if !ok {
			f = r.filter(phase)
			filters[phase] = f
		}
		out[i] = s.sum(channel, block*r.from+f.first, f.taps)
	}
	return out
}

// sum weighs samples from first on; there is silence around the sound.
func (s *Sound) sum(channel, first int, taps []float32) float32 {
	total := 0.0
	for k := max(0, -first); k < len(taps) && first+k < s.count; k++ {
		total += float64(s.sample(channel, first+k)) * float64(taps[k])
	}
	return float32(total)
}

// ratio is two rates without their common factor: to samples come of every from.
type ratio struct{ from, to int }

func newRatio(from, to int) ratio {
	a, b := from, to
	for b != 0 {
		a, b = b, a%b
	}
	return ratio{from / a, to / a}
}

// filter makes one of the to samples of a block: taps for the samples from first
// on, counted from the block's beginning.
type filter struct {
	first int
	taps  []float32
}

// filter computes a phase's taps with the roundings of the reference, which works
// in float32. It has taps for a whole block and more, of which those here are not
// zero.
func (r ratio) filter(phase int) filter {
	base := float64(min(r.from, r.to)) * rolloff
	width := int(math.Ceil(crossings * float64(r.from) / base))
	centre := float64(phase) * float64(r.from) / float64(r.to)
	reach := crossings * float64(r.from) / base
	first := max(int(math.Ceil(centre-reach)), -width)
	last := min(int(math.Floor(centre+reach)), width+r.from-1)
	f := filter{first, make([]float32, last-first+1)}
	for k := range f.taps {
		t := float32(-phase)/float32(r.to) + float32(first+k)/float32(r.from)
		t = min(max(t*float32(base), -crossings), crossings)
		hann := float32(math.Cos(float64(t * math.Pi / crossings / 2)))
		t *= math.Pi
		sinc := float32(1)
		if t != 0 {
			sinc = float32(math.Sin(float64(t))) / t
		}
		f.taps[k] = sinc * (hann * hann * float32(base/float64(r.from)))
	}
	return f
}
