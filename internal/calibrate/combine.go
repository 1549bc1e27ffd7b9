package calibrate

import "math"

// A Term is one part of a sum and how likely a hit matches it by itself.
type Term struct {
	Probability float64
	Words       bool // not a picture
	Away        bool // taken away
}

// Sum is how likely a hit matches a sum of terms. What is asked for in words must
// all be there, which is at most as likely as the least likely of it; pictures
// beside words say what hits should look like, and leave the probability to the
// words. Without words they are examples, of which being like one is enough. What
// is taken away must not match. Weights change the order of hits, not what is
// asked for. The rule is a definition; nothing was fitted.
func Sum(terms []Term) float64 {
	words, like, without := 1.0, 0.0, 1.0
	var haveWords, havePictures bool
	for _, t := range terms {
		switch {
		case t.Away:
			without *= 1 - t.Probability
		case t.Words:
			words, haveWords = min(words, t.Probability), true
		default:
			like, havePictures = max(like, t.Probability), true
		}
	}
	if havePictures && !haveWords {
		return like * without
	}
	return words * without
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
