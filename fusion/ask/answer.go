package ask

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Alternative is an answer and how likely it is right.
type Alternative struct {
	Answer      string  `json:"answer"`
	Probability float64 `json:"probability"`
}

// Answer is what became of a question. The most likely alternative comes first; they add
// up to at most 1.
type Answer struct {
	Text         string // the answer, or why there is none
	Abstained    bool   // there is none: nothing is likely enough, or what is asked about is not seen
	Probability  float64
	Alternatives []Alternative
	Question     Question
	Where        string // the phrase of what the answer is about, for Locate
}

// Answerer asks a dual encoder. Its methods may be called from many goroutines.
type Answerer struct {
	texts texts
}

// New makes an Answerer.
func New(e Encoder) *Answerer { return &Answerer{texts: texts{encoder: e}} }

// Name is the model's.
func (a *Answerer) Name() string { return a.texts.encoder.Name() }

// mostCandidates may be given with a question.
const mostCandidates = 256

// Answer answers a question about a picture. With candidates the answer is one of them,
// and the question may be any.
func (a *Answerer) Answer(ctx context.Context, question string, s *State, candidates []string) (Answer, error) {
	q, err := Read(question, candidates)
	if err != nil {
		return Answer{}, err
	}
	return a.AnswerParsed(ctx, q, s)
}

// Read is Parse for a question that may have candidates.
func Read(question string, candidates []string) (Question, error) {
	if len(candidates) > mostCandidates {
		return Question{}, fmt.Errorf("ask: %d candidates; at most %d", len(candidates), mostCandidates)
	}
	q, err := Parse(question)
	if len(candidates) == 0 {
		return q, err
	}
	if err != nil {
		q = Question{Text: question, Language: "en"}
	}
	q.Kind, q.Choices = Given, candidates
	return q, nil
}

// AnswerParsed is Answer for a question that was read before.
func (a *Answerer) AnswerParsed(ctx context.Context, q Question, s *State) (Answer, error) {
	ans, err := a.answer(ctx, q, s)
	if err != nil {
		return ans, err
	}
	ans.Question = q
	ans.decide()
	return ans, nil
}

func (a *Answerer) answer(ctx context.Context, q Question, s *State) (Answer, error) {
	switch q.Kind {
	case Exist:
		p, err := a.seen(ctx, q.Subject, s)
		return yesNo(p, article(q.Subject)), err
	case Colour, Count, Place:
		p, err := a.seen(ctx, q.Subject, s)
		if err != nil || p < unseen {
			return Answer{Abstained: true, Text: "I see no " + q.Subject, Where: article(q.Subject)}, err
		}
	case Is:
		all, err := a.ranked(ctx, q, Setting, q.statements(nil), s)
		if err != nil {
			return all, err
		}
		i := slices.IndexFunc(all.Alternatives, func(x Alternative) bool { return x.Answer == q.Setting })
		return yesNo(all.Alternatives[i].Probability, q.Setting), nil
	case What, Beside:
		list, err := a.likeliest(ctx, q, s)
		if err != nil {
			return Answer{}, err
		}
		return a.ranked(ctx, q, q.Kind, q.statements(list), s)
	case Given:
		return a.ranked(ctx, q, Given, each(q.Choices, q.given), s)
	}
	return a.ranked(ctx, q, q.Kind, q.statements(nil), s)
}

// given is a candidate as a statement: of what the question asks, where that is known.
func (q Question) given(candidate string) statement {
	c := bare(candidate)
	for _, s := range append(q.fromFamily(), statement{}) {
		if s.answer == c {
			return statement{candidate, s.captions, s.where}
		}
	}
	return statement{candidate, append(ensemble(candidate), ensemble(article(c))...), candidate}
}

// fromFamily are the statements of the family that a question has besides candidates.
func (q Question) fromFamily() []statement {
	again, err := Parse(q.Text)
	if err != nil || again.Kind == Exist || again.Kind == What || again.Kind == Beside {
		return nil
	}
	return again.statements(nil)
}

// seen is how likely a thing is in the picture.
func (a *Answerer) seen(ctx context.Context, subject string, s *State) (float64, error) {
	v, err := a.texts.mean(ctx, []statement{{captions: ensemble(article(subject))}})
	if err != nil {
		return 0, err
	}
	e, err := a.evidenceOf(ctx, s, v[0])
	return e.probability(), err
}

// shortlist is how many names of a vocabulary are looked at with all templates.
const shortlist = 24

// likeliest are the names of the question's vocabulary that fit the picture best.
func (a *Answerer) likeliest(ctx context.Context, q Question, s *State) ([]string, error) {
	vocabulary := nouns
	if q.Class != "" {
		vocabulary = classes[q.Class]
	}
	quick := each(vocabulary, func(n string) statement { return statement{n, []string{article(n)}, ""} })
	v, err := a.texts.mean(ctx, quick)
	if err != nil {
		return nil, err
	}
	type scored struct {
		name  string
		score float64
	}
	var list []scored
	for i, n := range vocabulary {
		if q.Kind == Beside && n == q.Object {
			continue
		}
		best := dot(s.Whole, v[i])
		list = append(list, scored{n, best})
	}
	slices.SortStableFunc(list, func(x, y scored) int { return cmp.Compare(y.score, x.score) })
	var out []string
	for _, x := range list[:min(shortlist, len(list))] {
		out = append(out, x.name)
	}
	return out, nil
}

// ranked is a softmax over statements, by the constants of a family.
func (a *Answerer) ranked(ctx context.Context, q Question, family Kind, list []statement, s *State) (Answer, error) {
	v, err := a.texts.mean(ctx, list)
	if err != nil {
		return Answer{}, err
	}
	h, err := a.heights(ctx, s.Whole, v)
	if err != nil {
		return Answer{}, err
	}
	p := softmax(h, steep[family])
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(p[y], p[x]) })
	ans := Answer{Where: list[order[0]].where}
	for _, i := range order {
		ans.Alternatives = append(ans.Alternatives, Alternative{list[i].answer, p[i]})
	}
	return ans, nil
}

// yesNo is the answer to whether something is so.
func yesNo(p float64, where string) Answer {
	all := []Alternative{{"yes", p}, {"no", 1 - p}}
	if p < 0.5 {
		slices.Reverse(all)
	}
	return Answer{Alternatives: all, Where: where}
}

// decide takes the best alternative, or abstains.
func (ans *Answer) decide() {
	q := ans.Question
	say := func(s string) string { return s }
	if q.Language == "de" {
		say = inGerman
	}
	for i := range ans.Alternatives {
		ans.Alternatives[i].Answer = say(ans.Alternatives[i].Answer)
	}
	if len(ans.Alternatives) > 0 {
		best := ans.Alternatives[0]
		ans.Text, ans.Probability = best.Answer, best.Probability
		ans.Abstained = best.Probability < least[q.Kind]
		if ans.Abstained {
			ans.Text = q.Unknown()
		}
	}
	if len(ans.Alternatives) == 0 && q.Language == "de" {
		ans.Text = "Das sehe ich nicht: " + inGerman(q.Subject)
	}
}

// Unknown is what is said in the place of an answer.
func (q Question) Unknown() string {
	if q.Language == "de" {
		return "Das weiß ich nicht"
	}
	return "I don't know"
}

// Least is the probability under which an answer to the question is Unknown.
func (q Question) Least() float64 { return least[q.Kind] }

// Yes is the probability that something is so.
func (ans Answer) Yes() float64 {
	for _, x := range ans.Alternatives {
		if Truth(x.Answer) == "yes" {
			return x.Probability
		}
	}
	return 0
}

// Truth is yes or no in English, whatever language says it, or "".
func Truth(answer string) string {
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "yes", "ja":
		return "yes"
	case "no", "nein":
		return "no"
	}
	return ""
}

// Presence asks whether a picture shows what the question is about.
func (q Question) Presence() Question {
	p := Question{Text: q.Text, Language: q.Language, Kind: Exist, Subject: q.Subject}
	switch q.Kind {
	case Beside:
		p.Subject = q.Object
	case What, Setting, Time, Choice, Given:
		p.Subject = cmp.Or(q.Class, "scene")
		if len(q.Choices) > 0 && q.Kind == Choice {
			p.Subject = q.Choices[0]
		}
	}
	return p
}

// Vector is the vector of what speaks for yes, to find pictures with.
func (a *Answerer) Vector(ctx context.Context, q Question) ([]float32, error) {
	list := q.statements(nil)
	i := max(0, slices.IndexFunc(list, func(s statement) bool { return s.answer == q.Setting }))
	v, err := a.texts.mean(ctx, list[i:i+1])
	if err != nil {
		return nil, err
	}
	return v[0], nil
}
