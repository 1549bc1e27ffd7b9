package server

import (
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/emblem-search/emblem/text/chat"
	"github.com/emblem-search/emblem/text/decoder"
)

// chatBody is the request of POST /v1/chat/completions: OpenAI's, with names of vLLM,
// and truncate and max_tiles of our own.
type chatBody struct {
	sampled
	Model         string          `json:"model"`
	Messages      []talkMessage   `json:"messages"`
	MaxTokens     *int            `json:"max_completion_tokens"`
	OlderMax      *int            `json:"max_tokens"`
	N             *int            `json:"n"`
	Stop          json.RawMessage `json:"stop"`
	LogProbs      bool            `json:"logprobs"`
	Tops          *int            `json:"top_logprobs"`
	Stream        bool            `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	Format   *format         `json:"response_format"`
	Tools    []chatTool      `json:"tools"`
	Choice   json.RawMessage `json:"tool_choice"` // none, auto, required, or an object that names a function
	Parallel *bool           `json:"parallel_tool_calls"`

	Truncate bool                       `json:"truncate"`             // drop the oldest messages of a conversation that is too long
	MaxTiles int                        `json:"max_tiles"`            // parts that a picture is cut into, at most
	Extra    map[string]json.RawMessage `json:"chat_template_kwargs"` // variables of the model's template, such as enable_thinking

	Functions  json.RawMessage `json:"functions"`
	Audio      json.RawMessage `json:"audio"`
	WebSearch  json.RawMessage `json:"web_search_options"`
	Modalities []string        `json:"modalities"`
}

type chatTool struct {
	Type     string `json:"type"`
	Function tool   `json:"function"`
}

// chatAnswer is what comes back, whole or as one part of a stream.
type chatAnswer struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []chatChoice    `json:"choices"`
	Usage   json.RawMessage `json:"usage,omitempty"` // a completionUsage, or null in a stream that ends with one
}

type chatChoice struct {
	Index    int           `json:"index"`
	Message  *chatSaid     `json:"message,omitempty"`
	Delta    *chatDelta    `json:"delta,omitempty"` // in the place of message, of a stream
	LogProbs *chatLogProbs `json:"logprobs"`
	Finish   *string       `json:"finish_reason"`
}

type chatSaid struct {
	Role    string         `json:"role"`
	Content *string        `json:"content"`
	Refusal *string        `json:"refusal"`
	Calls   []chatToolCall `json:"tool_calls,omitempty"`
}

type chatDelta struct {
	Role    string         `json:"role,omitempty"`
	Content *string        `json:"content,omitempty"`
	Calls   []chatToolCall `json:"tool_calls,omitempty"`
}

type chatLogProbs struct {
	Content []chatLogProb `json:"content"`
	Refusal []chatLogProb `json:"refusal"`
}

type chatLogProb struct {
	chatToken
	Tops []chatToken `json:"top_logprobs"`
}

type chatToken struct {
	Token   string  `json:"token"`
	LogProb float32 `json:"logprob"`
	Bytes   []int   `json:"bytes"` // null for a token that is no text
}

// chatRoutes are those of models that answer in conversations.
func (s *Server) chatRoutes() []route {
	return []route{{method: "POST", path: "/v1/chat/completions", scope: ScopeAsk, handle: s.chat, body: chatBody{}, answer: chatAnswer{},
		doc: "Answer in a conversation: OpenAI's request, with pictures, tools and JSON Schemas, and vLLM's top_k, min_p, repetition_penalty and chat_template_kwargs; with stream as server-sent events."}}
}

// chat answers POST /v1/chat/completions.
func (s *Server) chat(w http.ResponseWriter, r *http.Request) error {
	var body chatBody
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	t, done, err := s.hear(r, body.Model, body.MaxTiles, &body)
	if err != nil {
		return err
	}
	defer done()
	x := &chatting{talk: t, head: chatAnswer{ID: "chatcmpl-" + w.Header().Get(headerRequestID), Created: time.Now().Unix(), Model: t.model.Name()}}
	if body.Stream {
		return x.stream(w, r, body.StreamOptions.IncludeUsage)
	}
	return x.whole(w, r)
}

// messages implements speech.
func (b *chatBody) messages(c *conversing) error {
	for i, m := range b.Messages {
		if err := c.add(at("messages", i), m); err != nil {
			return err
		}
	}
	return nil
}

// talk reads all of the request but its messages.
func (b *chatBody) talk(c *chatter) (*talk, error) {
	speaks := false
	for _, m := range b.Modalities {
		speaks = speaks || m != "text"
	}
	if err := refuseUsed(append(b.others(), []unsupported{{"functions", given(b.Functions)}, {"audio", given(b.Audio)}, {"web_search_options", given(b.WebSearch)}, {"modalities", speaks}}...)); err != nil {
		return nil, err
	}
	t := &talk{model: c, n: 1, truncate: b.Truncate, param: "messages", conversation: Conversation{Options: chat.Options{Variables: b.Extra}}}
	if take(&t.n, b.N); t.n < 1 || t.n > mostChoices {
		return nil, badRequest("n", "%d choices; 1 to %d", t.n, mostChoices)
	}
	tools := make([]tool, len(b.Tools))
	for i, f := range b.Tools {
		if f.Type != "function" && f.Type != "" {
			return nil, badRequest(at("tools", i), "tools of type %q are not supported; function is", clip(f.Type))
		}
		tools[i] = f.Function
	}
	var named struct{ Function struct{ Name string } }
	if err := t.arm(tools, b.Choice, func(raw json.RawMessage) string { json.Unmarshal(raw, &named); return named.Function.Name }, b.Parallel); err != nil {
		return nil, err
	}
	return t, b.request(t)
}

// request says how tokens are chosen.
func (b *chatBody) request(t *talk) (err error) {
	limit := b.MaxTokens
	if limit == nil {
		limit = b.OlderMax
	}
	if err := t.choose(&b.sampled, limit, "max_completion_tokens"); err != nil {
		return err
	}
	r := &t.request
	if b.Tops != nil && !b.LogProbs {
		return badRequest("top_logprobs", "top_logprobs needs logprobs")
	}
	r.LogProbs = b.LogProbs
	take(&r.Tops, b.Tops)
	if r.Stop, err = stopStrings(b.Stop); err != nil {
		return err
	}
	schema, err := b.Format.schema()
	if err != nil {
		return err
	}
	return t.bound(schema, "response_format")
}

// chatting answers in OpenAI's shape.
type chatting struct {
	*talk
	head chatAnswer
}

// whole answers when all is there.
func (x *chatting) whole(w http.ResponseWriter, r *http.Request) error {
	choices := make([]chatChoice, x.n)
	u, err := x.run(r.Context(), func(i int, p said) error {
		c := &choices[i]
		if c.Message == nil {
			*c = chatChoice{Index: i, Message: &chatSaid{Role: "assistant", Content: new(string)}}
			if x.request.LogProbs {
				c.LogProbs = &chatLogProbs{Content: []chatLogProb{}}
			}
		}
		*c.Message.Content += p.Text
		c.LogProbs.add(x.model, p.Piece)
		for _, call := range p.Calls {
			c.Message.Calls = append(c.Message.Calls, call.openAI(nil))
		}
		c.Finish = some(p.Finish)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range choices {
		if m := choices[i].Message; *m.Content == "" && len(m.Calls) > 0 {
			m.Content = nil
		}
	}
	a := x.head
	a.Object, a.Choices, a.Usage = "chat.completion", choices, u.openAI()
	writeJSON(w, http.StatusOK, a)
	return nil
}

// openAI is a call as OpenAI's clients know it; index is its place, of a stream.
func (c toolCall) openAI(index *int) chatToolCall {
	out := chatToolCall{Index: index, ID: c.ID, Type: "function"}
	out.Function.Name, out.Function.Arguments = c.Name, c.Arguments
	return out
}

// openAI is the usage as OpenAI's clients know it.
func (u ChatUsage) openAI() json.RawMessage {
	out := completionUsage{PromptTokens: u.Prompt, CompletionTokens: u.Generated, TotalTokens: u.Prompt + u.Generated}
	out.Details.Cached, out.Details.Images = u.Cached, u.Pictures
	raw, _ := json.Marshal(out) // numbers
	return raw
}

// add appends a token; one that is no text has no place there.
func (l *chatLogProbs) add(c *chatter, p decoder.Piece) {
	if l == nil || p.Finish != "" && len(c.TokenBytes(p.ID)) == 0 {
		return
	}
	out := chatLogProb{logProbOf(c, p.ID, p.LogProb), []chatToken{}}
	for _, t := range p.Tops {
		out.Tops = append(out.Tops, logProbOf(c, t.ID, t.LogProb))
	}
	l.Content = append(l.Content, out)
}

func logProbOf(c *chatter, id int32, p float32) chatToken {
	out := chatToken{Token: c.TokenText(id), LogProb: p}
	bytes := c.TokenBytes(id)
	if utf8.Valid(bytes) && len(bytes) > 0 {
		out.Token = string(bytes) // with the space that a token alone has lost
	}
	for _, b := range bytes {
		out.Bytes = append(out.Bytes, int(b))
	}
	return out
}
