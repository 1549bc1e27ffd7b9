package library

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emblem-search/emblem/fusion/ask"
	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/calibrate"
)

const (
	citations = 8
	inspected = 2000
)

// looked is a picture of the library and how likely it shows what a question is about.
type looked struct {
	id          string
	vector      []float32
	probability float64 // at even chances
	correction  *ask.Correction
}

// Ask answers a question about all pictures of a library from the vectors that it keeps:
// no file is read. "How many of my pictures show a dog?" is counted; other questions are
// put to each of the pictures that show what they are about, and the answers are added.
func (l *Library) Ask(ctx context.Context, e Embedder, question string, o ask.CollectionOptions) (ask.CollectionAnswer, error) {
	q, err := ask.Read(question, o.Candidates)
	if err != nil {
		return ask.CollectionAnswer{}, err
	}
	if o.Limit == 0 {
		o.Limit = citations
	}
	if o.Budget == 0 {
		o.Budget = inspected
	}
	if err := needWords(e); err != nil {
		return ask.CollectionAnswer{}, err
	}
	if l.Manifest().Model == "" {
		return ask.CollectionAnswer{}, errorf(KindModel, "library %q has no pictures yet; fill it with: emblem index --library %s FOLDER", l.name, l.name)
	}
	space, carry, err := l.answering(e)
	if err != nil {
		return ask.CollectionAnswer{}, err
	}
	if carry != nil {
		return ask.CollectionAnswer{}, errorf(KindModel, "library %q is on its way to %s; ask when its migration is done", l.name, e.Name())
	}
	x := &asking{Library: l, answerer: ask.New(e), print: e.Fingerprint(), space: space, q: q, CollectionOptions: o}
	if x.corrections, err = l.correctionsOf(question); err != nil {
		return ask.CollectionAnswer{}, err
	}
	if q.Kind == ask.Exist || q.Kind == ask.Is {
		return x.count(ctx)
	}
	return x.each(ctx)
}

// asking is one question to a library.
type asking struct {
	*Library
	answerer    *ask.Answerer
	print       string
	space       string
	q           ask.Question
	corrections corrections
	ask.CollectionOptions
}

// near are the pictures nearest to what is asked about, each with its probability.
func (x *asking) near(ctx context.Context, presence ask.Question, most int) ([]looked, error) {
	vector, err := x.answerer.Vector(ctx, presence)
	if err != nil {
		return nil, err
	}
	found, err := x.ix.Search(ctx, index.Query{Space: x.space, Vector: vector, Limit: most})
	if err != nil {
		return nil, err
	}
	var list []looked
	for _, h := range found.Hits {
		d, err := x.ix.Get(h.ID)
		if errors.Is(err, index.ErrNotFound) || err == nil && len(d.Vectors[x.space]) == 0 {
			continue // it went since it was found
		}
		if err != nil {
			return nil, err
		}
		one := looked{id: h.ID, vector: d.Vectors[x.space][0]}
		if one.probability, err = x.likely(ctx, presence, one.vector); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// likely is how likely a picture shows what is asked about.
func (x *asking) likely(ctx context.Context, presence ask.Question, vector []float32) (float64, error) {
	a, err := x.answerer.AnswerParsed(ctx, presence, &ask.State{Whole: vector})
	return a.Yes(), err
}

// count answers how many pictures show something: the nearest are inspected one by one,
// the others by a sample that is spread over the library.
func (x *asking) count(ctx context.Context) (ask.CollectionAnswer, error) {
	list, err := x.near(ctx, x.q, x.Budget*3/4)
	if err != nil {
		return ask.CollectionAnswer{}, err
	}
	total, err := x.size()
	if err != nil {
		return ask.CollectionAnswer{}, err
	}
	total = max(total, len(list))
	for i := range list {
		x.correct(&list[i])
	}
	strata := []ask.Stratum{{Size: len(list), Probabilities: probabilities(list)}}
	if total > len(list) {
		rest, err := x.rest(ctx, list, total)
		if err != nil {
			return ask.CollectionAnswer{}, err
		}
		strata = append(strata, rest)
	}
	c := ask.Tally(strata, 1)
	slices.SortStableFunc(list, func(a, b looked) int { return cmp.Compare(b.probability, a.probability) })
	out := ask.CollectionAnswer{Kind: x.q.Kind, Count: &c, Inspected: c.Inspected, Annotations: []ask.Annotation{}, Probability: 0.95}
	for _, p := range list[:min(x.Limit, len(list))] {
		likely := c.Probability(p.probability)
		if likely < calibrate.Cut {
			break
		}
		out.Annotations = append(out.Annotations, ask.Annotation{ID: p.id, Answer: "yes", Probability: round(likely, 1e4), Correction: p.correctionID()})
	}
	out.Answer = sentence(c, x.q.Language)
	out.Alternatives = []ask.Alternative{{Answer: out.Answer, Probability: 0.95}}
	return out, nil
}

// rest samples the pictures behind the nearest.
func (x *asking) rest(ctx context.Context, near []looked, total int) (ask.Stratum, error) {
	s := ask.Stratum{Size: total - len(near)}
	sample, err := x.ix.Sample(x.space, max(1, x.Budget-len(near)))
	if err != nil {
		return s, err
	}
	last := 0.0
	if len(near) > 0 {
		last = near[len(near)-1].probability
	}
	for _, v := range sample {
		p, err := x.likely(ctx, x.q, v)
		if err != nil {
			return s, err
		}
		if p <= last || len(near) == 0 {
			s.Probabilities = append(s.Probabilities, p)
		}
	}
	return s, nil
}

// size is how many pictures have a vector.
func (x *asking) size() (int, error) {
	s, err := x.ix.Stats()
	return s.Vectors[x.space], err
}

// correct takes what somebody said of a picture for certain.
func (x *asking) correct(p *looked) {
	c := x.corrections.of(p.id, p.vector, x.print)
	if c == nil {
		return
	}
	switch ask.Truth(c.Answer) {
	case "yes":
		p.probability, p.correction = 1, c
	case "no":
		p.probability, p.correction = 0, c
	}
}

func (p looked) correctionID() string {
	if p.correction == nil {
		return ""
	}
	return p.correction.ID
}

func probabilities(list []looked) []float64 {
	out := make([]float64, len(list))
	for i, p := range list {
		out[i] = p.probability
	}
	return out
}

// sentence is a count in words.
func sentence(c ask.Counted, language string) string {
	n, unsure := int(c.Estimate+0.5), c.Low != c.High
	switch {
	case language == "de" && unsure:
		return fmt.Sprintf("etwa %d (zwischen %d und %d)", n, c.Low, c.High)
	case unsure:
		return fmt.Sprintf("about %d (between %d and %d)", n, c.Low, c.High)
	}
	return fmt.Sprint(n)
}

// each puts a question to the pictures that show what it is about, and adds the answers.
func (x *asking) each(ctx context.Context) (ask.CollectionAnswer, error) {
	list, err := x.near(ctx, x.q.Presence(), min(x.Budget, 4*x.Limit))
	if err != nil {
		return ask.CollectionAnswer{}, err
	}
	out := ask.CollectionAnswer{Kind: x.q.Kind, Inspected: len(list), Annotations: []ask.Annotation{}}
	votes, weight := map[string]float64{}, 0.0
	for _, p := range list {
		if len(out.Annotations) == x.Limit {
			break
		}
		c := x.corrections.of(p.id, p.vector, x.print)
		if p.probability < 0.5 && c == nil {
			continue
		}
		a := ask.Answer{Text: "", Alternatives: nil}
		if c != nil {
			a = ask.Answer{Text: c.Answer, Probability: 1, Alternatives: []ask.Alternative{{Answer: c.Answer, Probability: 1}}}
			p.probability, p.correction = 1, c
		} else if a, err = x.answerer.AnswerParsed(ctx, x.q, &ask.State{Whole: p.vector}); err != nil {
			return out, err
		}
		if a.Abstained {
			continue
		}
		for _, v := range a.Alternatives {
			votes[v.Answer] += p.probability * v.Probability
		}
		weight += p.probability
		out.Annotations = append(out.Annotations, ask.Annotation{ID: p.id, Answer: a.Text, Probability: round(a.Probability, 1e4), Correction: p.correctionID()})
	}
	decide(&out, x.q, votes, weight)
	return out, nil
}

// decide takes the answer with most votes, or abstains.
func decide(out *ask.CollectionAnswer, q ask.Question, votes map[string]float64, weight float64) {
	for answer, v := range votes {
		out.Alternatives = append(out.Alternatives, ask.Alternative{Answer: answer, Probability: round(v/weight, 1e4)})
	}
	slices.SortFunc(out.Alternatives, func(a, b ask.Alternative) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), cmp.Compare(a.Answer, b.Answer))
	})
	if len(out.Alternatives) > 0 {
		best := out.Alternatives[0]
		out.Answer, out.Probability = best.Answer, best.Probability
		if out.Abstained = best.Probability < q.Least(); !out.Abstained {
			return
		}
	} else {
		out.Alternatives = []ask.Alternative{}
	}
	out.Abstained, out.Answer = true, q.Unknown()
}
