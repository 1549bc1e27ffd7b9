package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/emblem-search/emblem/fusion/ask"
	"github.com/emblem-search/emblem/internal/library"
)

// askOptions are those of the ask operation, on a library.
type askOptions struct {
	Library    string
	Question   string
	Candidates []string
	Model      string
	DType      string
	Budget     int
	Limit      int
	Picture    string // that is corrected
	Correct    string
	Revoke     string
	List       bool
	JSON       bool
}

// runAsk is the ask operation.
func runAsk(ctx context.Context, h *host, s *session, o askOptions) error {
	lib, err := h.store.Open(o.Library)
	if err != nil {
		return err
	}
	switch {
	case o.List:
		return o.list(s, lib)
	case o.Revoke != "":
		return lib.Revoke(o.Revoke)
	case o.Correct != "":
		c, err := lib.Correct(ask.Correction{Question: o.Question, Answer: o.Correct, Document: o.Picture})
		if err != nil {
			return err
		}
		return o.kept(s.stdout, c)
	}
	m, err := h.model(ctx, modelChoice{Ref: chosenModel(lib, o.Model), DType: o.DType})
	if err != nil {
		return err
	}
	a, err := lib.Ask(ctx, m, o.Question, ask.CollectionOptions{Candidates: o.Candidates, Limit: o.Limit, Budget: o.Budget})
	if err != nil {
		return uncovered(err)
	}
	out := toldAnswer{Question: o.Question, Answer: a.Answer, IDs: []int32{}, Abstained: a.Abstained, Probability: a.Probability, Answers: a.Alternatives, Kind: a.Kind,
		Count: a.Count, Annotations: a.Annotations, Library: lib.Name(), Model: m.Name()}
	return out.write(s.stdout, o.JSON)
}

func (o askOptions) list(s *session, lib *library.Library) error {
	all, err := lib.Corrections()
	if err != nil {
		return err
	}
	for _, c := range all {
		if err := o.kept(s.stdout, c); err != nil {
			return err
		}
	}
	return nil
}

// kept prints a correction.
func (o askOptions) kept(w io.Writer, c ask.Correction) error {
	c.Vector = nil
	if o.JSON {
		return newEncoder(w).Encode(c)
	}
	_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.ID, visible(c.Question), visible(c.Answer), visible(c.Document))
	return err
}

// write prints an answer, its rivals and what it rests on. An abstention is exit 3.
func (t toldAnswer) write(w io.Writer, asJSON bool) error {
	if asJSON {
		t.Answers = append([]ask.Alternative{}, t.Answers[:min(len(t.Answers), mostTold)]...)
		if err := newEncoder(w).Encode(t); err != nil {
			return err
		}
		return t.verdict()
	}
	if t.Abstained {
		return t.verdict()
	}
	fmt.Fprintf(w, "%s  %.0f%%\n", visible(t.Answer), 100*t.Probability)
	if t.Count == nil {
		for _, a := range t.Answers[min(1, len(t.Answers)):min(4, len(t.Answers))] {
			fmt.Fprintf(w, "  %s  %.0f%%\n", visible(a.Answer), 100*a.Probability)
		}
	} else {
		fmt.Fprintf(w, "  %d of %d pictures inspected\n", t.Count.Inspected, t.Count.Of)
	}
	if err := t.writeEvidence(w); err != nil {
		return err
	}
	for _, x := range t.Annotations {
		fmt.Fprintf(w, "  %s  %s  %.0f%%\n", visible(x.ID), visible(x.Answer), 100*x.Probability)
	}
	return nil
}

// writeEvidence prints where an answer was seen, and what is answered without that.
func (t toldAnswer) writeEvidence(w io.Writer) error {
	var b strings.Builder
	if t.Evidence != nil {
		for _, x := range t.Evidence.Boxes {
			fmt.Fprintf(&b, "  %s at x %d, y %d, %d wide, %d high\n", visible(t.Evidence.Of), x[0], x[1], x[2], x[3])
		}
	}
	if t.Counterfactual != nil {
		fmt.Fprintf(&b, "  without that: %s\n", visible(t.Counterfactual.Answer))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mostTold is how many alternatives are told.
const mostTold = 20

func (t toldAnswer) verdict() error {
	if t.Abstained {
		return nothingMatched("%s", t.Answer)
	}
	return nil
}
