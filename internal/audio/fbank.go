package audio

import (
	"math"
	"math/cmplx"
	"sync"

	"gonum.org/v1/gonum/dsp/fourier"
)

// What models that hear were trained with: a frame of 25 ms every 10 ms at 16 kHz.
const (
	Rate  = 16_000           // Hz
	Bins  = 128              // filters
	Frame = Rate * 25 / 1000 // samples
	Shift = Rate * 10 / 1000 // samples

	transform = 512  // the power of two that a frame is padded to
	lowest    = 20.0 // Hz, where the first filter begins; the last ends at half the rate
	emphasis  = 0.97
	floor     = 1.1920928955078125e-07 // of energies: the step of float32 at 1
)

// FilterBanks are the logarithms of the energies of samples at Rate through
// triangular filters, even in mel: a row of Bins for each Frame that fits whole.
// It is kaldi.fbank of torchaudio with a Hann window, without dither.
func FilterBanks(samples []float32) [][]float32 {
	if len(samples) < Frame {
		return nil
	}
	rows := make([][]float32, 1+(len(samples)-Frame)/Shift)
	fft, frame := fourier.NewFFT(transform), make([]float64, transform)
	var spectrum []complex128
	for i := range rows {
		window(frame, samples[i*Shift:][:Frame])
		spectrum = fft.Coefficients(spectrum, frame)
		rows[i] = energies(spectrum)
	}
	return rows
}

// window takes the mean out of a frame, raises the high frequencies and fades both
// ends.
func window(dst []float64, x []float32) {
	mean := 0.0
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	before := float64(x[0]) - mean
	for i, v := range x {
		now := float64(v) - mean
		dst[i] = (now - emphasis*before) * (0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(x)-1)))
		before = now
	}
}

// energies sums a spectrum up through the filters.
func energies(spectrum []complex128) []float32 {
	row := make([]float32, Bins)
	for b, f := range filters() {
		sum := 0.0
		for k, w := range f.taps {
			a := cmplx.Abs(spectrum[f.first+k])
			sum += float64(w) * a * a
		}
		row[b] = float32(math.Log(max(sum, floor)))
	}
	return row
}

// filters are the triangles. They are made in float32, as the reference makes
// them: where one is narrower than the transform's steps it matters.
var filters = sync.OnceValue(func() []filter {
	mel := func(hz float32) float32 { return 1127 * float32(math.Log(float64(1+hz/700))) }
	exact := func(hz float64) float64 { return 1127 * math.Log(1+hz/700) }
	begin := exact(lowest)
	step := (exact(Rate/2) - begin) / (Bins + 1)
	all := make([]filter, Bins)
	for b := range all {
		edge := func(n float32) float32 { return float32(begin) + (float32(b)+n)*float32(step) }
		left, centre, right := edge(0), edge(1), edge(2)
		for k := range transform / 2 {
			m := mel(float32(Rate) / transform * float32(k))
			w := min((m-left)/(centre-left), (right-m)/(right-centre))
			if w <= 0 {
				continue
			}
			if all[b].taps == nil {
				all[b].first = k
			}
			all[b].taps = append(all[b].taps, w)
		}
	}
	return all
})
