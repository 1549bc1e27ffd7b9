package calibrate

import "math"

const (
	// SampleSize is how many vectors of a library are a good sample.
	SampleSize = 1024
	// fewest is the size below which a library says little about chance.
	fewest = 16
)

// A Background knows how one model's scores are spread in one library. It may be
// used from many goroutines.
type Background struct {
	sample   [][]float32
	captions [][]float32
	centre   []float32 // mean of the sample
	chance   float64   // see chance
	top      float64   // 90th percentile of the best scores of the captions
	spread   float64   // median over the sample of the spread of captions' scores
}

// NewBackground sums up a library of size pictures. All vectors have unit length:
// sample are up to SampleSize pictures of the library, spread evenly; captions are
// those of Captions in the model's space. It keeps the slices and takes a few
// milliseconds for the largest sample, so keep it while the library stays as it
// is.
func NewBackground(sample, captions [][]float32, size int) *Background {
	b := &Background{sample: sample, captions: captions, chance: chance(max(size, fewest))}
	b.centre = mean(sample)
	best := make([]float64, len(captions))
	for j := range best {
		best[j] = math.Inf(-1)
	}
	spreads := make([]float64, len(sample))
	for i, picture := range sample {
		scores := dots(picture, captions)
		for j, s := range scores {
			best[j] = max(best[j], s)
		}
		spreads[i] = momentsOf(scores).spread()
	}
	if len(sample) > 0 {
		b.top, b.spread = quantile(sorted(best), 0.9), quantile(sorted(spreads), 0.5)
	}
	return b
}

func mean(vectors [][]float32) []float32 {
	if len(vectors) == 0 {
		return nil
	}
	sums := make([]float64, len(vectors[0]))
	for _, v := range vectors {
		for k, x := range v {
			sums[k] += float64(x)
		}
	}
	out := make([]float32, len(sums))
	for k, s := range sums {
		out[k] = float32(s / float64(len(vectors)))
	}
	return out
}
