package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/emblem-search/emblem/text/decoder"
)

// stream answers token by token, as server-sent events in OpenAI's shape. Nothing is
// sent before the first token, so that what is wrong with the request is an answer of
// its own.
func (t *continuation) stream(w http.ResponseWriter, r *http.Request, withUsage bool) error {
	events := newEvents(w)
	told := make([]int, t.choices()) // characters, by choice
	u, err := t.run(r.Context(), func(i int, p decoder.Piece) error {
		c := completionChoice{Text: p.Text, Index: i, Finish: some(p.Finish)}
		if t.request.LogProbs {
			c.LogProbs = &completionLogProbs{}
			c.LogProbs.add(t.model, p, told[i])
		}
		if told[i] += utf8.RuneCountInString(p.Text); p.Text == "" && p.Finish == "" && !t.request.LogProbs {
			return nil // a part of a character
		}
		a := t.answer
		a.Choices = []completionChoice{c}
		return events.send(a)
	})
	if err != nil {
		return events.fail(err)
	}
	if withUsage {
		a := t.answer
		a.Choices, a.Usage = []completionChoice{}, &u
		if err := events.send(a); err != nil {
			return nil // the client is gone
		}
	}
	events.end()
	return nil
}

// events writes server-sent events of many goroutines.
type events struct {
	mu    sync.Mutex
	w     http.ResponseWriter
	line  *http.ResponseController
	begun bool
}

func newEvents(w http.ResponseWriter) *events {
	return &events{w: w, line: http.NewResponseController(w)}
}

// send writes one event and sees to it that it is on its way.
func (e *events) send(v any) error { return e.sendNamed("", v) }

// sendNamed is send with a name for the event.
func (e *events) sendNamed(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.begun {
		e.begun = true
		e.w.Header().Set("Content-Type", "text/event-stream")
	}
	if name != "" {
		name = "event: " + name + "\n"
	}
	if _, err = fmt.Fprintf(e.w, "%sdata: %s\n\n", name, data); err != nil {
		return err
	}
	if err = e.line.Flush(); errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// fail tells of an error: as the answer, while there is none yet, else as the last
// event. A client that has left hears nothing.
func (e *events) fail(err error) error {
	if !e.begun {
		return err
	}
	if !errors.Is(err, context.Canceled) {
		own, _ := known(err)
		e.send(map[string]any{"error": map[string]any{"message": own.Message, "type": own.kind(), "code": some(own.Code)}})
	}
	return nil
}

// end says that no event follows.
func (e *events) end() {
	fmt.Fprint(e.w, "data: [DONE]\n\n")
	e.line.Flush()
}
