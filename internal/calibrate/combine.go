package calibrate

import "math"

// A Term is one part of a sum: how likely a hit matches it, and its weight in the
// sum, negative for what is taken away.
type Term struct{ Probability, Weight float64 }

// Sum is how likely a hit matches a sum of terms: the weighed geometric mean of
// its terms, so that a hit that misses one of two falls far below. A term taken
// away counts with the probability that the hit does not match it. The rule is a
// definition; nothing was fitted. A single term has its own probability.
func Sum(terms []Term) float64 {
	var logs, weights float64
	for _, t := range terms {
		p := t.Probability
		if t.Weight < 0 {
			p = 1 - p
		}
		w := math.Abs(t.Weight)
		logs += w * math.Log(max(p, math.SmallestNonzeroFloat64))
		weights += w
	}
	if weights == 0 {
		return 0
	}
	return math.Exp(logs / weights)
}

// Text is how likely a document's own words match a query: from its BM25 score and
// the ideal score, that of a document which has every word of the query as often
// as helps. The square makes it cautious: half of the ideal is one in four, less
// than half of the words of a query never pass the default cut. A score over the
// ideal counts as the ideal; text is never certain of what a picture shows.
func Text(score, ideal float64) float64 {
	if ideal <= 0 || score <= 0 || math.IsNaN(score/ideal) {
		return 0
	}
	share := min(1, score/ideal)
	return mostByText * share * share
}

const mostByText = 0.95

// Either is how likely a hit matches if its vector says one thing and its words
// another: the more likely of the two. They are far from independent, captions
// being written of what pictures show, so that a noisy or would count twice.
func Either(vector, words float64) float64 { return max(vector, words) }
