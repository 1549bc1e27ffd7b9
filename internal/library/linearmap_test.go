package library

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// twoModels are n things as two models see them: one's vectors are the other's,
// turned, moved and disturbed. Words lie apart from pictures in both.
type twoModels struct {
	rng  *rand.Rand
	turn *mat.Dense // (dim, dim), orthogonal
	gap  [2][]float64
	dim  int
}

func newTwoModels(seed uint64, dim int) *twoModels {
	rng := rand.New(rand.NewPCG(seed, 1))
	var qr mat.QR
	qr.Factorize(mat.NewDense(dim, dim, gaussian(rng, dim*dim)))
	m := &twoModels{rng: rng, turn: new(mat.Dense), dim: dim, gap: [2][]float64{gaussian(rng, dim), gaussian(rng, dim)}}
	qr.QTo(m.turn)
	return m
}

func gaussian(rng *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = rng.NormFloat64()
	}
	return out
}

// pair is one thing in both models; words says which gap it has.
func (m *twoModels) pair(words bool) (before, after []float32) {
	gap := m.gap[0]
	if words {
		gap = m.gap[1]
	}
	a := gaussian(m.rng, m.dim)
	for k := range a {
		a[k] = a[k]/math.Sqrt(1+float64(k)) + gap[k]
	}
	var b mat.VecDense
	b.MulVec(m.turn, mat.NewVecDense(m.dim, a))
	noisy := make([]float64, m.dim)
	for k := range noisy {
		noisy[k] = b.AtVec(k) + 0.02*m.rng.NormFloat64()
	}
	return unit(a), unit(noisy)
}

func (m *twoModels) pairs(n int, words bool) (before, after [][]float32) {
	for range n {
		a, b := m.pair(words)
		before, after = append(before, a), append(after, b)
	}
	return before, after
}

// A fitted map brings the one model's vectors to the other's, words too.
func TestLinearMap(t *testing.T) {
	m := newTwoModels(1, 48)
	before, after := m.pairs(1000, false)
	wordsBefore, wordsAfter := m.pairs(32, true)
	fitted, err := fitMap(after[:800], before[:800], after[800:900], before[800:900])
	if err != nil {
		t.Fatal(err)
	}
	if got := fitted.agreement(after[900:], before[900:]); got < 0.995 {
		t.Errorf("cosine %v of mapped pictures", got)
	}
	fitted.moveWords(wordsAfter, wordsBefore)
	back, err := decodeMap(fitted.encode())
	if err != nil {
		t.Fatal(err)
	}
	before, after = m.pairs(100, true)
	var sum float64
	for i, v := range after {
		sum += cosine(back.carry(v, true), before[i]) / 100
	}
	if sum < 0.99 {
		t.Errorf("cosine %v of mapped words", sum)
	}
}

// Fewer pairs than dimensions give a map that is better than none.
func TestLinearMapOfFew(t *testing.T) {
	m := newTwoModels(2, 64)
	before, after := m.pairs(60, false)
	fitted, err := fitMap(after[:40], before[:40], after[40:50], before[40:50])
	if err != nil {
		t.Fatal(err)
	}
	if got := fitted.agreement(after[50:], before[50:]); got < 0.8 || math.IsNaN(got) {
		t.Errorf("cosine %v", got)
	}
	same := [][]float32{{1, 0}, {1, 0}, {1, 0}}
	if fitted, err = fitMap(same, same, same, same); err == nil && fitted.agreement(same, same) < 0.999 {
		t.Errorf("equal pictures: %+v", fitted)
	}
}

func FuzzDecodeMap(f *testing.F) {
	f.Add((&linearMap{1, 2, []float32{1, 2}, []float32{3, 4}, []float32{5, 6}}).encode())
	f.Add([]byte{1, 0, 0, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeMap(data)
		if err == nil {
			m.carry(make([]float32, m.from), true)
		}
	})
}
