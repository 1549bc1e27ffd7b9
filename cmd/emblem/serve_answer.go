package main

import (
	"context"
	"errors"

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
	answering
	language *decoder.Decoder
	words    *text.Tokenizer
	template *chat.Template
}

var _ server.Chatter = (*looker)(nil)

// Positions implements server.Chatter.
func (l *looker) Positions() int { return l.language.Positions() }

// Pictures implements server.Chatter.
func (l *looker) Pictures() int { return l.model.Sizes().Pictures }

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
		if states[i], err = l.encode(ctx, ctx, p); err != nil {
			return server.ChatUsage{}, conversationError(err)
		}
	}
	u, err := l.model.Chat(ctx, c.Messages, c.Options, states, r, each)
	return server.ChatUsage{Usage: u.Usage, Pictures: u.Pictures}, conversationError(err)
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

// chatting is a model that answers questions as a client of conversations meets it: in
// all of its turns, or with one where it was not taught more.
func (a answering) chatting() (server.Chatter, error) {
	language, template, err := a.model.Language()
	var cannot *answer.UnsupportedError
	if errors.As(err, &cannot) || errors.Is(err, chat.ErrNone) {
		return single{a}, nil
	}
	if err != nil {
		return nil, modelError(err)
	}
	words, err := language.Tokenizer()
	if err != nil {
		return nil, modelError(err)
	}
	return &looker{a, language, words, template}, nil
}

// written tells whether a model answers or continues texts, which has no vectors.
func (x *serving) written(model string) bool {
	return models.Continues(model, x.wiring.aliases) || models.Answers(model, x.wiring.aliases)
}
