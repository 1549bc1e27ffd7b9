package server

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/emblem-search/emblem/text/decoder"
)

// responsesBody is the request of POST /v1/responses: OpenAI's, of which nothing is
// kept, and top_k, min_p, repetition_penalty and max_tiles as in chat completions.
type responsesBody struct {
	sampled
	Model        string          `json:"model"`
	Input        json.RawMessage `json:"input"` // a string or a list of responseInput
	Instructions string          `json:"instructions"`
	MaxTokens    *int            `json:"max_output_tokens"`
	Tops         *int            `json:"top_logprobs"`
	Include      []string        `json:"include"`
	Text         struct {
		Format *responseFormat `json:"format"`
	} `json:"text"`
	Tools      []responseTool    `json:"tools"`
	Choice     json.RawMessage   `json:"tool_choice"` // none, auto, required, or an object that names a function
	Parallel   *bool             `json:"parallel_tool_calls"`
	Truncation string            `json:"truncation"` // auto drops the oldest messages of what is too long; disabled
	MaxTiles   int               `json:"max_tiles"`
	Metadata   map[string]string `json:"metadata"`
	Stream     bool              `json:"stream"`

	Store        bool            `json:"store"`
	Background   bool            `json:"background"`
	Previous     string          `json:"previous_response_id"`
	Conversation json.RawMessage `json:"conversation"`
	Prompt       json.RawMessage `json:"prompt"`
	Reasoning    json.RawMessage `json:"reasoning"`
}

// responseFormat is a format with its schema beside the type.
type responseFormat struct {
	Type   string          `json:"type"`
	Name   string          `json:"name,omitempty"`
	Schema json.RawMessage `json:"schema,omitempty"`
}

type responseTool struct {
	Type string `json:"type"`
	tool
}

// responsesAnswer is what comes back, whole or in the first and last events of a
// stream.
type responsesAnswer struct {
	ID           string            `json:"id"`
	Object       string            `json:"object"`
	Created      int64             `json:"created_at"`
	Status       string            `json:"status"` // in_progress, completed or incomplete
	Error        *string           `json:"error"`
	Incomplete   *responseCut      `json:"incomplete_details"`
	Instructions *string           `json:"instructions"`
	MaxTokens    *int              `json:"max_output_tokens"`
	Model        string            `json:"model"`
	Output       []responseItem    `json:"output"`
	Parallel     bool              `json:"parallel_tool_calls"`
	Previous     *string           `json:"previous_response_id"`
	Store        bool              `json:"store"`
	Temperature  float64           `json:"temperature"`
	TopP         float64           `json:"top_p"`
	Text         map[string]any    `json:"text"`
	Choice       json.RawMessage   `json:"tool_choice"`
	Tools        []responseTool    `json:"tools"`
	Truncation   string            `json:"truncation"`
	Usage        *responseUsage    `json:"usage"`
	Metadata     map[string]string `json:"metadata"`
}

// responseCut says why an answer is incomplete: max_output_tokens.
type responseCut struct {
	Reason string `json:"reason"`
}

type responseUsage struct {
	Input        int                  `json:"input_tokens"`
	InputDetails responseInputDetails `json:"input_tokens_details"`
	Output       int                  `json:"output_tokens"`
	Details      map[string]int       `json:"output_tokens_details"`
	Total        int                  `json:"total_tokens"`
}

type responseInputDetails struct {
	Cached int `json:"cached_tokens"`
	Images int `json:"image_tokens,omitempty"`
}

// responsesRoutes are OpenAI's newer ones of models that answer in conversations.
func (s *Server) responsesRoutes() []route {
	return []route{{method: "POST", path: "/v1/responses", scope: ScopeAsk, handle: s.responses, body: responsesBody{}, answer: responsesAnswer{},
		doc: "Answer in a conversation: OpenAI's Responses, of which nothing is stored; with stream as server-sent events."}}
}

// responses answers POST /v1/responses.
func (s *Server) responses(w http.ResponseWriter, r *http.Request) error {
	var body responsesBody
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
	x := &responding{talk: t, answer: body.head(t)}
	x.answer.ID = "resp_" + w.Header().Get(headerRequestID)
	if body.Stream {
		x.events = newEvents(w)
	}
	return x.run(w, r)
}

// talk reads all of the request but its input.
func (b *responsesBody) talk(c *chatter) (*talk, error) {
	if err := b.refuse(); err != nil {
		return nil, err
	}
	t := &talk{model: c, n: 1, truncate: b.Truncation == "auto", param: "input"}
	tools := make([]tool, len(b.Tools))
	for i, f := range b.Tools {
		if f.Type != "function" {
			return nil, badRequest(at("tools", i), "tools of type %q are not supported; function is", clip(f.Type))
		}
		tools[i] = f.tool
	}
	named := func(raw json.RawMessage) string {
		var choice struct{ Name string }
		json.Unmarshal(raw, &choice) // an object; one without a name names none
		return choice.Name
	}
	if err := t.arm(tools, b.Choice, named, b.Parallel); err != nil {
		return nil, err
	}
	if err := t.choose(&b.sampled, b.MaxTokens, "max_output_tokens"); err != nil {
		return nil, err
	}
	t.request.LogProbs = slices.Contains(b.Include, includeLogProbs)
	take(&t.request.Tops, b.Tops)
	schema, err := b.Text.Format.schema()
	if err != nil {
		return nil, err
	}
	return t, t.bound(schema, "text.format")
}

// includeLogProbs is how a request asks for probabilities.
const includeLogProbs = "message.output_text.logprobs"

// refuse names what cannot be done.
func (b *responsesBody) refuse() error {
	switch {
	case b.Previous != "", given(b.Conversation):
		return badRequest("previous_response_id", "responses are not stored here, so that none can be gone on with; send the whole conversation as input")
	case b.Store:
		return badRequest("store", "responses are not stored here; send store: false, or leave it out")
	case b.Truncation != "" && b.Truncation != "auto" && b.Truncation != "disabled":
		return badRequest("truncation", "truncation has to be auto or disabled")
	}
	for _, k := range b.Include {
		if k != includeLogProbs && k != "reasoning.encrypted_content" { // no model here hides what it thinks
			return badRequest("include", "%q cannot be included; %s can", clip(k), includeLogProbs)
		}
	}
	return refuseUsed(append(b.others(), []unsupported{{"background", b.Background}, {"prompt", given(b.Prompt)}, {"reasoning", given(b.Reasoning)}}...))
}

// schema is the JSON Schema of a format; nil: the text is free.
func (f *responseFormat) schema() ([]byte, error) {
	if f == nil || f.Type == "text" {
		return nil, nil
	}
	same := format{Type: f.Type}
	if given(f.Schema) {
		same.Schema = &namedSchema{f.Name, f.Schema}
	}
	schema, err := same.schema()
	if err != nil {
		return nil, badRequest("text.format", "text.format has to be of type text, json_object, or json_schema with schema")
	}
	return schema, nil
}

// head is the answer before there is one.
func (b *responsesBody) head(t *talk) responsesAnswer {
	a := responsesAnswer{
		Object: "response", Created: time.Now().Unix(), Status: "in_progress", Instructions: some(b.Instructions), MaxTokens: b.MaxTokens, Model: t.model.Name(), Output: []responseItem{},
		Parallel: b.Parallel == nil || *b.Parallel, Temperature: t.request.Temperature, TopP: t.request.TopP, Text: map[string]any{"format": responseFormat{Type: "text"}},
		Choice: b.Choice, Tools: b.Tools, Truncation: b.Truncation, Metadata: b.Metadata,
	}
	if a.TopP == 0 {
		a.TopP = 1 // either keeps all
	}
	if b.Text.Format != nil {
		a.Text["format"] = b.Text.Format
	}
	if !given(a.Choice) {
		a.Choice = json.RawMessage(`"auto"`)
	}
	if a.Tools == nil {
		a.Tools = []responseTool{}
	}
	if a.Truncation == "" {
		a.Truncation = "disabled"
	}
	if a.Metadata == nil {
		a.Metadata = map[string]string{}
	}
	return a
}

// end makes the answer whole.
func (a *responsesAnswer) end(finish string, u ChatUsage) {
	a.Status = "completed"
	if finish == decoder.Length {
		a.Status, a.Incomplete = "incomplete", &responseCut{"max_output_tokens"}
	}
	a.Usage = &responseUsage{Input: u.Prompt, InputDetails: responseInputDetails{u.Cached, u.Pictures}, Output: u.Generated, Details: map[string]int{"reasoning_tokens": 0}, Total: u.Prompt + u.Generated}
}
