package server

import (
	"context"
	"image"
	"net/http"
	"time"

	"github.com/emblem-search/emblem/fusion/ask"
)

// asking is one question about one picture.
type asking struct {
	*Server
	body    *askBody
	library Library // nil: none was named
	encoder *encoder

	answerer *answerer // in the place of encoder
}

// run answers: from the whole picture, then, while there is time, from tiles too.
func (x *asking) run(ctx context.Context, partial func(*askAnswer) error) (*askAnswer, error) {
	refine, cancel := ctx, context.CancelFunc(func() {})
	if ms := x.body.DeadlineMS; ms > 0 {
		refine, cancel = context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
	}
	defer cancel()
	img, err := x.picture(ctx)
	if err != nil {
		return nil, err
	}
	e, a := encoderAsked{x.encoder}, x.encoder.asked()
	q, err := ask.Read(x.body.Question, x.body.Candidates)
	if err != nil {
		return nil, askError(err)
	}
	if partial != nil && x.body.Detail != "low" {
		coarse, err := x.look(ctx, ctx, e, a, q, img, ask.Options{Detail: "low"})
		if err != nil {
			return nil, err
		}
		coarse.Partial = true
		if err := partial(coarse.askAnswer); err != nil {
			return nil, err
		}
	}
	found, err := x.look(ctx, refine, e, a, q, img, ask.Options{Detail: x.body.Detail, MaxTiles: x.body.MaxTiles})
	if err != nil {
		return nil, err
	}
	if err := x.corrected(ctx, found, x.encoder.Fingerprint()); err != nil {
		return nil, err
	}
	return found.askAnswer, x.explain(ctx, e, a, q, img, found)
}

// seen is an answer with what it came from.
type seen struct {
	*askAnswer
	where string
	whole []float32
}

func (x *asking) look(ctx, refine context.Context, e encoderAsked, a *ask.Answerer, q ask.Question, img image.Image, o ask.Options) (*seen, error) {
	state, err := ask.Encode(ctx, refine, e, img, o)
	if err != nil {
		return nil, err
	}
	ans, err := a.AnswerParsed(ctx, q, state)
	if err != nil {
		return nil, err
	}
	out := &askAnswer{Model: x.encoder.Name(), Question: x.body.Question, Kind: q.Kind, Answer: ans.Text, Abstained: ans.Abstained, Probability: ans.Probability,
		Answers: told(ans.Alternatives), Usage: askUsage{Tiles: len(state.Tiles)}}
	if x.library != nil {
		out.Library = x.library.Name()
	}
	return &seen{out, ans.Where, state.Whole}, nil
}

// corrected puts what somebody said in the place of the answer.
func (x *asking) corrected(ctx context.Context, found *seen, fingerprint string) error {
	l, ok := x.library.(AskedLibrary)
	if !ok {
		return nil
	}
	document := ""
	if x.body.Document != nil {
		document = *x.body.Document
	}
	c, err := l.Corrected(ctx, x.body.Question, document, found.whole, fingerprint)
	if err != nil || c == nil {
		return err
	}
	found.Answer, found.Abstained, found.Probability, found.Correction = c.Answer, false, 1, c.ID
	found.Answers = []ask.Alternative{{Answer: c.Answer, Probability: 1}}
	return nil
}

// explain adds the evidence and the answer without it.
func (x *asking) explain(ctx context.Context, e encoderAsked, a *ask.Answerer, q ask.Question, img image.Image, found *seen) error {
	if !x.body.Evidence && !x.body.Counterfactual {
		return nil
	}
	h, ok := x.encoder.Embedder.(Heater)
	if !ok {
		return refuse(http.StatusNotImplemented, "evidence_not_supported", "evidence", "the model %s does not say where in a picture it sees something", x.encoder.Name())
	}
	at, err := ask.Locate(ctx, located{e, h}, img, found.where)
	if err != nil {
		return err
	}
	if x.body.Evidence {
		found.Evidence = evidenceOf(found.where, at, img)
	}
	if !x.body.Counterfactual {
		return nil
	}
	state, err := ask.Encode(ctx, ctx, e, ask.Mask(img, at.Boxes()), ask.Options{Detail: x.body.Detail, MaxTiles: x.body.MaxTiles})
	if err != nil {
		return err
	}
	again, err := a.AnswerParsed(ctx, q, state)
	if err != nil {
		return err
	}
	found.Counterfactual = &askAgain{again.Text, again.Abstained, again.Probability, told(again.Alternatives)}
	return nil
}

// evidenceOf is a map as it is told.
func evidenceOf(of string, at ask.Map, img image.Image) *askEvidence {
	b := img.Bounds()
	return &askEvidence{of, heatAnswer{at.Width, at.Height, at.Values, at.At.Left, at.At.Top, at.At.Right, at.At.Bottom}, at.Pixels(b), [2]int{b.Dx(), b.Dy()}}
}

// picture is what the question is about.
func (x *asking) picture(ctx context.Context) (image.Image, error) {
	file := x.body.file
	switch {
	case x.body.Document != nil:
		var err error
		if file, err = readPicture(ctx, x.library, *x.body.Document); err != nil {
			return nil, err
		}
	case file == nil:
		in, err := pictureInput("image", *x.body.Image)
		if err != nil {
			return nil, err
		}
		inputs, errs := []input{in}, make([]error, 1)
		release, err := x.fetchPictures(ctx, x.encoder, inputs, errs)
		if err != nil {
			return nil, err
		}
		defer release()
		if errs[0] != nil {
			return nil, errs[0]
		}
		file = inputs[0].picture
	}
	if x.answerer != nil {
		return decodeSeen(ctx, x.answerer.decoding, "image", file)
	}
	return decodeSeen(ctx, x.encoder.decoding, "image", file)
}

// asked is the model's Answerer, which keeps the vectors of captions.
func (c *encoder) asked() *ask.Answerer {
	c.askOnce.Do(func() { c.answerer = ask.New(encoderAsked{c}) })
	return c.answerer
}

// correctBody is the request of POST /v1/libraries/{l}/corrections.
type correctBody struct {
	Question string  `json:"question"`
	Answer   string  `json:"answer"`
	Document string  `json:"document"`
	Image    *string `json:"image"` // in the place of document: a data URL
}

// correct answers POST /v1/libraries/{l}/corrections.
func (s *Server) correct(w http.ResponseWriter, r *http.Request) error {
	var body correctBody
	l, release, err := s.libraryBody(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	asked, err := canAsk(l)
	if err != nil {
		return err
	}
	c := ask.Correction{Question: body.Question, Answer: body.Answer, Document: body.Document}
	if body.Image != nil && body.Document == "" {
		model, err := s.encoderOf(l)
		if err != nil {
			return err
		}
		x := &asking{Server: s, body: &askBody{Image: body.Image}, encoder: model}
		img, err := x.picture(r.Context())
		if err != nil {
			return err
		}
		v, err := encoderAsked{model}.EmbedImages(r.Context(), []image.Image{img})
		if err != nil {
			return err
		}
		c.Vector, c.Fingerprint = v[0], model.Fingerprint()
	}
	if c, err = asked.Correct(r.Context(), c); err != nil {
		return err
	}
	c.Vector = nil
	writeJSON(w, http.StatusCreated, c)
	return nil
}

// listCorrections answers GET /v1/libraries/{l}/corrections.
func (s *Server) listCorrections(w http.ResponseWriter, r *http.Request) error {
	l, err := s.library(r, false)
	if err != nil {
		return err
	}
	asked, err := canAsk(l)
	if err != nil {
		return err
	}
	list, err := asked.Corrections(r.Context())
	if err != nil {
		return err
	}
	for i := range list {
		list[i].Vector = nil
	}
	writeJSON(w, http.StatusOK, correctionList{append([]ask.Correction{}, list...)})
	return nil
}

// revoke answers DELETE /v1/libraries/{l}/corrections/{id}.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
	l, err := s.library(r, false)
	if err != nil {
		return err
	}
	asked, err := canAsk(l)
	if err != nil {
		return err
	}
	if err := asked.Revoke(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
