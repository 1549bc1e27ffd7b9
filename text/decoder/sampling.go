package decoder

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Sampling says how the next token is chosen. The zero value takes the likeliest.
// What changes the distribution comes in the order and with the meaning that it has
// in transformers: penalty, temperature, top-k, top-p, min-p.
type Sampling struct {
	Temperature float64 // divides the logits; 0: the likeliest token is taken
	TopK        int     // keep so many of the likeliest; 0: all
	TopP        float64 // keep the likeliest that have this probability together; 0 and 1: all
	MinP        float64 // keep what has this share of the likeliest one's probability; 0: all
	Penalty     float64 // of tokens that are there already: positive logits are divided by it, others multiplied; 0 and 1: none
	Seed        uint64  // of the draws; the same seed, prompt and model draw the same
}

// Check says what is out of range, as a [*RequestError].
func (s Sampling) Check() error {
	for _, f := range []struct {
		param string
		x     float64
		most  float64
	}{
		{"temperature", s.Temperature, 100}, {"top_k", float64(s.TopK), 1 << 30}, {"top_p", s.TopP, 1}, {"min_p", s.MinP, 1},
		{"repetition_penalty", s.Penalty, 100},
	} {
		if !(f.x >= 0 && f.x <= f.most) {
			return wrong(f.param, "%s is %g, want 0 to %g", f.param, f.x, f.most)
		}
	}
	return nil
}

// choose picks the token at a position from its logits (V), which it overwrites;
// seen are the tokens before it.
func (s Sampling) choose(logits []float32, seen []int32) int32 {
	s.penalise(logits, seen)
	if s.Temperature == 0 {
		return likeliest(logits)
	}
	probs := s.distribution(logits)
	draw := rand.New(rand.NewPCG(s.Seed, uint64(len(seen)))).Float64()
	last := int32(0)
	for i, p := range probs {
		if p == 0 {
			continue
		}
		if last = int32(i); draw < p {
			break
		}
		draw -= p
	}
	return last
}

// likeliest is the first of the highest logits.
func likeliest(logits []float32) int32 {
	best := 0
	for i, x := range logits {
		if x > logits[best] {
			best = i
		}
	}
	return int32(best)
}

// penalise makes tokens that were there less likely, each once.
func (s Sampling) penalise(logits []float32, seen []int32) {
	if s.Penalty == 0 || s.Penalty == 1 {
		return
	}
	done := make(map[int32]bool, len(seen))
	for _, id := range seen {
		if done[id] {
			continue
		}
		done[id] = true
		if x := float64(logits[id]); x < 0 {
			logits[id] = float32(x * s.Penalty)
		} else {
			logits[id] = float32(x / s.Penalty)
		}
	}
}

// distribution turns penalised logits into probabilities; what is not kept has 0.
func (s Sampling) distribution(logits []float32) []float64 {
	probs := make([]float64, len(logits))
	for i, x := range logits {
		probs[i] = float64(x) / cmp.Or(s.Temperature, 1)
	}
	if s.TopK > 0 && s.TopK < len(probs) {
		least := highest(probs, s.TopK) // others that are as likely stay too
		for i, x := range probs {
			if x < least {
				probs[i] = math.Inf(-1)
			}
		}
	}
	softmax(probs)
	if s.TopP > 0 && s.TopP < 1 {
		nucleus(probs, s.TopP)
	}
	if s.MinP > 0 {
		least := s.MinP * slices.Max(probs)
		for i, p := range probs {
			if p < least {
				probs[i] = 0
			}
		}
	}
	scale(probs)
	return probs
}

// highest is the k-th highest number.
func highest(x []float64, k int) float64 {
	top := slices.Clone(x[:k]) // the highest so far
	slices.Sort(top)
	for _, v := range x[k:] {
		if v > top[0] {
			at, _ := slices.BinarySearch(top, v)
			copy(top, top[1:at])
			top[at-1] = v
		}
	}
	return top[0]
}

// nucleus drops the unlikeliest tokens that have no more than 1 − p together, and
// never all of them.
func nucleus(probs []float64, p float64) {
	var order []int
	rest := 1 - p
	sum := 0.0
	for i, x := range probs {
		if x*float64(len(probs)) < rest { // these have less than that together: they go in any case
			sum += x
			probs[i] = 0
		} else {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(probs[a], probs[b]) })
	for _, i := range order[:len(order)-1] {
		if sum += probs[i]; sum > rest {
			break
		}
		probs[i] = 0
	}
	scale(probs)
}

// softmax turns logits into probabilities in place.
func softmax(x []float64) {
	top := slices.Max(x)
	for i, v := range x {
		x[i] = math.Exp(v - top)
	}
	scale(x)
}

// scale divides by the sum.
func scale(x []float64) {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	for i := range x {
		x[i] /= sum
	}
}
