package main

import (
	"context"
	"errors"

	"golang.org/x/sync/semaphore"

	"github.com/emblem-search/emblem/fusion/answer"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/server"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/text/chat"
	"github.com/emblem-search/emblem/text/decoder"
)

// looker is a model that answers in conversations about pictures, as the server takes
// it, under a name of its own or of the user's.
type looker struct {
	*answer.Model
	name     string
	at       int // its place among --model
	language *decoder.Decoder
	words    *text.Tokenizer
	template *chat.Template
	encoding *semaphore.Weighted // one picture at a time, so that none is encoded twice
}

var _ server.Chatter = (*looker)(nil)

// Name implements server.Chatter.
func (l *looker) Name() string { return l.name }

// Positions implements server.Chatter.
func (l *looker) Positions() int { return l.language.Positions() }

// Pictures implements server.Chatter.
func (l *looker) Pictures() int { return l.Sizes().Pictures }

// Tools implements server.Chatter.
func (l *looker) Tools() bool { return l.template.Tools() }

// Defaults implements server.Chatter.
func (l *looker) Defaults() decoder.Request { return l.language.Defaults() }

// TokenText implements server.Chatter.
func (l *looker) TokenText(id int32) string { return l.language.TokenText(id) }

// TokenBytes implements server.Chatter.
func (l *looker) TokenBytes(id int32) []byte { return l.words.TokenBytes(id) }

// Chat implements server.Chatter.
func (l *looker) Chat(ctx context.Context, c server.Conversation, r decoder.Request, each func(decoder.Piece) error) (server.ChatUsage, error) {
	states := make([]*answer.ImageState, len(c.Pictures))
	for i, p := range c.Pictures {
		var err error
		if states[i], err = l.look(ctx, p); err != nil {
			return server.ChatUsage{}, conversationError(err)
		}
	}
	u, err := l.Model.Chat(ctx, c.Messages, c.Options, states, r, each)
	return server.ChatUsage{Usage: u.Usage, Pictures: u.Pictures}, conversationError(err)
}

func (l *looker) look(ctx context.Context, p server.Picture) (*answer.ImageState, error) {
	if err := l.encoding.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer l.encoding.Release(1)
	return l.Encode(ctx, p.Image, answer.PictureOptions{Detail: p.Detail, MaxTiles: p.MaxTiles})
}

// conversationError makes what is wrong with the pictures of a conversation an error of
// its request.
func conversationError(err error) error {
	var bad *answer.PictureError
	if errors.As(err, &bad) {
		return &decoder.RequestError{Param: "prompt", Message: bad.Message}
	}
	return err
}

// lookers opens those of the named models that answer about pictures with weights of
// their own. They give way to searches.
func (x *serving) lookers(ctx context.Context) ([]*looker, error) {
	var out []*looker
	for i, ref := range x.options.Models {
		name, m := splitModel(ref)
		if !models.Answers(m, x.wiring.aliases) {
			continue
		}
		model, err := models.OpenAnswerer(ctx, m, models.Options{Device: x.device, DType: x.options.DType, Bulk: true, Cache: x.wiring.cache, Aliases: x.wiring.aliases})
		if err != nil {
			return out, modelError(err)
		}
		l := &looker{Model: model, name: name, at: i, encoding: semaphore.NewWeighted(1)}
		if l.name == "" {
			l.name = model.Name()
		}
		out = append(out, l)
		if l.language, l.template, err = model.Language(); err != nil {
			return out, refusef("model_invalid", "%s cannot be served: %w", l.name, err)
		}
		if l.words, err = l.language.Tokenizer(); err != nil {
			return out, modelError(err)
		}
	}
	return out, nil
}

// written tells whether a model answers or continues texts, which has no vectors.
func (x *serving) written(model string) bool {
	return models.Continues(model, x.wiring.aliases) || models.Answers(model, x.wiring.aliases)
}
