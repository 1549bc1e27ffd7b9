package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"path/filepath"
	"strings"

	"github.com/emblem-search/emblem/fusion/answer"
	"github.com/emblem-search/emblem/fusion/ask"
	"github.com/emblem-search/emblem/internal/device"
	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/text/decoder"
)

// askedUsage counts the tokens of an answer.
type askedUsage struct {
	Prompt     int `json:"prompt_tokens"`
	Pictures   int `json:"picture_tokens"` // of the prompt
	Cached     int `json:"cached_tokens"`  // of the prompt, that were computed for an earlier one
	Completion int `json:"completion_tokens"`
}

// generated is the kind of a question that a model answers in words of its own.
const generated ask.Kind = "generated"

// ofItsOwn answers by a model of its own weights.
func (f *askFlags) ofItsOwn(ctx context.Context, a *app, args []string, libraryNamed bool) error {
	if err := f.checkOfItsOwn(args, libraryNamed); err != nil {
		return err
	}
	if _, err := device.Open(a.device); err != nil {
		return refusef("device", "%w", err)
	}
	pictures, err := f.pictures()
	if err != nil {
		return err
	}
	m, err := models.OpenAnswerer(ctx, f.model, models.Options{Device: a.device, DType: f.dtype, Cache: a.wiring.cache, Aliases: a.wiring.aliases})
	if err != nil {
		return modelError(err)
	}
	defer m.Close()
	if most := m.Sizes().Pictures; len(pictures) > most {
		return usagef("%d pictures; %s takes %d with a question at most", len(pictures), m.Name(), most)
	}
	states, err := f.encode(ctx, m, pictures)
	if err != nil {
		return askedError(err)
	}
	out := toldAnswer{Question: args[0], IDs: []int32{}, Tiles: states[0].Tiles, Model: m.Name(), DType: m.DType()}
	if err := f.tell(ctx, a, m, states, &out); err != nil {
		return askedError(err)
	}
	if f.evidence || f.counterfactual {
		if err := f.explain(ctx, m, pictures, states, &out); err != nil {
			return askedError(err)
		}
	}
	if f.json || len(f.candidates) > 0 {
		return out.write(a.stdout, f.json)
	}
	return out.writeEvidence(a.stdout)
}

func (f *askFlags) checkOfItsOwn(args []string, libraryNamed bool) error {
	switch {
	case f.revoke != "" || f.corrections || f.correct != "":
		return usagef("--correct, --corrections and --revoke are about a library; leave --model out")
	case len(args) != 1 || strings.TrimSpace(args[0]) == "":
		return usagef(`give one question in quotes: emblem ask --model M --image cat.jpg "what is the cat doing?"`)
	case libraryNamed:
		return usagef("%s answers about pictures, not about a library; name pictures with --image", f.model)
	case len(f.images) == 0:
		return usagef("there is no picture; name one with --image")
	case f.maxTiles < 0 || f.deadline < 0 || f.maxTokens < 0:
		return usagef("--max-tiles, --deadline and --max-tokens must not be negative")
	}
	if err := oneOf("detail", f.detail, "low", "high", "auto"); err != nil {
		return err
	}
	return f.checkDType()
}

// pictures are those of --image, in order.
func (f *askFlags) pictures() (list []image.Image, err error) {
	limits := picture.LocalLimits(int(f.maxMegapixels))
	for _, p := range f.images {
		path, err := filepath.Abs(library.ExpandHome(p))
		if err != nil {
			return nil, err
		}
		file, err := picture.ReadFile(path, limits.MaxBytes)
		if err != nil {
			return nil, err
		}
		img, err := picture.Decode(file, picture.Options{Local: true, Limits: limits})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		list = append(list, img)
	}
	return list, nil
}

func (f *askFlags) encode(ctx context.Context, m *answer.Model, pictures []image.Image) (states []*answer.ImageState, err error) {
	refine, cancel := ctx, context.CancelFunc(func() {})
	if f.deadline > 0 {
		refine, cancel = context.WithTimeout(ctx, f.deadline)
	}
	defer cancel()
	o := answer.PictureOptions{Detail: f.detail, MaxTiles: f.maxTiles}
	for _, img := range pictures {
		encode := m.Encode
		if f.deadline > 0 {
			encode = func(ctx context.Context, img image.Image, o answer.PictureOptions) (*answer.ImageState, error) {
				return m.EncodeWithin(ctx, refine, img, o)
			}
		}
		s, err := encode(ctx, img, o)
		if err != nil {
			return nil, err
		}
		states = append(states, s)
	}
	return states, nil
}

// tell answers, or weighs candidates. Words are printed as they come, unless JSON is
// wanted.
func (f *askFlags) tell(ctx context.Context, a *app, m *answer.Model, states []*answer.ImageState, out *toldAnswer) error {
	if len(f.candidates) > 0 {
		all, err := m.Rank(ctx, states, out.Question, f.candidates)
		if err != nil {
			return err
		}
		out.Kind, out.Answer, out.Probability, out.Answers = ask.Given, all[0].Answer, all[0].Probability, alternatives(all)
		return nil
	}
	r := answer.Request{Request: decoder.Request{Sampling: decoder.Sampling{Temperature: f.temperature, Seed: f.seed}, MaxTokens: f.maxTokens, LogProbs: true}}
	if !f.json {
		begun := false
		r.Each = func(p decoder.Piece) error {
			text := p.Text
			if !begun {
				text = strings.TrimLeft(text, " \n")
			}
			begun = begun || text != ""
			if isTerminal(a.stdout) {
				text = visibleBut(text, "\n\t")
			}
			_, err := io.WriteString(a.stdout, text)
			return err
		}
	}
	said, err := m.Answer(ctx, states, out.Question, r)
	if err != nil {
		return err
	}
	out.take(said)
	if !f.json {
		_, err = fmt.Fprintln(a.stdout)
	}
	return err
}

// take puts down what a model said.
func (t *toldAnswer) take(a answer.Answer) {
	t.Kind, t.Answer, t.IDs, t.Finish = generated, a.Text, a.IDs, a.Finish
	t.Answers = alternatives(a.Ranked)
	if len(t.Answers) == 0 {
		t.Answers = []ask.Alternative{{Answer: a.Text, Probability: math.Exp(a.LogProb)}}
	}
	t.Probability = t.Answers[0].Probability
	t.Usage = &askedUsage{a.Usage.Prompt, a.Usage.Pictures, a.Usage.Cached, a.Usage.Generated}
}

func alternatives(all []answer.Ranked) (list []ask.Alternative) {
	for _, r := range all {
		list = append(list, ask.Alternative{Answer: r.Answer, Probability: r.Probability})
	}
	return list
}

// explain says where in the first picture the answer was seen, and what is answered
// without that.
func (f *askFlags) explain(ctx context.Context, m *answer.Model, pictures []image.Image, states []*answer.ImageState, out *toldAnswer) error {
	w, h, heat, err := m.Explain(ctx, states, out.Question, out.Answer)
	if err != nil {
		return err
	}
	at := ask.NewMap(w, h, heat, m.Window(states[0]))
	out.Evidence = &toldEvidence{out.Answer, at.Pixels(pictures[0].Bounds())}
	if !f.counterfactual {
		return nil
	}
	masked, err := m.Encode(ctx, ask.Mask(pictures[0], at.Boxes()), answer.PictureOptions{Detail: f.detail, MaxTiles: f.maxTiles})
	if err != nil {
		return err
	}
	g := *f
	g.json = true // nothing is printed
	var again toldAnswer
	again.Question = out.Question
	if err := g.tell(ctx, nil, m, append([]*answer.ImageState{masked}, states[1:]...), &again); err != nil {
		return err
	}
	out.Counterfactual = &toldAgain{again.Answer, false, again.Probability, again.Answers}
	return nil
}

// askedError gives errors of a question their codes.
func askedError(err error) error {
	var long *decoder.TooLongError
	var bad *decoder.RequestError
	var pictures *answer.PictureError
	var cannot *answer.UnsupportedError
	switch {
	case errors.As(err, &long):
		return failf("prompt_too_long", "%w, or look less closely with --detail low or --max-tiles", err)
	case errors.As(err, &bad), errors.As(err, &pictures), errors.As(err, &cannot):
		return usagef("%w", err)
	}
	return err
}
