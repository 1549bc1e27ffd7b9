package words

import (
	"cmp"
	"math"
)

// BM25F: a word's uses in the fields are divided by the fields' relative lengths,
// weighted and summed, then saturated and multiplied by the word's rarity.
const (
	k1 = 1.2
	b  = 0.5 // of a field's weight depends on its length
)

// use is what a field says about a clause: the best of weight × uses over the forms of
// the word, over the field's relative length.
func use(weight float64, uses, length int, f Field) float32 {
	return float32(weight * float64(uses) / (1 - b + b*float64(length)/fieldLength[f]))
}

// heard is what a document says about a clause, over all fields.
func heard(uses *[fields]float32) float64 {
	sum := 0.0
	for f, u := range uses {
		sum += fieldWeight[f] * float64(u)
	}
	return sum
}

// rarity is the weight of a clause that some of all documents match.
func rarity(some, all int) float64 {
	return math.Log1p((float64(all-some) + 0.5) / (float64(some) + 0.5))
}

func saturate(x float64) float64 { return x * (k1 + 1) / (x + k1) }

// A Match is a found document.
type Match struct {
	Ordinal uint32
	Score   float64
}

// better orders matches: by score, equal ones by ordinal.
func better(a, b Match) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Ordinal, b.Ordinal))
}
