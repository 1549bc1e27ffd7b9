package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/emblem-search/emblem/text/chat"
	"github.com/emblem-search/emblem/text/decoder"
)

// talk is one conversation to be answered n times, whatever the dialect that it came
// in.
type talk struct {
	model        *chatter
	conversation Conversation
	n            int
	request      decoder.Request
	tools        *toolset // nil: the model may call none
	truncate     bool     // drop the oldest messages of a conversation that is too long
	param        string   // what the dialect calls the conversation
	schemaParam  string   // and what the schema is from
}

// arm says which tools the model may call, and whether it has to. named reads the
// function that a choice names, single whether one call is the most.
func (t *talk) arm(tools []tool, choice json.RawMessage, named func(json.RawMessage) string, parallel *bool) (err error) {
	var word string
	object := isObject(choice)
	if object {
		word = named(choice)
	} else if given(choice) && json.Unmarshal(choice, &word) != nil {
		return badRequest("tool_choice", "tool_choice has to be a string or an object")
	}
	t.tools, err = newToolset(tools, word, object, parallel != nil && !*parallel)
	if err == nil && t.tools != nil && !t.model.Tools() {
		err = badRequest("tools", "the model %s was not taught to call tools: its template has no place for them", t.model.Name())
	}
	t.conversation.Options.Tools = t.tools.templated()
	return err
}

// choose says how tokens are chosen: as the model asks for, with what the client says.
// Without a limit, or one of the model's, an answer goes on as long as there is room.
func (t *talk) choose(b *sampled, limit *int, param string) error {
	r := t.model.Defaults()
	if b.over(&r); limit != nil {
		if r.MaxTokens = *limit; r.MaxTokens < 1 {
			return badRequest(param, "%s is %d; at least 1", param, r.MaxTokens)
		}
	}
	if r.MaxTokens == 0 {
		r.MaxTokens = t.model.Positions()
	}
	t.request = r
	return nil
}

// bound keeps the answer within a schema, or to a call of a tool; param is what the
// request calls the former.
func (t *talk) bound(schema []byte, param string) error {
	call := t.tools.schema()
	switch {
	case call != nil && schema != nil:
		return badRequest(param, "an answer that has to call a tool cannot be of a schema too; leave %s or tool_choice out", param)
	case call != nil:
		t.request.Schema, t.schemaParam = call, "tools"
	default:
		t.request.Schema, t.schemaParam = schema, param
	}
	return t.error(t.request.Check())
}

// speech is a request for an answer in a conversation, in one of OpenAI's two shapes.
type speech interface {
	// talk reads all but the messages, messages those.
	talk(c *chatter) (*talk, error)
	messages(c *conversing) error
}

// hear reads a request, with the pictures of its messages, which done lets go.
func (s *Server) hear(r *http.Request, model string, tiles int, b speech) (t *talk, done func(), err error) {
	m, err := s.chatterFor(model)
	if err != nil {
		return nil, nil, err
	}
	if t, err = b.talk(m); err != nil {
		return nil, nil, err
	}
	c := conversing{server: s, caller: callerOf(r), model: m}
	if err := b.messages(&c); err != nil {
		return nil, nil, err
	}
	err = t.about(r.Context(), &c, tiles)
	return t, c.release, err
}

// about adds the conversation.
func (t *talk) about(ctx context.Context, c *conversing, tiles int) error {
	if len(c.out.Messages) == 0 {
		return badRequest(t.param, "there is no message; give at least one")
	}
	if tiles < 0 {
		return badRequest("max_tiles", "max_tiles is %d; at least 1", tiles)
	}
	err := c.look(ctx, tiles)
	t.conversation.Messages, t.conversation.Pictures = c.out.Messages, c.out.Pictures
	return err
}

// said is a part of an answer.
type said struct {
	decoder.Piece
	Text  string     // instead of the piece's: what is certain to be no call of a tool
	Calls []toolCall // that are complete with it
}

// finishCalls is OpenAI's finish_reason of an answer with calls of tools.
const finishCalls = "tool_calls"

// run answers n times side by side and calls each with what is said; calls for
// different choices come at the same time.
func (t *talk) run(ctx context.Context, each func(choice int, p said) error) (ChatUsage, error) {
	leave, err := t.model.seats.enter(t.n)
	if err != nil {
		return ChatUsage{}, err
	}
	defer leave()
	usages := make([]ChatUsage, t.n)
	group, ctx := errgroup.WithContext(ctx)
	for i := range usages {
		group.Go(func() (err error) {
			usages[i], err = t.answer(ctx, i, func(p said) error { return each(i, p) })
			return t.error(err)
		})
	}
	err = group.Wait()
	sum := usages[0]
	for _, u := range usages[1:] {
		sum.Generated += u.Generated
	}
	return sum, err
}

// errCalled ends an answer that may have one call and has it.
var errCalled = errors.New("server: a tool is called")

// answer answers once.
func (t *talk) answer(ctx context.Context, choice int, each func(said) error) (ChatUsage, error) {
	r, c := t.request, t.conversation
	r.Seed += uint64(choice)
	for {
		calls := t.tools.reader()
		u, err := t.model.Chat(ctx, c, r, func(p decoder.Piece) error {
			out := said{Piece: p}
			out.Text, out.Calls = calls.push(p.Text, p.Finish != "")
			if enough := calls.enough(); enough || calls.found() && p.Finish == decoder.Stop {
				out.Finish = finishCalls
			}
			if err := each(out); err != nil || out.Finish != finishCalls || p.Finish != "" {
				return err
			}
			return errCalled
		})
		var long *decoder.TooLongError
		if errors.As(err, &long) && t.truncate && c.shorten(long) {
			continue
		}
		if errors.Is(err, errCalled) {
			err = nil
		}
		return u, err
	}
}

// error turns an error of the model into one for the client.
func (t *talk) error(err error) error {
	var template *chat.RefusedError
	if errors.As(err, &template) {
		return badRequest(t.param, "the model's template refuses the conversation: %s", template.Message)
	}
	var own *Error
	if err = requestError(err); !errors.As(err, &own) {
		return err
	}
	e := *own
	switch e.Param {
	case "prompt":
		e.Param = t.param
	case "response_format":
		e.Param = t.schemaParam
	case "logprobs":
		e.Param = "top_logprobs"
	}
	return &e
}

// shorten drops the oldest turns of a conversation that is too long, with their
// pictures: about as many as are over, at least one. Messages of the system stay, and
// so does the last turn; false says that nothing else is there.
func (c *Conversation) shorten(long *decoder.TooLongError) bool {
	first := 0
	for first < len(c.Messages) && c.Messages[first].Role == "system" {
		first++
	}
	size := func(m chat.Message) (n int) {
		for _, p := range m.Parts {
			n += len(p.Text) + 1
		}
		return n
	}
	all := 0
	for _, m := range c.Messages {
		all += size(m)
	}
	over := all * (long.Tokens - long.Limit) / max(long.Tokens, 1) / 2 // half of it: tokens are not bytes
	end, gone := first, 0
	for i := first; i < len(c.Messages); i++ {
		if i > first && c.Messages[i].Role == "user" {
			if end = i; gone > over {
				break
			}
		}
		gone += size(c.Messages[i])
	}
	if end == first {
		return false
	}
	pictures, before := 0, 0
	for i, m := range c.Messages[:end] {
		n := m.Pictures()
		if pictures += n; i < first {
			before += n
		}
	}
	c.Pictures = append(c.Pictures[:before:before], c.Pictures[pictures:]...)
	c.Messages = append(c.Messages[:first:first], c.Messages[end:]...)
	return true
}
