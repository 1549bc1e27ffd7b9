package main

import (
	"context"
	"errors"
	"slices"

	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/server"
	"github.com/emblem-search/emblem/text/chat"
	"github.com/emblem-search/emblem/text/decoder"
)

// continuer is a model that continues texts as the server takes it, under a name of
// its own or of the user's.
type continuer struct {
	models.Decoder
	name string
	at   int // its place among --model
}

// Name implements server.Completer.
func (c continuer) Name() string { return c.name }

// talker is a continuer that was taught to answer in conversations.
type talker struct{ continuer }

var (
	_ server.Completer = talker{}
	_ server.Chatter   = talker{}
)

// Pictures implements server.Chatter.
func (t talker) Pictures() int { return 0 }

// Tools implements server.Chatter.
func (t talker) Tools() bool { return t.Template.Tools() }

// TokenBytes implements server.Chatter.
func (t talker) TokenBytes(id int32) []byte {
	tokens, err := t.Tokenizer()
	if err != nil {
		return nil // it was there when the server began
	}
	return tokens.TokenBytes(id)
}

// Chat implements server.Chatter.
func (t talker) Chat(ctx context.Context, c server.Conversation, r decoder.Request, each func(decoder.Piece) error) (server.ChatUsage, error) {
	ids, err := t.Prompt(c.Messages, c.Options)
	if err != nil {
		return server.ChatUsage{}, err
	}
	u, err := t.CompleteTokens(ctx, ids, r, each)
	return server.ChatUsage{Usage: u}, err
}

// completers opens those of the named models that continue texts. They give way to
// searches.
func (x *serving) completers(ctx context.Context) ([]continuer, error) {
	var out []continuer
	for i, ref := range x.options.Models {
		name, m := splitModel(ref)
		if !models.Continues(m, x.wiring.aliases) {
			continue
		}
		d, err := models.OpenDecoder(ctx, m, models.Options{Device: x.device, DType: x.options.DType, Bulk: true, Budget: x.host.budget, Cache: x.wiring.cache, Aliases: x.wiring.aliases})
		if err != nil {
			return out, modelError(err)
		}
		if name == "" {
			name = d.Name
		}
		out = append(out, continuer{d, name, i})
		if _, err := d.Tokenizer(); err != nil {
			return out, modelError(err)
		}
	}
	return out, nil
}

// served are they as the server takes them.
func served(list []continuer) []server.Completer {
	out := make([]server.Completer, len(list))
	for i, c := range list {
		out[i] = c
	}
	return out
}

// chatters are all that answer in conversations, in the order of --model.
func (x *serving) chatters(texts []continuer, pictures []answering) ([]server.Chatter, error) {
	all := make([]server.Chatter, len(x.options.Models))
	for _, c := range texts {
		if c.Template != nil {
			all[c.at] = talker{c}
		} else if !errors.Is(c.NoChat, chat.ErrNone) {
			x.log.Warn("a model cannot answer in conversations", "model", c.name, "error", c.NoChat)
		}
	}
	for _, a := range pictures {
		var err error
		if all[a.at], err = a.chatting(); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(all, func(c server.Chatter) bool { return c == nil }), nil
}
