package calibrate

import "math"

// Softmax turns logits into the probabilities of things of which one is right.
func Softmax(logits []float32) []float32 {
	top, sum := math.Inf(-1), 0.0
	for _, x := range logits {
		top = max(top, float64(x))
	}
	for _, x := range logits {
		sum += math.Exp(float64(x) - top)
	}
	out := make([]float32, len(logits))
	for i, x := range logits {
		out[i] = float32(math.Exp(float64(x)-top) / sum)
	}
	return out
}

// Sigmoids turns logits into the probabilities of things of which each is right or
// not by itself.
func Sigmoids(logits []float32) []float32 {
	out := make([]float32, len(logits))
	for i, x := range logits {
		out[i] = float32(1 / (1 + math.Exp(-float64(x))))
	}
	return out
}
