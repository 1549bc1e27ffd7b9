package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"

	"github.com/emblem-search/emblem/text/chat"
	"github.com/emblem-search/emblem/text/decoder"
)

// script is a model that says what it is told to, a word or so at a time, and keeps
// what it was asked.
type script struct {
	says  []string // tokens; the end comes after them
	limit int      // messages that it takes; 0: any number
	mu    sync.Mutex
	heard []Conversation
	asked []decoder.Request
}

func (m *script) Name() string               { return "org/script" }
func (m *script) Positions() int             { return 1000 }
func (m *script) Bytes() int                 { return 1 }
func (m *script) Pictures() int              { return 2 }
func (m *script) Tools() bool                { return true }
func (m *script) Defaults() decoder.Request  { return decoder.Request{} }
func (m *script) TokenText(id int32) string  { return string(m.TokenBytes(id)) }
func (m *script) TokenBytes(id int32) []byte { return []byte(m.all()[id]) }

// all are its tokens, the end included.
func (m *script) all() []string { return slices.Concat(m.says, []string{""}) }

func (m *script) Chat(ctx context.Context, c Conversation, r decoder.Request, each func(decoder.Piece) error) (ChatUsage, error) {
	m.mu.Lock()
	m.heard, m.asked = append(m.heard, c), append(m.asked, r)
	m.mu.Unlock()
	u := ChatUsage{Usage: decoder.Usage{Prompt: 10 * len(c.Messages), Cached: 3}, Pictures: 5 * len(c.Pictures)}
	if c.Messages[0].Text() == "refuse me" {
		return u, &chat.RefusedError{Message: "never"}
	}
	if m.limit > 0 && len(c.Messages) > m.limit {
		return u, &decoder.TooLongError{Tokens: 10 * len(c.Messages), Limit: 10 * m.limit}
	}
	for i, text := range m.all() {
		p := decoder.Piece{Token: decoder.Token{ID: int32(i), LogProb: -1}, Text: text}
		if text == "" {
			p.Finish = decoder.Stop
		}
		u.Generated++
		if err := each(p); err != nil || p.Finish != "" {
			return u, err
		}
	}
	return u, nil
}

// tokens cuts a text as a model would write it.
func tokens(text string) (out []string) {
	for len(text) > 0 {
		n := min(3, len(text))
		out, text = append(out, text[:n]), text[n:]
	}
	return out
}

func chatClient(t *testing.T, o Options) (openai.Client, *Server) {
	t.Helper()
	s := newTest(t, o)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return openai.NewClient(option.WithBaseURL(web.URL+"/v1"), option.WithAPIKey("x"), option.WithMaxRetries(0)), s
}

// talking is a small decoder with a template of conversations, as emblem serve wires it.
type talking struct {
	*tiny
	template *chat.Template
}

func (m talking) Name() string               { return "org/talking" }
func (m talking) Pictures() int              { return 0 }
func (m talking) Tools() bool                { return m.template.Tools() }
func (m talking) TokenBytes(id int32) []byte { t, _ := m.Tokenizer(); return t.TokenBytes(id) }

func (m talking) ids(c Conversation) ([]int32, error) {
	prompt, err := m.template.Render(c.Messages, c.Options)
	if err != nil {
		return nil, err
	}
	t, err := m.Tokenizer()
	return t.Encode(prompt, false), err
}

func (m talking) Chat(ctx context.Context, c Conversation, r decoder.Request, each func(decoder.Piece) error) (ChatUsage, error) {
	ids, err := m.ids(c)
	if err != nil {
		return ChatUsage{}, err
	}
	u, err := m.CompleteTokens(ctx, ids, r, each)
	return ChatUsage{Usage: u}, err
}

const chatML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"

func newTalking(t *testing.T) talking {
	t.Helper()
	d, err := decoder.Load(t.Context(), decoderFolders+"smollm2", decoder.Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/chat_template.jinja", []byte(chatML), 0o600); err != nil {
		t.Fatal(err)
	}
	template, err := chat.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return talking{&tiny{Decoder: d, ended: make(chan error, 64)}, template}
}

// TestChat: OpenAI's client gets what the model makes of the template's prompt, whole
// and as a stream, with probabilities, schemas and usage.
func TestChat(t *testing.T) {
	model := newTalking(t)
	client, s := chatClient(t, Options{Completers: []Completer{model}, Chatters: []Chatter{model}})
	ids, err := model.ids(Conversation{Messages: []chat.Message{chat.Text("system", "Be kind."), chat.Text("user", "Hi")}})
	if err != nil {
		t.Fatal(err)
	}
	prompt, _ := json.Marshal(ids)
	var plain completionsAnswer
	request(t, s, "POST", "/v1/completions", `{"prompt":`+string(prompt)+`,"max_tokens":12,"temperature":0}`, 200, &plain)
	want := plain.Choices[0].Text

	ask := openai.ChatCompletionNewParams{
		Model: "talking", MaxCompletionTokens: openai.Int(12), Temperature: openai.Float(0), Logprobs: openai.Bool(true), TopLogprobs: openai.Int(2),
		Messages: []openai.ChatCompletionMessageParamUnion{openai.DeveloperMessage("Be kind."), openai.UserMessage("Hi")},
	}
	got, err := client.Chat.Completions.New(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	c := got.Choices[0]
	if c.Message.Content != want || want == "" || c.FinishReason != *plain.Choices[0].Finish || got.Usage.PromptTokens != int64(len(ids)) || got.Usage.TotalTokens != got.Usage.PromptTokens+got.Usage.CompletionTokens {
		t.Errorf("%+v, want %q", got, want)
	}
	if got.Usage.PromptTokensDetails.CachedTokens == 0 {
		t.Errorf("nothing of the prompt is reused: %+v", got.Usage)
	}
	raw := []byte{}
	for _, p := range c.Logprobs.Content {
		for _, b := range p.Bytes {
			raw = append(raw, byte(b))
		}
		if len(p.TopLogprobs) != 2 || p.Logprob > 0 || p.TopLogprobs[0].Logprob < p.TopLogprobs[1].Logprob {
			t.Errorf("%+v", p)
		}
	}
	if got := string([]rune(string(raw))); got != want {
		t.Errorf("the tokens are %q, the text %q", raw, want)
	}

	ask.StreamOptions.IncludeUsage, ask.N, ask.Logprobs, ask.TopLogprobs = openai.Bool(true), openai.Int(2), openai.Bool(false), openai.ChatCompletionNewParams{}.TopLogprobs
	stream := client.Chat.Completions.NewStreaming(t.Context(), ask)
	all := openai.ChatCompletionAccumulator{}
	for stream.Next() {
		if !all.AddChunk(stream.Current()) {
			t.Fatalf("a part that does not fit: %s", stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	for i, c := range all.Choices {
		if c.Message.Content != want || c.Message.Role != "assistant" || c.FinishReason != *plain.Choices[0].Finish {
			t.Errorf("stream %d: %+v, want %q", i, c, want)
		}
	}
	if len(all.Choices) != 2 || all.Usage.CompletionTokens != 2*got.Usage.CompletionTokens {
		t.Errorf("%+v", all.Usage)
	}

	ask.N, ask.MaxCompletionTokens = openai.Int(1), openai.Int(60)
	ask.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "x", Strict: openai.Bool(true), Schema: map[string]any{"type": "array", "items": map[string]any{"type": "boolean"}, "maxItems": 1}}}
	got, err = client.Chat.Completions.New(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Choices[0]; !json.Valid([]byte(c.Message.Content)) || c.FinishReason != "stop" {
		t.Errorf("not of the schema: %+v", c)
	}
}

var weather = openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "weather", Parameters: shared.FunctionParameters{"type": "object", "properties": map[string]any{"city": map[string]any{"$ref": "#/$defs/city"}}, "required": []string{"city"}, "$defs": map[string]any{"city": map[string]any{"enum": []string{"Oslo"}}}}})

// TestChatTools: calls in the forms that models write come as OpenAI's clients expect
// them, whole and as a stream; what is no call is text.
func TestChatTools(t *testing.T) {
	for _, c := range []struct{ says, text, calls, finish string }{
		{`Let me see.` + "\n" + `<tool_call>` + "\n" + `{"name": "weather", "arguments": {"city": "Oslo"}}` + "\n" + `</tool_call>`, "Let me see.", `weather{"city": "Oslo"}`, "tool_calls"},
		{`<tool_call>{"name":"weather","arguments":{"a":1}}</tool_call>` + "\n" + `<tool_call>{"name":"weather","arguments":{}}</tool_call>`, "", `weather{"a":1}weather{}`, "tool_calls"},
		{`<tool_call>[{"name":"weather","arguments":{"a":"};"}}]`, "", `weather{"a":"};"}`, "tool_calls"},
		{`{"name": "weather", "parameters": {"city": "Oslo"}}`, "", `weather{"city": "Oslo"}`, "tool_calls"},
		{`<|python_tag|>{"name":"weather","parameters":{"a":1}}; {"name":"weather","parameters":{"a":2}}`, "", `weather{"a":1}weather{"a":2}`, "tool_calls"},
		{`{"type":"function","function":{"name":"weather","arguments":"{\"a\":1}"}}`, "", `weather{"a":1}`, "tool_calls"},
		{`{"name":"other","parameters":{}}`, `{"name":"other","parameters":{}}`, "", "stop"},
		{`{"name":"weather","param`, `{"name":"weather","param`, "", "stop"},
		{`<tool_call>no</tool_call> then`, `<tool_call>no</tool_call> then`, "", "stop"},
		{`a < b, <tool, {"x":1} `, `a < b, <tool, {"x":1} `, "", "stop"},
		{" \n ", " \n ", "", "stop"},
	} {
		client, _ := chatClient(t, Options{Chatters: []Chatter{&script{says: tokens(c.says)}}})
		ask := openai.ChatCompletionNewParams{Model: "script", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("?")}, Tools: []openai.ChatCompletionToolUnionParam{weather}}
		got, err := client.Chat.Completions.New(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		calls := func(m openai.ChatCompletionMessage) (s string) {
			for _, call := range m.ToolCalls {
				s += call.Function.Name + call.Function.Arguments
				if call.Type != "function" || !strings.HasPrefix(call.ID, "call_") {
					t.Errorf("%+v", call)
				}
			}
			return s
		}
		if m := got.Choices[0]; m.Message.Content != c.text || calls(m.Message) != c.calls || m.FinishReason != c.finish {
			t.Errorf("%s: %q, calls %q, %s", c.says, m.Message.Content, calls(m.Message), m.FinishReason)
		}
		stream, all := client.Chat.Completions.NewStreaming(t.Context(), ask), openai.ChatCompletionAccumulator{}
		for stream.Next() {
			all.AddChunk(stream.Current())
		}
		if m := all.Choices[0]; stream.Err() != nil || m.Message.Content != c.text || calls(m.Message) != c.calls || m.FinishReason != c.finish {
			t.Errorf("%s, as a stream: %v %q, calls %q, %s", c.says, stream.Err(), m.Message.Content, calls(m.Message), m.FinishReason)
		}
	}
}

// TestChatToolChoice: a call that has to be made is of the tool's schema; with none the
// model hears of no tools; one call is the most where the client says so.
func TestChatToolChoice(t *testing.T) {
	model := newTalking(t)
	model.template = tooled(t)
	client, _ := chatClient(t, Options{Completers: []Completer{model}, Chatters: []Chatter{model}})
	ask := openai.ChatCompletionNewParams{
		Model: "talking", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("?")}, Tools: []openai.ChatCompletionToolUnionParam{weather},
		ToolChoice: openai.ChatCompletionToolChoiceOptionUnionParam{OfAuto: openai.String("required")}, Temperature: openai.Float(0), MaxTokens: openai.Int(80),
	}
	got, err := client.Chat.Completions.New(t.Context(), ask)
	if err != nil {
		t.Fatalf("%#v", err.(*openai.Error).RawJSON())
	}
	var arguments struct{ City string }
	c := got.Choices[0]
	if len(c.Message.ToolCalls) != 1 || json.Unmarshal([]byte(c.Message.ToolCalls[0].Function.Arguments), &arguments) != nil || arguments.City != "Oslo" || c.FinishReason != "tool_calls" {
		t.Errorf("%+v", c)
	}
	say := &script{says: tokens(`<tool_call>{"name":"weather","arguments":{}}</tool_call><tool_call>{"name":"weather","arguments":{}}</tool_call>`)}
	s := newTest(t, Options{Chatters: []Chatter{say}})
	const tools = `"tools":[{"type":"function","function":{"name":"weather"}}],`
	var a chatAnswer
	request(t, s, "POST", "/v1/chat/completions", `{`+tools+`"tool_choice":"none","messages":[{"role":"user","content":"?"}]}`, 200, &a)
	if len(a.Choices[0].Message.Calls) != 0 || !strings.Contains(*a.Choices[0].Message.Content, "<tool_call>") || len(say.heard[0].Options.Tools) != 0 {
		t.Errorf("%+v", a.Choices[0].Message)
	}
	a = chatAnswer{}
	request(t, s, "POST", "/v1/chat/completions", `{`+tools+`"parallel_tool_calls":false,"messages":[{"role":"user","content":"?"}]}`, 200, &a)
	if len(a.Choices[0].Message.Calls) != 1 || *a.Choices[0].Finish != "tool_calls" || len(say.heard[1].Options.Tools) != 1 {
		t.Errorf("%+v", a.Choices[0].Message)
	}
	request(t, s, "POST", "/v1/chat/completions", `{`+tools+`"messages":[{"role":"user","content":"?"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"weather","arguments":"{\"b\":1,\"a\":2}"}}]},{"role":"tool","tool_call_id":"c","content":"rain"}]}`, 200, &a)
	m := say.heard[2].Messages
	if string(m[1].ToolCalls[0].Arguments) != `{"b":1,"a":2}` || m[2].ToolCallID != "c" || m[2].Text() != "rain" || string(say.heard[2].Options.Tools[0]) != `{"type":"function","function":{"name":"weather"}}` {
		t.Errorf("%+v %s", m, say.heard[2].Options.Tools)
	}
}

func tooled(t *testing.T) *chat.Template {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/chat_template.jinja", []byte("{% for t in tools or [] %}{{ t.function.name }}{% endfor %}"+chatML), 0o600); err != nil {
		t.Fatal(err)
	}
	template, err := chat.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// TestChatPictures: pictures come to the model in their order, wherever they are from.
func TestChatPictures(t *testing.T) {
	model := &script{says: []string{"Red", "."}}
	client, _ := chatClient(t, Options{Chatters: []Chatter{model}})
	part := func(file []byte) openai.ChatCompletionContentPartUnionParam {
		return openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: dataURL(file), Detail: "low"})
	}
	got, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "script", Messages: []openai.ChatCompletionMessageParamUnion{
		openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{part(green), openai.TextContentPart("and"), part(red)}),
	}}, option.WithJSONSet("max_tiles", 3))
	if err != nil {
		t.Fatal(err)
	}
	c := model.heard[0]
	kinds := []string{}
	for _, p := range c.Messages[0].Parts {
		kinds = append(kinds, p.Type)
	}
	_, g, _, _ := c.Pictures[0].At(0, 0).RGBA()
	r, _, _, _ := c.Pictures[1].At(0, 0).RGBA()
	if got.Choices[0].Message.Content != "Red." || !slices.Equal(kinds, []string{"image", "text", "image"}) || g>>8 != 255 || r>>8 != 255 || c.Pictures[1].Detail != "low" || c.Pictures[1].MaxTiles != 3 {
		t.Errorf("%+v %v", c, got)
	}
	if u := got.Usage; u.PromptTokens != 10 || u.PromptTokensDetails.CachedTokens != 3 || !strings.Contains(u.RawJSON(), `"image_tokens":10`) {
		t.Errorf("%s", u.RawJSON())
	}
}

// TestChatPicturesElsewhere: pictures of the caller's libraries and of allowed addresses.
func TestChatPicturesElsewhere(t *testing.T) {
	base, seen := bait(t)
	model := &script{says: []string{"Yes"}}
	keys := ring{"sk-a": {Name: "a", Scopes: []Scope{ScopeAsk}, Libraries: []string{"a"}}, "sk-b": {Name: "b", Scopes: []Scope{ScopeAsk}, Libraries: []string{"b"}}}
	s := newTest(t, Options{Chatters: []Chatter{model}, Keys: keys, FetchAllow: []string{strings.TrimPrefix(base, "http://")},
		Libraries: shelves{"a": {name: "a", docs: map[string]Document{"x/1": {}}}, "b": {name: "b", docs: map[string]Document{}}}})
	ask := func(key, url string) (int, string) {
		w := do(s, "POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"`+url+`"}}]}]}`, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) })
		return w.Code, w.Body.String()
	}
	for _, url := range []string{"library://a/x/1", base + "/red.png"} {
		code, body := ask("sk-a", url)
		if code != 200 {
			t.Errorf("%s: %d %s", url, code, body)
			continue
		}
		if r, _, _, _ := model.heard[len(model.heard)-1].Pictures[0].At(0, 0).RGBA(); r>>8 != 255 {
			t.Errorf("%s: another picture", url)
		}
	}
	for url, want := range map[string]string{"library://b/1": "library_not_found", "library://a/2": "document_not_found", base + "/none.png": "fetch_failed", "http://10.0.0.1/a.png": "fetch_not_allowed"} {
		if code, body := ask("sk-a", url); code < 400 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s", url, code, body, want)
		}
	}
	if code, body := ask("sk-b", "library://a/x/1"); code != 404 || !strings.Contains(body, "library_not_found") {
		t.Errorf("another's library: %d %s", code, body)
	}
	if seen.Load() != 2 || !s.bodies.TryAcquire(s.MaxBusy) {
		t.Errorf("%d pictures were fetched, want 2; and memory has to be given back", seen.Load())
	}
}

// TestChatTruncate: the oldest turns of a conversation go with their pictures, and the
// system's message stays.
func TestChatTruncate(t *testing.T) {
	model := &script{says: []string{"Yes"}, limit: 4}
	s := newTest(t, Options{Chatters: []Chatter{model}})
	messages := `{"role":"system","content":"S"},` + `{"role":"user","content":[{"type":"image_url","image_url":{"url":"` + dataURL(red) + `"}},{"type":"text","text":"1"}]},{"role":"assistant","content":"a"},` +
		`{"role":"user","content":"2"},{"role":"assistant","content":"b"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"` + dataURL(green) + `"}}]}`
	w := do(s, "POST", "/v1/chat/completions", `{"messages":[`+messages+`]}`)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "60 tokens and the model reads 40") || !strings.Contains(w.Body.String(), `"param":"messages"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	var a chatAnswer
	request(t, s, "POST", "/v1/chat/completions", `{"truncate":true,"messages":[`+messages+`]}`, 200, &a)
	last := model.heard[len(model.heard)-1]
	text := ""
	for _, m := range last.Messages {
		text += m.Text()
	}
	_, g, _, _ := last.Pictures[0].At(0, 0).RGBA()
	if text != "S2b" || len(last.Pictures) != 1 || g>>8 != 255 {
		t.Errorf("%q of %d pictures", text, len(last.Pictures))
	}
}

// TestChatRefusals: what cannot be done is said in OpenAI's shape, with the place.
func TestChatRefusals(t *testing.T) {
	reads := newTalking(t)
	s := newTest(t, Options{Completers: []Completer{reads, newTiny(t)}, Chatters: []Chatter{reads, &script{says: []string{"x"}}}})
	long := strings.Repeat("word ", 60)
	user := `"messages":[{"role":"user","content":"a"}]`
	sees := func(parts string) string {
		return `{"model":"script","messages":[{"role":"user","content":[` + parts + `]}]}`
	}
	for body, want := range map[string]string{
		`{}`: `400 invalid_value messages there is no message`,
		`{"messages":[{"role":"user","content":"` + long + `"}]}`:                                                                                   `400 context_length_exceeded messages the prompt has`,
		`{"stream":true,"messages":[{"role":"user","content":"` + long + `"}]}`:                                                                     `400 context_length_exceeded messages the prompt has`,
		`{"truncate":true,"messages":[{"role":"user","content":"` + long + `"}]}`:                                                                   `400 context_length_exceeded messages the prompt has`,
		`{"messages":[{"role":"wizard","content":"a"}]}`:                                                                                            `400 invalid_value messages[0].role the role "wizard"`,
		`{"messages":[{"role":"user","content":"a"},{"role":"user"}]}`:                                                                              `400 invalid_value messages[1].content the message has no content`,
		`{"messages":[{"role":"user","content":{}}]}`:                                                                                               `400 invalid_value messages[0].content content has to be`,
		`{"messages":[{"role":"user","content":[{"type":"input_audio"}]}]}`:                                                                         `400 invalid_value messages[0].content[0] parts of type "input_audio"`,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":""}]}]}`:                                                            `400 unsupported_modality messages[0].content[0] the model org/talking reads text`,
		`{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"x"}}]}]}`:                                              `400 invalid_value messages[0].tool_calls[0] a call needs`,
		`{"model":"tiny",` + user + `}`:                                                                                                             `400 invalid_value model the model org/tiny continues texts`,
		`{"model":"gpt-5",` + user + `}`:                                                                                                            `404 model_not_found model no model "gpt-5"`,
		`{"n":0,` + user + `}`:                                                                                                                      `400 invalid_value n 0 choices`,
		`{"max_tokens":0,` + user + `}`:                                                                                                             `400 invalid_value max_completion_tokens`,
		`{"temperature":"hot",` + user + `}`:                                                                                                        `400 invalid_value temperature temperature is a string`,
		`{"temperature":-1,` + user + `}`:                                                                                                           `400 invalid_value temperature temperature is -1`,
		`{"top_logprobs":2,` + user + `}`:                                                                                                           `400 invalid_value top_logprobs top_logprobs needs logprobs`,
		`{"logprobs":true,"top_logprobs":200,` + user + `}`:                                                                                         `400 invalid_value top_logprobs 200`,
		`{"logit_bias":{"5":1},` + user + `}`:                                                                                                       `400 invalid_value logit_bias`,
		`{"functions":[{"name":"f"}],` + user + `}`:                                                                                                 `400 invalid_value functions functions is not supported`,
		`{"modalities":["text","audio"],` + user + `}`:                                                                                              `400 invalid_value modalities`,
		`{"response_format":{"type":"json_schema"},` + user + `}`:                                                                                   `400 invalid_value response_format`,
		`{"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"string","format":"date"}}},` + user + `}`:                        `400 invalid_value response_format the schema: "format" is not`,
		`{"tools":[{"type":"function","function":{"name":"f"}}],` + user + `}`:                                                                      `400 invalid_value tools the model org/talking was not taught`,
		`{"model":"script","tools":[{"type":"web_search"}],` + user + `}`:                                                                           `400 invalid_value tools[0] tools of type "web_search"`,
		`{"model":"script","tools":[{"function":{"name":"f"}},{"function":{"name":"f"}}],` + user + `}`:                                             `400 invalid_value tools[1] two functions`,
		`{"model":"script","tools":[{"function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"g"}},` + user + `}`:             `400 invalid_value tool_choice there is no tool "g"`,
		`{"model":"script","tools":[{"function":{"name":"f"}}],"tool_choice":"perhaps",` + user + `}`:                                               `400 invalid_value tool_choice`,
		`{"model":"script","tools":[{"function":{"name":"f"}}],"tool_choice":"required","response_format":{"type":"json_object"},` + user + `}`:     `400 invalid_value response_format an answer that has to call`,
		`{"model":"script","messages":[{"role":"user","content":"refuse me"}]}`:                                                                     `400 invalid_value messages the model's template refuses the conversation: never`,
		sees(`{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}`):                                                               `400 invalid_image messages[0].content[0]`,
		sees(`{"type":"image_url","image_url":{"url":"http://127.0.0.1/x.png"}}`):                                                                   `400 fetch_disabled messages[0].content[0]`,
		sees(`{"type":"image_url","image_url":{"url":"library://pictures/1"}}`):                                                                     `404 no_libraries`,
		sees(`{"type":"image_url","image_url":{"url":"library://pictures"}}`):                                                                       `400 invalid_value messages[0].content[0] a picture of a library`,
		sees(`{"type":"image_url","image_url":{"url":"` + dataURL(red) + `","detail":"fine"}}`):                                                     `400 invalid_value messages[0].content[0] detail is "fine"`,
		sees(strings.Repeat(`{"type":"image_url","image_url":"`+dataURL(red)+`"},`, 2) + `{"type":"image_url","image_url":"` + dataURL(red) + `"}`): `400 invalid_value messages[0].content[2] over 2 pictures`,
		`{"model":"script","messages":[{"role":"assistant","content":[{"type":"image_url","image_url":"` + dataURL(red) + `"}]}]}`:                  `400 invalid_value messages[0].content a message of assistant`,
	} {
		w := do(s, "POST", "/v1/chat/completions", body)
		var e struct {
			Error struct{ Message, Code, Param string }
		}
		json.Unmarshal(w.Body.Bytes(), &e)
		if got := fmt.Sprint(w.Code, " ", e.Error.Code, " ", e.Error.Param, " ", e.Error.Message); !strings.HasPrefix(got, want) {
			t.Errorf("%.90s: %s, want %s", body, got, want)
		}
	}
	w := do(newTest(t, Options{Completers: []Completer{newTiny(t)}}), "POST", "/v1/chat/completions", `{`+user+`}`)
	if w.Code != 404 || !strings.Contains(w.Body.String(), "answers in conversations is loaded") {
		t.Error(w.Code, w.Body)
	}
}

// TestChatFails: an error in the middle of a stream is its last event.
func TestChatFails(t *testing.T) {
	client, _ := chatClient(t, Options{Chatters: []Chatter{failing{&script{says: []string{"Hal", "lo"}}}}})
	stream := client.Chat.Completions.NewStreaming(t.Context(), openai.ChatCompletionNewParams{Model: "script", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("?")}})
	text := ""
	for stream.Next() {
		text += stream.Current().Choices[0].Delta.Content
	}
	if err := stream.Err(); err == nil || text != "Hal" || strings.Contains(err.Error(), "secret") {
		t.Errorf("%q, then %v", text, err)
	}
}

// failing is a model that breaks after its first word.
type failing struct{ *script }

func (m failing) Chat(ctx context.Context, c Conversation, r decoder.Request, each func(decoder.Piece) error) (ChatUsage, error) {
	return ChatUsage{}, errors.Join(each(decoder.Piece{Text: m.says[0]}), errors.New("a secret"))
}
