package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/emblem-search/emblem/text/decoder"
)

// ollamaAsk is what Ollama's two requests of language models have in common.
type ollamaAsk struct {
	Model   string          `json:"model"`
	Format  json.RawMessage `json:"format"` // "json" or a JSON Schema
	Stream  *bool           `json:"stream"` // true unless it is false
	Options struct {
		Temperature *float64        `json:"temperature"`
		TopK        *int            `json:"top_k"`
		TopP        *float64        `json:"top_p"`
		MinP        *float64        `json:"min_p"`
		Penalty     *float64        `json:"repeat_penalty"`
		Seed        *int64          `json:"seed"`
		Predict     *int            `json:"num_predict"` // below 0: as much as there is room
		Stop        json.RawMessage `json:"stop"`
		Presence    float64         `json:"presence_penalty"`
		Frequency   float64         `json:"frequency_penalty"`
	} `json:"options"`
	Think json.RawMessage `json:"think"`
}

// ollamaChatBody is the request of POST /api/chat.
type ollamaChatBody struct {
	ollamaAsk
	Messages []ollamaMessage `json:"messages"`
	Tools    []chatTool      `json:"tools"`
}

// ollamaMessage is one of a conversation.
type ollamaMessage struct {
	Role     string       `json:"role"`
	Content  string       `json:"content"`
	Images   []string     `json:"images,omitempty"` // base64
	Calls    []ollamaCall `json:"tool_calls,omitempty"`
	ToolName string       `json:"tool_name,omitempty"`
}

type ollamaCall struct {
	Function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"` // an object
	} `json:"function"`
}

// ollamaGenerateBody is the request of POST /api/generate.
type ollamaGenerateBody struct {
	ollamaAsk
	Prompt   string          `json:"prompt"`
	System   string          `json:"system"`
	Images   []string        `json:"images"`
	Raw      bool            `json:"raw"` // without the model's template
	Suffix   string          `json:"suffix"`
	Template string          `json:"template"`
	Context  json.RawMessage `json:"context"`
}

// ollamaSaid is an answer, or a line of one.
type ollamaSaid struct {
	Model    string         `json:"model"`
	Created  time.Time      `json:"created_at"`
	Message  *ollamaMessage `json:"message,omitempty"`  // of chat
	Response *string        `json:"response,omitempty"` // of generate
	Done     bool           `json:"done"`
	Reason   string         `json:"done_reason,omitempty"` // stop, length or load
	ollamaCounts
}

// ollamaCounts are those of the last line: tokens, and nanoseconds.
type ollamaCounts struct {
	Total      int64 `json:"total_duration,omitempty"`
	Load       int64 `json:"load_duration,omitempty"`
	Prompt     int   `json:"prompt_eval_count,omitempty"`
	PromptTime int64 `json:"prompt_eval_duration,omitempty"`
	Said       int   `json:"eval_count,omitempty"`
	SaidTime   int64 `json:"eval_duration,omitempty"`
}

// ollamaTalkRoutes are Ollama's of language models.
func (s *Server) ollamaTalkRoutes() []route {
	return []route{
		{method: "POST", path: "/api/chat", scope: ScopeAsk, handle: s.ollamaChat, shape: writeOllama, body: ollamaChatBody{}, answer: ollamaSaid{}, doc: "Ollama's chat, a line of JSON for each part unless stream is false."},
		{method: "POST", path: "/api/generate", scope: ScopeAsk, handle: s.ollamaGenerate, shape: writeOllama, body: ollamaGenerateBody{}, answer: ollamaSaid{}, doc: "Ollama's generate: a question without a conversation, or with raw a text to continue."},
	}
}

// ollamaChat answers POST /api/chat.
func (s *Server) ollamaChat(w http.ResponseWriter, r *http.Request) error {
	var body ollamaChatBody
	release, err := s.readOllama(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	model, err := s.chatterFor(untagged(body.Model))
	if err != nil {
		return err
	}
	x := newOllamaTalk(w, body.ollamaAsk, model.Name(), true)
	if len(body.Messages) == 0 {
		return x.loaded()
	}
	t, err := body.talk(model, body.Tools)
	if err != nil {
		return err
	}
	c := conversing{server: s, caller: callerOf(r), model: model}
	for i, m := range body.Messages {
		if err := c.add(at("messages", i), m.talk()); err != nil {
			return err
		}
	}
	return x.converse(r, t, &c)
}

// ollamaGenerate answers POST /api/generate.
func (s *Server) ollamaGenerate(w http.ResponseWriter, r *http.Request) error {
	var body ollamaGenerateBody
	release, err := s.readOllama(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	if err := refuseUsed([]unsupported{{"suffix", body.Suffix != ""}, {"template", body.Template != ""}, {"context", given(body.Context)}}); err != nil {
		return err
	}
	if body.Raw {
		return s.ollamaRaw(w, r, &body)
	}
	model, err := s.chatterFor(untagged(body.Model))
	if err != nil {
		return err
	}
	x := newOllamaTalk(w, body.ollamaAsk, model.Name(), false)
	if body.Prompt == "" && len(body.Images) == 0 {
		return x.loaded()
	}
	t, err := body.talk(model, nil)
	if err != nil {
		return err
	}
	c := conversing{server: s, caller: callerOf(r), model: model}
	if body.System != "" {
		if err := c.add("system", ollamaMessage{Role: "system", Content: body.System}.talk()); err != nil {
			return err
		}
	}
	if err := c.add("prompt", ollamaMessage{Role: "user", Content: body.Prompt, Images: body.Images}.talk()); err != nil {
		return err
	}
	return x.converse(r, t, &c)
}

// ollamaRaw continues a text.
func (s *Server) ollamaRaw(w http.ResponseWriter, r *http.Request, body *ollamaGenerateBody) error {
	model, err := s.completerFor(untagged(body.Model))
	if err != nil {
		return err
	}
	if body.System != "" || len(body.Images) > 0 {
		return badRequest("raw", "a raw prompt has no place for system and images; leave raw out")
	}
	t := &continuation{model: model, n: 1}
	ids, err := model.Encode(body.Prompt)
	if err != nil {
		return err
	}
	t.prompts = [][]int32{ids}
	if t.request, err = body.request(model.Defaults(), model.Positions()); err != nil {
		return err
	}
	leave, err := model.seats.enter(1)
	if err != nil {
		return err
	}
	defer leave()
	x := newOllamaTalk(w, body.ollamaAsk, model.Name(), false)
	u, err := t.run(r.Context(), func(_ int, p decoder.Piece) error { return x.push(said{Piece: p, Text: p.Text}) })
	return x.end(ChatUsage{Usage: decoder.Usage{Prompt: u.PromptTokens, Generated: u.CompletionTokens}}, err)
}

// readOllama reads a request, which Ollama's own examples send without saying that it
// is JSON.
func (s *Server) readOllama(w http.ResponseWriter, r *http.Request, body any) (release func(), err error) {
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		r.Header.Del("Content-Type")
	}
	return s.readJSON(w, r, body)
}

// request says how tokens are chosen.
func (b *ollamaAsk) request(r decoder.Request, room int) (decoder.Request, error) {
	o := &b.Options
	same := sampled{Temperature: o.Temperature, TopP: o.TopP, TopK: o.TopK, MinP: o.MinP, Penalty: o.Penalty, Seed: o.Seed, Presence: o.Presence, Frequency: o.Frequency}
	if err := refuseUsed(append(same.others(), unsupported{"think", given(b.Think)})); err != nil {
		return r, err
	}
	same.over(&r)
	if take(&r.MaxTokens, o.Predict); r.MaxTokens <= 0 {
		r.MaxTokens = room
	}
	var err error
	if r.Stop, err = stopStrings(o.Stop); err != nil {
		return r, err
	}
	switch {
	case string(b.Format) == `"json"`:
		r.Schema = []byte(`{"type":"object"}`)
	case isObject(b.Format):
		r.Schema = b.Format
	case given(b.Format):
		return r, badRequest("format", `format has to be "json" or a JSON Schema`)
	}
	return r, requestError(r.Check())
}

// talk reads all of a request but its messages.
func (b *ollamaAsk) talk(model *chatter, list []chatTool) (*talk, error) {
	t := &talk{model: model, n: 1, param: "messages"}
	tools := make([]tool, len(list))
	for i, f := range list {
		tools[i] = f.Function
	}
	if err := t.arm(tools, nil, nil, nil); err != nil {
		return nil, err
	}
	var err error
	t.request, err = b.request(model.Defaults(), model.Positions())
	t.schemaParam = "format"
	return t, err
}

// talk is the message as the other dialects have it.
func (m ollamaMessage) talk() talkMessage {
	parts := []chatPart{}
	for _, file := range m.Images {
		raw, _ := json.Marshal(file) // a string
		parts = append(parts, chatPart{Type: "image_url", Image: raw})
	}
	if m.Content != "" || len(parts) == 0 {
		parts = append(parts, chatPart{Type: "text", Text: m.Content})
	}
	raw, _ := json.Marshal(parts)
	out := talkMessage{Role: m.Role, Content: raw, Name: m.ToolName}
	for _, c := range m.Calls {
		out.Calls = append(out.Calls, toolCall{"", c.Function.Name, string(c.Function.Arguments)}.openAI(nil))
	}
	return out
}
