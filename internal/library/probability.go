package library

import (
	"context"
	"errors"
	"math"

	"github.com/emblem-search/emblem/index"
)

// The probability of a hit is a first estimate of "this picture shows what was
// asked for". What it is:
//
//   - For models trained with a sigmoid loss (SigLIP) it is that model's own
//     answer: sigmoid(scale × cosine + bias).
//   - For models trained with a softmax loss (CLIP) a cosine means little by
//     itself, so it is judged against a background: z is how many standard
//     deviations the hit lies above the query's mean over a sample of the
//     library's own pictures. A library with fewer than 64 pictures is no
//     background; it is filled up with how captions of everyday things score on
//     the hit's own picture. A logistic function turns z into the estimate.
//
// What it is not: calibrated for any model but the built-in one, nor for sums of
// several terms, nor for a library whose pictures all show the same thing, where
// even a perfect hit does not stand out. The constants of each logistic function
// were fitted by maximum likelihood on the built-in model's 200 sample pictures,
// right pairs against wrong ones at odds of one to ten
// (tools/golden/probability.py): with captions and single words for queries of
// words, with pairs that share their first object for queries of pictures.
type judge struct {
	own        bool // the model has an answer of its own
	scale      float64
	bias       float64
	background moments
	captions   [][]float32 // only for a small library
	logistic   logistic
}

// logistic is sigmoid(slope × z + offset).
type logistic struct{ slope, offset float64 }

var (
	wordsLogistic    = logistic{2.833, -6.506}
	picturesLogistic = logistic{1.582, -3.740}
)

const (
	sampleSize  = 1024 // pictures of the library
	leastSample = 64   // below which captions help out
	leastSpread = 1e-4 // of cosines; equal pictures have none
)

// everyday are the captions of the background of a small library.
var everyday = []string{
	"a photo of a person", "a group of people", "a child playing", "a dog", "a cat", "a bird in the sky", "a horse in a field", "a fish",
	"a car on a road", "a bicycle", "a train", "an airplane", "a boat on the water", "a house", "a city street at night", "a tall building",
	"a mountain", "a beach", "a forest", "a flower", "a sunset", "snow", "a plate of food", "a cup of coffee",
	"a table and chairs", "a computer on a desk", "a book", "a page of text", "a map", "a drawing", "clothes", "a musical instrument",
}

// newJudge prepares the judging of one query's hits.
func (l *Library) newJudge(ctx context.Context, e Embedder, q Query, vector []float32) (*judge, error) {
	j := &judge{scale: float64(e.LogitScale()), logistic: wordsLogistic}
	if bias, ok := e.LogitBias(); ok {
		j.own, j.bias = true, float64(bias)
		return j, nil
	}
	if !q.hasText() {
		j.logistic = picturesLogistic
	}
	sample, err := l.ix.Sample(spaceImage, sampleSize)
	if err != nil {
		return nil, err
	}
	for _, v := range sample {
		j.background.add(cosine(vector, v))
	}
	if len(sample) < leastSample {
		j.captions, err = l.everydayVectors(ctx, e)
	}
	return j, err
}

// probability judges one hit.
func (l *Library) probability(j *judge, h index.Hit) (float64, error) {
	score := float64(h.Score)
	if j.own {
		return sigmoid(j.scale*score + j.bias), nil
	}
	m := j.background
	if j.captions != nil {
		d, err := l.ix.Get(h.ID)
		if err != nil && !errors.Is(err, index.ErrNotFound) {
			return 0, err
		}
		// A picture that went since it was found has no vector any more.
		for _, v := range d.Vectors[spaceImage] {
			for _, c := range j.captions {
				m.add(cosine(c, v))
			}
		}
	}
	return sigmoid(j.logistic.slope*m.z(score) + j.logistic.offset), nil
}

// everydayVectors embeds the captions once a model.
func (l *Library) everydayVectors(ctx context.Context, e Embedder) ([][]float32, error) {
	l.mu.Lock()
	have := l.captions[e.Fingerprint()]
	l.mu.Unlock()
	if have != nil {
		return have, nil
	}
	vectors, err := e.EmbedTexts(ctx, everyday)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.captions = map[string][][]float32{e.Fingerprint(): vectors}
	return vectors, nil
}

// moments sums up scores.
type moments struct{ n, sum, squares float64 }

func (m *moments) add(x float64) {
	m.n++
	m.sum += x
	m.squares += x * x
}

// z is how many standard deviations x lies above the mean.
func (m moments) z(x float64) float64 {
	if m.n == 0 {
		return 0
	}
	mean := m.sum / m.n
	return (x - mean) / max(math.Sqrt(max(0, m.squares/m.n-mean*mean)), leastSpread)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// cosine of two vectors of unit length.
func cosine(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
