package calibrate

import "math"

// WordsEvidence is what speaks for a hit of a query of words.
type WordsEvidence struct {
	// Height of the score above the query's mean over the library, in spreads, by
	// the height that the best of as many unrelated pictures reaches by chance: 1
	// is no surprise in a library of any size.
	Height float64
	// Best is how far the score lies above what the best hits of captions of
	// everyday things reach in this library, in spreads of captions on a picture.
	Best float64
	// OnHit is how far the query describes the hit better than captions of
	// everyday things do, in their spreads.
	OnHit float64
}

// PictureEvidence is what speaks for a hit of a query that is a picture.
type PictureEvidence struct {
	Height   float64 // as of words
	Likeness float64 // atanh of the cosine as seen from the library's mean
	Chance   float64 // the height in spreads that chance reaches: more in large libraries
}

// The constants were fitted by tools/golden/probability.py; docs/probability.md
// says on what.
var (
	wordsWeights   = [...]float64{1.61, 0.53, 0.43}
	wordsOffset    = -4.11
	wordsDoubt     = doubt{until: 0.45}
	pictureWeights = [...]float64{5.826, 1.376, 0.447}
	pictureOffset  = -10.432
	pictureDoubt   = doubt{until: 0.60}
)

// Probability that the hit is a match.
func (e WordsEvidence) Probability() float64 {
	w := wordsWeights
	return wordsDoubt.judge(w[0]*e.Height + w[1]*e.Best + w[2]*e.OnHit + wordsOffset)
}

// Probability that the hit is a match.
func (e PictureEvidence) Probability() float64 {
	w := pictureWeights
	return pictureDoubt.judge(w[0]*e.Height + w[1]*e.Likeness + w[2]*e.Chance + pictureOffset)
}

// doubt is the range of probabilities in which more hits are wrong than right and
// those of queries for what is absent look alike. It is pressed together just
// below the default cut, so that the cut keeps its promise of few false matches;
// above it, estimates climb steeply back to what was fitted. The order of hits
// stays as it is.
type doubt struct{ until float64 }

const (
	// Cut is the default below which a hit is no match.
	Cut        = 0.2
	doubtFrom  = 0.17
	doubtTo    = 0.1995
	doubtClimb = 3
)

func (d doubt) judge(logit float64) float64 {
	from, until := logOdds(doubtFrom), logOdds(d.until)
	switch {
	case logit <= from:
		return sigmoid(logit)
	case logit < until:
		to := logOdds(doubtTo)
		return sigmoid(from + (to-from)*(logit-from)/(until-from))
	}
	return sigmoid(min(logit, logOdds(Cut)+doubtClimb*(logit-until)))
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func logOdds(p float64) float64 { return math.Log(p / (1 - p)) }
