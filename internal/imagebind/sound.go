package imagebind

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/emblem-search/emblem/internal/audio"
)

// How ImageBind's data.py hears: three clips of two seconds, evenly from the
// beginning to the end, each as 128 mel bins over 204 frames.
const (
	clips   = 3
	seconds = 2
	bins    = audio.Bins
	frames  = 204
	stride  = 10 // from one patch to the next: they overlap

	soundRows = (bins-side)/stride + 1
	soundCols = (frames-side)/stride + 1

	soundMean      = -4.268
	soundDeviation = 9.138
)

// Sound is a sound as the model hears it. What is shorter than a clip is followed by
// silence.
func Sound(s *audio.Sound) (Signal, error) {
	n := s.LenAt(audio.Rate)
	if n < audio.Frame {
		return Signal{}, &audio.Error{Kind: audio.Corrupt, Message: fmt.Sprintf("the sound lasts %.3g s, the model hears %.3g s and more", float64(n)/audio.Rate, audio.Frame/float64(audio.Rate))}
	}
	out := Signal{Modality: Audio}
	for _, samples := range cut(s, n) {
		out.Clips = append(out.Clips, spectrogram(samples).patches(stride))
	}
	return out, nil
}

// cut takes the clips out of a sound of n samples. Of several channels the first is
// heard.
//
// The reference takes the mean out of a clip in place. Mostly that changes nothing, as
// every frame loses its own mean anyway; but where the clips of a short sound overlap,
// the later one has a step at the end of the earlier one, which can be heard. Numbers
// agree with the reference's, and so it is here.
func cut(s *audio.Sound, n int) (all [][]float32) {
	const long = seconds * audio.Rate
	if n >= clips*long {
		for _, lo := range starts(n) {
			all = append(all, s.At(audio.Rate, 0, lo, lo+long))
		}
		return all
	}
	waves := make([][]float32, s.Channels)
	for c := range waves {
		waves[c] = s.At(audio.Rate, c, 0, n)
	}
	for _, lo := range starts(n) {
		hi := min(lo+long, n)
		centre(waves, lo, hi)
		all = append(all, slices.Clone(waves[0][lo:hi]))
	}
	return all
}

// centre takes the mean of all channels out of samples lo to hi.
func centre(waves [][]float32, lo, hi int) {
	sum := 0.0
	for _, w := range waves {
		for _, x := range w[lo:hi] {
			sum += float64(x)
		}
	}
	mean := float32(sum / float64(len(waves)*(hi-lo)))
	for _, w := range waves {
		for i := range w[lo:hi] {
			w[lo+i] -= mean
		}
	}
}

// starts are the first samples of the clips of a sound of n samples. The reference
// divides the time exactly (ConstantClipsPerVideoSampler), and cuts to whole samples.
func starts(n int) []int {
	most := new(big.Rat).SetFloat64(max(float64(n)/audio.Rate-seconds, 0)) // seconds
	all := make([]int, clips)
	for i := range all {
		at := new(big.Rat).Mul(most, big.NewRat(int64(i*audio.Rate), clips-1))
		all[i] = int(new(big.Int).Quo(at.Num(), at.Denom()).Int64())
	}
	return all
}

// spectrogram is a clip's log energies, normalised: mel bins in rows. Silence that
// fills a clip up is silence to the model, not to a microphone.
func spectrogram(samples []float32) grid {
	g := grid{frames, bins, make([]float32, frames*bins)}
	rows := audio.FilterBanks(samples)
	for b := range bins {
		for t := range frames {
			v := float32(0)
			if t < len(rows) {
				v = rows[t][b]
			}
			g.values[b*frames+t] = (v - soundMean) / soundDeviation
		}
	}
	return g
}
