package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/emblem-search/emblem/fusion/ask"
	"github.com/emblem-search/emblem/text/decoder"
)

// Answerer is a model that answers questions about pictures of its own weights. Its
// methods may be called from many goroutines.
type Answerer interface {
	// Name is the model's public name.
	Name() string
	// Bytes is the memory that it takes.
	Bytes() int
	// Ask answers a question and calls each with the parts of the answer as they come.
	// It looks at the whole of the picture, and at more as long as refine lives.
	Ask(ctx, refine context.Context, q PictureQuestion, each func(text string) error) (PictureAnswer, error)
	// Evidence says where in the picture an answer was seen.
	Evidence(ctx context.Context, q PictureQuestion, answer string) (ask.Map, error)
}

// PictureQuestion is what an Answerer answers.
type PictureQuestion struct {
	Picture
	Question   string
	Candidates []string // to choose from, if there are any
	MaxTokens  int      // of the answer at most; 0: the model's own number
}

// PictureAnswer is what an Answerer says. The likeliest alternative comes first.
type PictureAnswer struct {
	Text         string
	IDs          []int32 // its tokens, of models that generate
	Alternatives []ask.Alternative
	Finish       string // decoder.Stop or decoder.Length
	Tiles        int    // of the picture, the whole included
	Usage        ChatUsage
}

// answerer is a model with the number of answers that it is at.
type answerer struct {
	Answerer
	seats    *seats
	decoding *semaphore.Weighted // bytes of decoded pictures
}

// answererFor is the model that a request names, if it is one that answers of its own
// weights; a request that names none gets the first where there is no dual encoder.
func (s *Server) answererFor(name string) *answerer {
	for _, a := range s.answerers {
		if names(a.Name(), name) || name == "" && len(s.encoders) == 0 {
			return a
		}
	}
	return nil
}

func (s *Server) answererEntry(a *answerer) modelEntry {
	return modelEntry{ID: a.Name(), Object: "model", Created: s.started.Unix(), OwnedBy: "emblem", Kind: "answering", Loaded: true, Bytes: int64(a.Bytes())}
}

// generated is the kind of a question that a model answers in words of its own.
const generated ask.Kind = "generated"

// runAnswerer answers by a model of its own weights.
func (x *asking) runAnswerer(ctx context.Context, partial func(*askAnswer) error) (*askAnswer, error) {
	leave, err := x.answerer.seats.enter(1)
	if err != nil {
		return nil, err
	}
	defer leave()
	refine := ctx
	if ms := x.body.DeadlineMS; ms > 0 {
		var cancel context.CancelFunc
		refine, cancel = context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
		defer cancel()
	}
	img, err := x.picture(ctx)
	if err != nil {
		return nil, err
	}
	b := x.body
	q := PictureQuestion{Picture: Picture{Image: img, Detail: b.Detail, MaxTiles: b.MaxTiles}, Question: b.Question, Candidates: b.Candidates, MaxTokens: b.MaxTokens}
	out := x.blank()
	said, err := x.answerer.Ask(ctx, refine, q, out.growing(partial))
	if err != nil {
		return nil, askedError(err)
	}
	out = x.blank()
	out.take(said)
	if err := x.correctedByDocument(ctx, out); err != nil {
		return nil, err
	}
	return out, x.explainAnswerer(ctx, q, out)
}

// blank is an answer that says nothing yet.
func (x *asking) blank() *askAnswer {
	out := &askAnswer{Model: x.answerer.Name(), Question: x.body.Question, Kind: generated, Answers: []ask.Alternative{}}
	if len(x.body.Candidates) > 0 {
		out.Kind = ask.Given
	}
	if x.library != nil {
		out.Library = x.library.Name()
	}
	return out
}

// growing sends an answer each time that it has become longer.
func (a *askAnswer) growing(send func(*askAnswer) error) func(string) error {
	return func(text string) error {
		if send == nil {
			return nil
		}
		if a.Answer == "" {
			text = strings.TrimLeft(text, " \n")
		}
		if text == "" {
			return nil
		}
		a.Answer, a.Delta, a.Partial = a.Answer+text, text, true
		return send(a)
	}
}

// take puts down what a model said.
func (a *askAnswer) take(said PictureAnswer) {
	a.Answer, a.IDs, a.Finish, a.Answers = said.Text, said.IDs, said.Finish, told(said.Alternatives)
	if len(a.Answers) > 0 {
		a.Probability = a.Answers[0].Probability
	}
	a.Usage = askUsage{Tiles: said.Tiles, Prompt: said.Usage.Prompt, Pictures: said.Usage.Pictures, Cached: said.Usage.Cached, Completion: said.Usage.Generated}
}

// correctedByDocument puts what somebody said about this very picture in the place of
// the answer: the model has no vectors to find those that look the same.
func (x *asking) correctedByDocument(ctx context.Context, out *askAnswer) error {
	if x.library == nil || x.body.Document == nil {
		return nil
	}
	found := &seen{askAnswer: out}
	return x.corrected(ctx, found, "")
}

// explainAnswerer adds the evidence and the answer without it.
func (x *asking) explainAnswerer(ctx context.Context, q PictureQuestion, out *askAnswer) error {
	if !x.body.Evidence && !x.body.Counterfactual {
		return nil
	}
	at, err := x.answerer.Evidence(ctx, q, out.Answer)
	if err != nil {
		return askedError(err)
	}
	if x.body.Evidence {
		out.Evidence = evidenceOf(out.Answer, at, q.Image)
	}
	if !x.body.Counterfactual {
		return nil
	}
	q.Image = ask.Mask(q.Image, at.Boxes())
	again, err := x.answerer.Ask(ctx, ctx, q, func(string) error { return nil })
	if err != nil {
		return askedError(err)
	}
	var t askAnswer
	t.take(again)
	out.Counterfactual = &askAgain{t.Answer, false, t.Probability, t.Answers}
	return nil
}

// askedError turns an error of a model into one for the client.
func askedError(err error) error {
	var own *Error
	var long *decoder.TooLongError
	if errors.As(err, &long) {
		return refuse(http.StatusBadRequest, "context_length_exceeded", "question", "%s, or look less closely with detail low or max_tiles", long)
	}
	if err = requestError(err); errors.As(err, &own) && own.Param == "prompt" {
		e := *own
		e.Param = "question"
		return &e
	}
	return err
}
