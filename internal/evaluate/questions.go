package evaluate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/emblem-search/emblem/fusion/ask"
	"github.com/emblem-search/emblem/internal/reliability"
)

// asked is how the questions of one family and style fared.
type asked struct {
	right, covered []float64         // right or not, of those that the grammar reads; read or not
	said           []float64         // right or not, of those that were answered and not abstained from
	counts         map[string]int    // of each true answer: what always saying the most frequent one gives
	hits           []reliability.Hit // how likely the first answer was said to be
}

// Ask puts the set's questions to the model through fusion/ask. For each family
// and for all: how many of the questions that the grammar reads are answered
// rightly by the likeliest answer, beside the share of the most frequent answer;
// how many of them all it reads; how many answers given were right; and how far
// probabilities are from how often they come true (expected calibration error).
func (s *Set) Ask(ctx context.Context, e ask.Encoder) ([]Row, error) {
	m := newMeasure(s, e)
	for _, style := range styles {
		families, err := m.ask(ctx, style)
		if err != nil {
			return nil, err
		}
		all := families[""]
		delete(families, "")
		for _, f := range slices.Sorted(maps.Keys(families)) {
			m.row("question, "+f, style, families[f].right, families[f].majority())
		}
		m.questions(style, all)
	}
	return m.rows, nil
}

// ask puts the questions of a style, by family; "" is all of them.
func (m *measure) ask(ctx context.Context, style string) (map[string]*asked, error) {
	answerer, families := ask.New(m.encoder), map[string]*asked{"": {counts: map[string]int{}}}
	states := map[int]*ask.State{}
	for _, q := range m.set.Questions {
		if q.Style != style {
			continue
		}
		if states[q.Tile] == nil {
			state, err := ask.Encode(ctx, ctx, m.encoder, m.set.Picture(q.Tile), ask.Options{})
			if err != nil {
				return nil, fmt.Errorf("encode picture %d: %w", q.Tile, err)
			}
			states[q.Tile] = state
		}
		if families[q.Family] == nil {
			families[q.Family] = &asked{counts: map[string]int{}}
		}
		ans, err := answerer.Answer(ctx, q.Question, states[q.Tile], nil)
		var uncovered *ask.UncoveredError
		if err != nil && !errors.As(err, &uncovered) {
			return nil, fmt.Errorf("%q: %w", q.Question, err)
		}
		families[q.Family].add(q, ans, err == nil)
		families[""].add(q, ans, err == nil)
	}
	return families, nil
}

// questions are the rows of all families together.
func (m *measure) questions(style string, all *asked) {
	m.row("questions of all families", style, all.right, all.majority())
	m.row("questions that are read", style, all.covered, 0)
	m.row("answers given that are right", style, all.said, all.majority())
	if len(all.hits) > 0 {
		m.rows = append(m.rows, Row{"calibration error of answers", style, reliability.Error(reliability.ByWidth(all.hits)), 0, len(all.hits)})
	}
}

func (a *asked) add(q Question, ans ask.Answer, read bool) {
	a.covered = append(a.covered, truth(read))
	if !read {
		return
	}
	a.counts[q.Answers[0]]++
	ok := false
	if len(ans.Alternatives) > 0 {
		first := ans.Alternatives[0]
		ok = slices.Contains(q.Answers, first.Answer)
		a.hits = append(a.hits, reliability.Hit{Match: ok, Probability: first.Probability})
	}
	a.right = append(a.right, truth(ok))
	if !ans.Abstained {
		a.said = append(a.said, truth(ok))
	}
}

// majority is the share of the most frequent true answer.
func (a *asked) majority() float64 {
	most := 0
	for _, n := range a.counts {
		most = max(most, n)
	}
	return float64(most) / float64(max(1, len(a.right)))
}
