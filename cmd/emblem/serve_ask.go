package main

import (
	"context"
	"errors"
	"math"
	"net/http"

	"golang.org/x/sync/semaphore"

	"github.com/emblem-search/emblem/fusion/answer"
	"github.com/emblem-search/emblem/fusion/ask"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/server"
	"github.com/emblem-search/emblem/text/decoder"
)

// answering is a model that answers questions about pictures as the server takes it,
// under a name of its own or of the user's.
type answering struct {
	model    *answer.Model
	name     string
	at       int                 // its place among --model
	encoding *semaphore.Weighted // one picture at a time, so that none is encoded twice
}

// Name implements server.Answerer.
func (a answering) Name() string { return a.name }

// Bytes implements server.Answerer.
func (a answering) Bytes() int { return a.model.Bytes() }

// encode encodes a picture, as closely as there is time for.
func (a answering) encode(ctx, refine context.Context, p server.Picture) (*answer.ImageState, error) {
	if err := a.encoding.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer a.encoding.Release(1)
	o := answer.PictureOptions{Detail: p.Detail, MaxTiles: p.MaxTiles}
	if refine == ctx {
		return a.model.Encode(ctx, p.Image, o)
	}
	return a.model.EncodeWithin(ctx, refine, p.Image, o)
}

// Ask implements server.Answerer.
func (a answering) Ask(ctx, refine context.Context, q server.PictureQuestion, each func(string) error) (server.PictureAnswer, error) {
	s, err := a.encode(ctx, refine, q.Picture)
	if err != nil {
		return server.PictureAnswer{}, aboutPictures(err)
	}
	states, out := []*answer.ImageState{s}, server.PictureAnswer{Tiles: s.Tiles}
	if len(q.Candidates) > 0 {
		all, err := a.model.Rank(ctx, states, q.Question, q.Candidates)
		if err != nil {
			return out, aboutPictures(err)
		}
		out.Text, out.Alternatives = all[0].Answer, alternatives(all)
		return out, nil
	}
	said, err := a.model.Answer(ctx, states, q.Question, answer.Request{
		Request: decoder.Request{MaxTokens: q.MaxTokens, LogProbs: true},
		Each:    func(p decoder.Piece) error { return each(p.Text) },
	})
	if err != nil {
		return out, aboutPictures(err)
	}
	out.Text, out.IDs, out.Finish, out.Alternatives = said.Text, said.IDs, said.Finish, alternatives(said.Ranked)
	out.Usage = server.ChatUsage{Usage: said.Usage.Usage, Pictures: said.Usage.Pictures}
	if len(out.Alternatives) == 0 {
		out.Alternatives = []ask.Alternative{{Answer: said.Text, Probability: math.Exp(said.LogProb)}}
	}
	return out, nil
}

// Evidence implements server.Answerer.
func (a answering) Evidence(ctx context.Context, q server.PictureQuestion, said string) (ask.Map, error) {
	s, err := a.encode(ctx, ctx, q.Picture)
	if err != nil {
		return ask.Map{}, aboutPictures(err)
	}
	w, h, heat, err := a.model.Explain(ctx, []*answer.ImageState{s}, q.Question, said)
	if err != nil {
		return ask.Map{}, aboutPictures(err)
	}
	return ask.NewMap(w, h, heat, a.model.Window(s)), nil
}

// aboutPictures gives errors about pictures their status.
func aboutPictures(err error) error {
	var pictures *answer.PictureError
	var cannot *answer.UnsupportedError
	switch {
	case errors.As(err, &pictures):
		return &server.Error{Status: http.StatusBadRequest, Code: "invalid_image", Param: "image", Message: err.Error()}
	case errors.As(err, &cannot):
		return &server.Error{Status: http.StatusNotImplemented, Code: "not_supported", Message: err.Error()}
	}
	return err
}

var _ server.Answerer = answering{}

// answerers opens those of the named models that answer questions about pictures. They
// give way to searches.
func (x *serving) answerers(ctx context.Context) (list []answering, err error) {
	for i, ref := range x.options.Models {
		name, m := splitModel(ref)
		if !models.Answers(m, x.wiring.aliases) {
			continue
		}
		a, err := models.OpenAnswerer(ctx, m, models.Options{Device: x.device, DType: x.options.DType, Bulk: true, Budget: x.host.budget, Cache: x.wiring.cache, Aliases: x.wiring.aliases})
		if err != nil {
			return list, modelError(err)
		}
		if name == "" {
			name = a.Name()
		}
		list = append(list, answering{model: a, name: name, at: i, encoding: semaphore.NewWeighted(1)})
	}
	return list, nil
}

// asked are they as the server takes them.
func asked(list []answering) (out []server.Answerer) {
	for _, a := range list {
		out = append(out, a)
	}
	return out
}
