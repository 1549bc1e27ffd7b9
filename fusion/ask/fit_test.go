package ask

import (
	"context"
	"math"
	"os"
	"testing"
)

// TestFit fits the constants of calibration.go on the scenes in the folder that
// EMBLEM_ASK_FIT names, made by tools/golden/questions.py with a seed of its own.
func TestFit(t *testing.T) {
	dir := os.Getenv("EMBLEM_ASK_FIT")
	if dir == "" {
		t.Skip("EMBLEM_ASK_FIT names no scenes")
	}
	m, a := open(t)
	s, ctx := openScenes(t, dir), context.Background()
	var exist [][]float64
	var yes []float64
	heights := map[Kind][][]float64{}
	truth := map[Kind][]int{}
	for i, list := range s.Scenes {
		state, err := Encode(ctx, ctx, m, s.tile(i), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			q, err := Parse(x.Question)
			if err != nil || q.Kind != x.Kind {
				t.Errorf("%q is read as %v, %v", x.Question, q.Kind, err)
				continue
			}
			if q.Kind == Exist {
				v, err := a.texts.mean(ctx, q.statements(nil))
				if err != nil {
					t.Fatal(err)
				}
				e, err := a.evidenceOf(ctx, state, v[0])
				if err != nil {
					t.Fatal(err)
				}
				exist = append(exist, []float64{e.whole, e.tile, 1})
				yes = append(yes, map[string]float64{"yes": 1}[x.Answer])
				continue
			}
			if q.Kind == Is {
				continue
			}
			var list []string
			if q.Kind == What || q.Kind == Beside {
				if list, err = a.likeliest(ctx, q, state); err != nil {
					t.Fatal(err)
				}
			}
			statements := q.statements(list)
			v, err := a.texts.mean(ctx, statements)
			if err != nil {
				t.Fatal(err)
			}
			h, err := a.heights(ctx, state.Whole, v)
			if err != nil {
				t.Fatal(err)
			}
			right := -1
			for k, st := range statements {
				if st.answer == x.Answer {
					right = k
				}
			}
			heights[q.Kind] = append(heights[q.Kind], h)
			truth[q.Kind] = append(truth[q.Kind], right)
		}
	}
	t.Logf("existTiled %.3f", logistic(exist, yes))
	for i := range exist {
		exist[i] = []float64{exist[i][0], 1}
	}
	t.Logf("existWhole %.3f", logistic(exist, yes))
	for k, h := range heights {
		best, loss := 0.0, math.Inf(1)
		for w := 0.1; w < 20; w *= 1.02 {
			if l := lossOf(h, truth[k], w); l < loss {
				best, loss = w, l
			}
		}
		t.Logf("%s %.2f: loss %.3f of %d", k, best, loss, len(h))
	}
}

// lossOf is the mean negative logarithm of the right answers' probabilities; one that is
// not in the list costs as much as one in a thousand.
func lossOf(heights [][]float64, truth []int, w float64) (sum float64) {
	for i, h := range heights {
		p := softmax(h, w)
		if truth[i] < 0 {
			sum -= math.Log(max(1e-3, 1-p[argmax(p)]))
			continue
		}
		sum -= math.Log(max(1e-3, p[truth[i]]))
	}
	return sum / float64(len(heights))
}

func argmax(p []float64) (k int) {
	for i, x := range p {
		if x > p[k] {
			k = i
		}
	}
	return k
}

// logistic fits by gradient descent with momentum.
func logistic(rows [][]float64, y []float64) []float64 {
	w, v := make([]float64, len(rows[0])), make([]float64, len(rows[0]))
	for range 20000 {
		g := make([]float64, len(w))
		for i, r := range rows {
			z := 0.0
			for k := range w {
				z += w[k] * r[k]
			}
			d := sigmoid(z) - y[i]
			for k := range w {
				g[k] += d * r[k]
			}
		}
		for k := range w {
			v[k] = 0.9*v[k] - 0.02*g[k]/float64(len(rows))
			w[k] += v[k]
		}
	}
	return w
}
