package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/emblem-search/emblem/text/chat"
)

// talkMessage is one of a conversation as OpenAI's clients send it.
type talkMessage struct {
	Role    string          `json:"role"`    // system, developer, user, assistant or tool
	Content json.RawMessage `json:"content"` // a string, a list of chatPart, or null
	Name    string          `json:"name"`
	Calls   []chatToolCall  `json:"tool_calls"`
	CallID  string          `json:"tool_call_id"`
}

// chatPart is a part of a message: text or a picture. The names are those of chat
// completions and of responses.
type chatPart struct {
	Type    string          `json:"type"`
	Text    string          `json:"text"`
	Refusal string          `json:"refusal"`
	Image   json.RawMessage `json:"image_url"` // an address, or an object with url and detail
	Detail  string          `json:"detail"`    // of responses, where image_url is an address
}

type chatToolCall struct {
	Index    *int   `json:"index,omitempty"` // in streams
	ID       string `json:"id,omitempty"`
	Type     string `json:"type,omitempty"`
	Function struct {
		Name      string `json:"name,omitempty"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

const (
	mostMessages = 4096
	mostLooked   = 16 // pictures of a conversation, whatever the model takes
)

// conversing reads a conversation.
type conversing struct {
	server   *Server
	caller   *Caller
	model    *chatter
	out      Conversation
	pictures []pictured
	release  func() // gives the memory of what was fetched back
}

// pictured is a picture of a conversation before it is decoded.
type pictured struct {
	input
	library, document string // where it is one of a library
	detail            string
}

// add reads one message; param is its place in the request.
func (c *conversing) add(param string, m talkMessage) error {
	out := chat.Message{Role: m.Role, Name: m.Name, ToolCallID: m.CallID}
	switch m.Role {
	case "system", "user", "assistant", "tool":
	case "developer":
		out.Role = "system" // OpenAI's newer name of it, which no template knows
	default:
		return badRequest(param+".role", "the role %q is not known; system, developer, user, assistant and tool are", clip(m.Role))
	}
	if len(c.out.Messages) == mostMessages {
		return badRequest(param, "over %d messages in a request", mostMessages)
	}
	var err error
	if out.Parts, err = c.parts(param+".content", m.Content); err != nil {
		return err
	}
	if m.Role != "user" && out.Pictures() > 0 {
		return badRequest(param+".content", "a message of %s cannot have pictures; those of user can", m.Role)
	}
	if len(out.Parts) == 0 && !given(m.Content) && (m.Role != "assistant" || len(m.Calls) == 0) && string(m.Content) != `""` && string(m.Content) != "[]" {
		return badRequest(param+".content", "the message has no content")
	}
	for i, call := range m.Calls {
		arguments := json.RawMessage(call.Function.Arguments)
		if call.Function.Arguments == "" {
			arguments = json.RawMessage("{}")
		}
		if call.Function.Name == "" || !json.Valid(arguments) || !isObject(arguments) {
			return badRequest(at(param+".tool_calls", i), "a call needs function.name and function.arguments, a string with a JSON object")
		}
		out.ToolCalls = append(out.ToolCalls, chat.ToolCall{ID: call.ID, Name: call.Function.Name, Arguments: arguments})
	}
	c.out.Messages = append(c.out.Messages, out)
	return nil
}

// parts reads a message's content: a string, a list of parts, or nothing.
func (c *conversing) parts(param string, raw json.RawMessage) ([]chat.Part, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []chat.Part{{Type: chat.TextPart, Text: text}}, nil
	}
	var list []chatPart
	if json.Unmarshal(raw, &list) != nil {
		return nil, badRequest(param, "content has to be a string or a list of parts, each an object with a type")
	}
	var out []chat.Part
	for i, p := range list {
		switch p.Type {
		case "text", "input_text", "output_text":
			out = append(out, chat.Part{Type: chat.TextPart, Text: p.Text})
		case "refusal":
			out = append(out, chat.Part{Type: chat.TextPart, Text: p.Refusal})
		case "image_url", "input_image":
			if err := c.picture(at(param, i), p); err != nil {
				return nil, err
			}
			out = append(out, chat.Part{Type: chat.ImagePart})
		default:
			return nil, badRequest(at(param, i), "parts of type %q are not supported; text and image_url are", clip(p.Type))
		}
	}
	return out, nil
}

// picture notes a picture of a conversation.
func (c *conversing) picture(param string, p chatPart) error {
	most := min(c.model.Pictures(), mostLooked)
	if most == 0 {
		return refuse(http.StatusBadRequest, "unsupported_modality", param, "the model %s reads text and cannot look at pictures", c.model.Name())
	}
	if len(c.pictures) == most {
		return badRequest(param, "over %d pictures; the model %s takes no more in a conversation", most, c.model.Name())
	}
	at := struct {
		URL    string `json:"url"`
		Detail string `json:"detail"`
	}{Detail: p.Detail}
	if json.Unmarshal(p.Image, &at.URL) != nil && json.Unmarshal(p.Image, &at) != nil || at.URL == "" {
		return badRequest(param, "image_url has to be an object with url: data:image/jpeg;base64,…, an address, or library://LIBRARY/DOCUMENT")
	}
	switch at.Detail {
	case "", "auto", "low", "high":
	default:
		return badRequest(param, "detail is %q; auto, low or high", clip(at.Detail))
	}
	out := pictured{detail: at.Detail}
	var err error
	if rest, ok := strings.CutPrefix(at.URL, "library://"); ok {
		out.param = param
		if out.library, out.document, ok = strings.Cut(rest, "/"); !ok || out.document == "" {
			return badRequest(param, "a picture of a library is library://LIBRARY/DOCUMENT")
		}
	} else if out.input, err = pictureInput(param, at.URL); err != nil {
		return err
	}
	c.pictures = append(c.pictures, out)
	return nil
}

// look decodes the pictures, fetching those that are elsewhere. They are cut into so
// many tiles at most.
func (c *conversing) look(ctx context.Context, tiles int) (err error) {
	inputs, errs := make([]input, len(c.pictures)), make([]error, len(c.pictures))
	for i, p := range c.pictures {
		inputs[i] = p.input
	}
	if c.release, err = c.server.fetchPictures(ctx, nil, inputs, errs); err != nil {
		return err
	}
	for i, p := range c.pictures {
		file, err := inputs[i].picture, errs[i]
		if err == nil && p.library != "" {
			file, err = c.kept(ctx, p)
		}
		var seen Picture
		if err == nil {
			seen.Image, err = decodeSeen(ctx, c.model.decoding, p.param, file)
		}
		if err != nil {
			c.release()
			return err
		}
		seen.Detail, seen.MaxTiles = p.detail, tiles
		c.out.Pictures = append(c.out.Pictures, seen)
	}
	return nil
}

// kept reads a library's picture.
func (c *conversing) kept(ctx context.Context, p pictured) ([]byte, error) {
	l, err := c.server.libraryOf(ctx, c.caller, p.library, false)
	if err != nil {
		return nil, err
	}
	return readPicture(ctx, l, p.document)
}
