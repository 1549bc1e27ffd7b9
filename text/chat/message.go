package chat

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/emblem-search/emblem/internal/jinja"
)

// Kinds of parts.
const (
	TextPart  = "text"
	ImagePart = "image"
)

// Part is a piece of a message: a text, or the place of a picture.
type Part struct {
	Type string // TextPart or ImagePart
	Text string
}

// ToolCall is a call of a function that the model asked for.
type ToolCall struct {
	ID        string
	Name      string
	Arguments json.RawMessage // an object
}

// Message is what one side said.
type Message struct {
	Role       string // system, user, assistant, tool, or what the model's template knows besides
	Parts      []Part
	ToolCalls  []ToolCall // of an assistant
	ToolCallID string     // of a tool: what it answers
	Name       string     // of a tool, or of who speaks
}

// Text is a message of one text.
func Text(role, text string) Message {
	return Message{Role: role, Parts: []Part{{Type: TextPart, Text: text}}}
}

// Text is all of the message's texts, one behind the other.
func (m Message) Text() string {
	var b strings.Builder
	for _, p := range m.Parts {
		if p.Type == TextPart {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// Pictures is the number of places of pictures.
func (m Message) Pictures() (n int) {
	for _, p := range m.Parts {
		if p.Type == ImagePart {
			n++
		}
	}
	return n
}

// value is the message as a template sees it: its content as one text, or in parts.
func (m Message) value(inParts bool) (*jinja.Dict, error) {
	d := jinja.NewDict("role", m.Role, "content", m.content(inParts))
	if m.Name != "" {
		d.Set("name", m.Name)
	}
	if m.ToolCallID != "" {
		d.Set("tool_call_id", m.ToolCallID)
	}
	if len(m.ToolCalls) == 0 {
		return d, nil
	}
	calls := &jinja.List{}
	for _, c := range m.ToolCalls {
		args, err := jinja.FromJSON(c.Arguments)
		if err != nil {
			return nil, fmt.Errorf("chat: the arguments of the call of %s: %w", c.Name, err)
		}
		call := jinja.NewDict("type", "function", "function", jinja.NewDict("name", c.Name, "arguments", args))
		if c.ID != "" {
			call.Set("id", c.ID)
		}
		calls.Items = append(calls.Items, call)
	}
	d.Set("tool_calls", calls)
	return d, nil
}

func (m Message) content(inParts bool) any {
	if !inParts {
		return m.Text()
	}
	l := &jinja.List{}
	for _, p := range m.Parts {
		d := jinja.NewDict("type", p.Type)
		if p.Type == TextPart {
			d.Set("text", p.Text)
		}
		l.Items = append(l.Items, d)
	}
	return l
}
