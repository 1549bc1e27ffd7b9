package ask

import "math"

// The constants turn heights into probabilities. TestFit fitted them, on scenes of
// tools/golden/questions.py that no test reads; docs/ask.md says how well they do.
var (
	existWhole = [2]float64{1.372, -1.377}        // of the whole's height; offset
	existTiled = [3]float64{0.574, 1.247, -3.335} // of the whole's and the best tile's; offset

	// steep is what a height counts in the softmax over the answers of a family.
	// Nothing is as steep as Setting's and Time's fits, 8 and 20: the drawn world has no
	// twilight, real pictures do.
	steep = map[Kind]float64{What: 5.04, Choice: 2.42, Colour: 3.67, Count: 1.84, Place: 2.33, Beside: 4.39, Relation: 3.39, Setting: 5, Time: 5, Given: 2.42}
)

// least is the probability under which the best answer is "I don't know".
var least = map[Kind]float64{Exist: 0.6, What: 0.3, Choice: 0.6, Colour: 0.4, Count: 0.45, Place: 0.45, Beside: 0.45, Relation: 0.6, Setting: 0.4, Is: 0.6, Time: 0.6, Given: 0.4}

// unseen is the probability of a thing being there at all, under which questions about it
// have no answer.
const unseen = 0.2

func (e evidence) probability() float64 {
	if e.tiled {
		w := existTiled
		return sigmoid(w[0]*e.whole + w[1]*e.tile + w[2])
	}
	return sigmoid(existWhole[0]*e.whole + existWhole[1])
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// softmax of heights, times how steep the family is.
func softmax(heights []float64, steep float64) []float64 {
	most, sum := math.Inf(-1), 0.0
	for _, h := range heights {
		most = max(most, h)
	}
	out := make([]float64, len(heights))
	for i, h := range heights {
		out[i] = math.Exp(steep * (h - most))
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}
