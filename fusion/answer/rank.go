package answer

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/text/decoder"
)

// Ranked is a candidate and how likely the model holds it.
type Ranked struct {
	Answer      string
	LogProb     float64 // that the model answers just this, and ends
	Probability float64 // among the candidates
}

// mostCandidates may be given with a question.
const mostCandidates = 256

// Rank weighs candidates for the answer, the likeliest first.
func (m *Model) Rank(ctx context.Context, states []*ImageState, question string, candidates []string) ([]Ranked, error) {
	if err := m.check(states, question); err != nil {
		return nil, err
	}
	blank := func(c string) bool { return strings.TrimSpace(c) == "" }
	switch n := len(candidates); {
	case n == 0 || n > mostCandidates:
		return nil, &decoder.RequestError{Param: "candidates", Message: "want 1 to 256 candidates"}
	case slices.ContainsFunc(candidates, blank):
		return nil, &decoder.RequestError{Param: "candidates", Message: "a candidate is empty"}
	}
	r, ok := m.net.(ranker)
	if !ok {
		return nil, &UnsupportedError{m.family, "weigh candidates"}
	}
	logs, err := r.rank(ctx, states, question, candidates)
	if err != nil {
		return nil, err
	}
	return ranked(candidates, logs), nil
}

// ranked sorts candidates by the logarithms of their probabilities, which become
// shares of what they have together.
func ranked(candidates []string, logs []float64) []Ranked {
	top, sum := slices.Max(logs), 0.0
	for _, l := range logs {
		sum += math.Exp(l - top)
	}
	all := make([]Ranked, len(logs))
	for i, l := range logs {
		all[i] = Ranked{candidates[i], l, math.Exp(l-top) / sum}
	}
	slices.SortStableFunc(all, func(a, b Ranked) int { return cmp.Compare(b.LogProb, a.LogProb) })
	return all
}
