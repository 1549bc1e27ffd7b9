package server

import (
	"context"
	"image"
	"net/http"
	"strings"

	"golang.org/x/sync/semaphore"

	"github.com/emblem-search/emblem/text/chat"
	"github.com/emblem-search/emblem/text/decoder"
)

// Chatter is a model that answers in conversations. Its methods may be called from
// many goroutines.
type Chatter interface {
	// Name is the model's public name.
	Name() string
	// Positions is the longest conversation with its answer, in tokens.
	Positions() int
	// Bytes is the memory that it takes.
	Bytes() int
	// Pictures is how many of them a conversation may have; 0: it reads only.
	Pictures() int
	// Tools tells whether the model knows what to do with tools.
	Tools() bool
	// Defaults is what the model asks for where a request says nothing.
	Defaults() decoder.Request
	// TokenText is a token as text, TokenBytes the bytes that it adds to one: none for
	// tokens that only mean something, such as the end.
	TokenText(id int32) string
	TokenBytes(id int32) []byte
	// Chat answers a conversation and calls each with what follows, until that fails or
	// ctx ends. A conversation that the model's template refuses is a *chat.RefusedError, one
	// that is too long a *decoder.TooLongError; both come before the first piece.
	Chat(ctx context.Context, c Conversation, r decoder.Request, each func(decoder.Piece) error) (ChatUsage, error)
}

// Conversation is what a model answers to.
type Conversation struct {
	Messages []chat.Message
	Pictures []Picture    // of the parts that are pictures, in their order
	Options  chat.Options // tools, and what the template knows besides
}

// Picture is one of a conversation.
type Picture struct {
	image.Image
	Detail   string // auto, low or high
	MaxTiles int    // 0: as many as the model takes
}

// ChatUsage counts tokens.
type ChatUsage struct {
	decoder.Usage
	Pictures int // of the prompt's tokens, those of pictures
}

// chatter is a model with the number of answers that it is at.
type chatter struct {
	Chatter
	seats    *seats
	decoding *semaphore.Weighted // bytes of decoded pictures
}

func newChatter(c Chatter, at *seats) *chatter {
	return &chatter{c, at, semaphore.NewWeighted(decodeBudget)}
}

// chatterFor finds the model that a request names.
func (s *Server) chatterFor(name string) (*chatter, error) {
	var have []string
	for _, c := range s.chatters {
		if name == "" || names(c.Name(), name) {
			return c, nil
		}
		have = append(have, c.Name())
	}
	for _, c := range s.completers {
		if name != "" && names(c.Name(), name) {
			return nil, badRequest("model", "the model %s continues texts and has no template of conversations; POST /v1/completions asks it", c.Name())
		}
	}
	if len(have) == 0 {
		return nil, noModel("answers in conversations")
	}
	return nil, refuse(http.StatusNotFound, "model_not_found", "model", "no model %q that answers in conversations is loaded; loaded: %s", clip(name), strings.Join(have, ", "))
}
