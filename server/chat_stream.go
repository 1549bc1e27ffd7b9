package server

import (
	"encoding/json"
	"net/http"
)

// stream answers token by token, as server-sent events in OpenAI's shape: a part with
// the role, parts with text or calls, one with the reason of the end, and the usage if
// it is asked for. Nothing is sent before the first token, so that what is wrong with
// the request is an answer of its own.
func (x *chatting) stream(w http.ResponseWriter, r *http.Request, withUsage bool) error {
	x.head.Object = "chat.completion.chunk"
	if withUsage {
		x.head.Usage = json.RawMessage("null")
	}
	out := newEvents(w)
	parts := make([]chatStream, x.n)
	u, err := x.run(r.Context(), func(i int, p said) error {
		s := &parts[i]
		s.chatting, s.events, s.index = x, out, i
		return s.push(p)
	})
	if err != nil {
		return out.fail(err)
	}
	if withUsage {
		a := x.head
		a.Choices, a.Usage = []chatChoice{}, u.openAI()
		if err := out.send(a); err != nil {
			return nil // the client is gone
		}
	}
	out.end()
	return nil
}

// chatStream is one choice of a stream.
type chatStream struct {
	*chatting
	events *events
	index  int
	begun  bool
	calls  int
}

// push sends what is new.
func (s *chatStream) push(p said) error {
	if !s.begun {
		s.begun = true
		if err := s.send(&chatDelta{Role: "assistant", Content: new(string)}, nil, ""); err != nil {
			return err
		}
	}
	var probs *chatLogProbs
	if s.request.LogProbs {
		probs = &chatLogProbs{Content: []chatLogProb{}}
		probs.add(s.model, p.Piece)
	}
	if p.Text != "" || probs != nil && len(probs.Content) > 0 {
		if err := s.send(&chatDelta{Content: &p.Text}, probs, ""); err != nil {
			return err
		}
	}
	for _, call := range p.Calls {
		if err := s.call(call); err != nil {
			return err
		}
	}
	if p.Finish == "" {
		return nil
	}
	return s.send(&chatDelta{}, nil, p.Finish)
}

// call sends a call as OpenAI does, its name first.
func (s *chatStream) call(c toolCall) error {
	at := s.calls
	s.calls++
	head := c
	head.Arguments = ""
	if err := s.send(&chatDelta{Calls: []chatToolCall{head.openAI(&at)}}, nil, ""); err != nil {
		return err
	}
	body := chatToolCall{Index: &at}
	body.Function.Arguments = c.Arguments
	return s.send(&chatDelta{Calls: []chatToolCall{body}}, nil, "")
}

func (s *chatStream) send(d *chatDelta, probs *chatLogProbs, finish string) error {
	a := s.head
	a.Choices = []chatChoice{{Index: s.index, Delta: d, LogProbs: probs, Finish: some(finish)}}
	return s.events.send(a)
}
