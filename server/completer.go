package server

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emblem-search/emblem/text/decoder"
)

// Completer is a model that continues texts. Its methods may be called from many
// goroutines.
type Completer interface {
	// Name is the model's public name.
	Name() string
	// Positions is the longest sequence, in tokens.
	Positions() int
	// Bytes is the memory that it takes.
	Bytes() int
	// Defaults is what the model asks for where a request says nothing.
	Defaults() decoder.Request
	// Encode turns a prompt into tokens, TokenText one of them into text.
	Encode(prompt string) ([]int32, error)
	TokenText(id int32) string
	// CompleteTokens continues tokens and calls each with what follows, until that
	// fails or ctx ends.
	CompleteTokens(ctx context.Context, ids []int32, r decoder.Request, each func(decoder.Piece) error) (decoder.Usage, error)
}

// completer is a model with the number of texts that it continues.
type completer struct {
	Completer
	seats *seats
}

// seats counts the texts that a model writes, of whatever kind of request.
type seats struct{ busy atomic.Int64 }

// mostTexts may be continued at once, or wait for that.
const mostTexts = 256

// enter counts n texts more; leave takes them back.
func (c *seats) enter(n int) (leave func(), err error) {
	if c.busy.Add(int64(n)) > mostTexts {
		c.busy.Add(int64(-n))
		return nil, &Error{Status: http.StatusTooManyRequests, Code: "queue_full", RetryAfter: 5 * time.Second, Message: "too many texts are being continued; try again in 5 seconds"}
	}
	return func() { c.busy.Add(int64(-n)) }, nil
}

// completerFor finds the model that a request names.
func (s *Server) completerFor(name string) (*completer, error) {
	if len(s.completers) == 0 {
		return nil, noModel("continues texts")
	}
	if name == "" {
		return s.completers[0], nil
	}
	var have []string
	for _, c := range s.completers {
		if names(c.Name(), name) {
			return c, nil
		}
		have = append(have, c.Name())
	}
	return nil, refuse(http.StatusNotFound, "model_not_found", "model", "no model %q that continues texts is loaded; loaded: %s", clip(name), strings.Join(have, ", "))
}

// writer is a model that writes texts.
type writer interface {
	Name() string
	Positions() int
	Bytes() int
}

func (s *Server) writerEntry(c writer, kind string) modelEntry {
	return modelEntry{ID: c.Name(), Object: "model", Created: s.started.Unix(), OwnedBy: "emblem", Kind: kind, Positions: c.Positions(), Loaded: true, Bytes: int64(c.Bytes())}
}
