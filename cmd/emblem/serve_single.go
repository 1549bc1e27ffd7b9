package main

import (
	"context"
	"fmt"

	"github.com/emblem-search/emblem/fusion/answer"
	"github.com/emblem-search/emblem/server"
	"github.com/emblem-search/emblem/text/decoder"
)

// single is a model that answers one question about pictures and knows no
// conversations, as a client of conversations meets it: with one message.
type single struct{ answering }

var _ server.Chatter = single{}

// Positions implements server.Chatter.
func (s single) Positions() int { return s.model.Sizes().Context }

// Pictures implements server.Chatter.
func (s single) Pictures() int { return s.model.Sizes().Pictures }

// Tools implements server.Chatter.
func (s single) Tools() bool { return false }

// Defaults implements server.Chatter.
func (s single) Defaults() decoder.Request { return decoder.Request{} }

// TokenText implements server.Chatter: nothing, since probabilities of tokens are refused.
func (s single) TokenText(int32) string { return "" }

// TokenBytes implements server.Chatter.
func (s single) TokenBytes(int32) []byte { return nil }

// Chat implements server.Chatter.
func (s single) Chat(ctx context.Context, c server.Conversation, r decoder.Request, each func(decoder.Piece) error) (server.ChatUsage, error) {
	if err := s.check(c, r); err != nil {
		return server.ChatUsage{}, err
	}
	states := make([]*answer.ImageState, len(c.Pictures))
	for i, p := range c.Pictures {
		var err error
		if states[i], err = s.encode(ctx, ctx, p); err != nil {
			return server.ChatUsage{}, conversationError(err)
		}
	}
	if r.MaxTokens >= s.Positions() {
		r.MaxTokens = 0 // nobody has said how many: the model's own number
	}
	ended := false
	a, err := s.model.Answer(ctx, states, c.Messages[0].Text(), answer.Request{Request: r, Each: func(p decoder.Piece) error {
		ended = p.Finish != ""
		return each(p)
	}})
	if err == nil && !ended {
		err = each(decoder.Piece{Token: decoder.Token{Finish: decoder.Stop}})
	}
	return server.ChatUsage{Usage: a.Usage.Usage, Pictures: a.Usage.Pictures}, conversationError(err)
}

// check refuses what such a model cannot do.
func (s single) check(c server.Conversation, r decoder.Request) error {
	switch {
	case len(c.Messages) != 1 || c.Messages[0].Role != "user" || len(c.Pictures) == 0:
		return &decoder.RequestError{Param: "prompt", Message: fmt.Sprintf("the model %s answers one question about pictures: send one message of the user, with a picture and a question", s.name)}
	case r.LogProbs:
		return &decoder.RequestError{Param: "logprobs", Message: fmt.Sprintf("the model %s does not tell how likely its tokens are", s.name)}
	case len(r.Schema) > 0:
		return &decoder.RequestError{Param: "schema", Message: fmt.Sprintf("the model %s cannot be kept to a schema", s.name)}
	}
	return nil
}
