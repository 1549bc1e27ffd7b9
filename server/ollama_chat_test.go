package server

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// TestOllamaTalks: Ollama's chat and generate, as its clients send them: lines unless
// stream is false, options, pictures, tools, formats.
func TestOllamaTalks(t *testing.T) {
	model := newTalking(t)
	says := &script{says: tokens(`See. <tool_call>{"name":"weather","arguments":{"city":"Oslo"}}</tool_call>`)}
	s := newTest(t, Options{Completers: []Completer{model}, Chatters: []Chatter{model, says}})
	var chat chatAnswer
	request(t, s, "POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"Hi"}],"max_tokens":9,"temperature":0}`, 200, &chat)
	want := *chat.Choices[0].Message.Content

	const options = `"options":{"num_predict":9,"temperature":0,"num_ctx":64}`
	for path, body := range map[string]string{
		"/api/chat":     `{"model":"talking:latest","messages":[{"role":"user","content":"Hi"}],` + options,
		"/api/generate": `{"model":"talking","prompt":"Hi",` + options,
	} {
		var whole ollamaSaid
		request(t, s, "POST", path, body+`,"stream":false}`, 200, &whole)
		if text := whole.said(); text != want || want == "" || !whole.Done || whole.Reason != "length" || whole.Said != 9 || whole.Prompt == 0 {
			t.Errorf("%s: %q, want %q: %+v", path, text, want, whole)
		}
		w := do(s, "POST", path, body+`}`)
		text, last := "", ollamaSaid{}
		for line := range strings.Lines(w.Body.String()) {
			var part ollamaSaid
			if err := json.Unmarshal([]byte(line), &part); err != nil || last.Done {
				t.Fatalf("%v: %s", err, line)
			}
			text, last = text+part.said(), part
		}
		if text != want || !last.Done || last.Said != 9 || w.Header().Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("%s, lines: %q, want %q: %s", path, text, want, w.Body)
		}
	}
	var plain completionsAnswer
	request(t, s, "POST", "/v1/completions", `{"prompt":"a","max_tokens":9,"temperature":0}`, 200, &plain)
	var out ollamaSaid
	request(t, s, "POST", "/api/generate", `{"model":"talking","prompt":"a","raw":true,"stream":false,`+options+`}`, 200, &out)
	if out.said() != plain.Choices[0].Text {
		t.Errorf("raw: %q, want %q", out.said(), plain.Choices[0].Text)
	}
	request(t, s, "POST", "/api/chat", `{"model":"talking","stream":false,"messages":[{"role":"user","content":"Hi"}],"format":{"type":"array","items":{"type":"boolean"},"maxItems":1},"options":{"num_predict":60}}`, 200, &out)
	if !json.Valid([]byte(out.Message.Content)) || out.Reason != "stop" {
		t.Errorf("not of the format: %+v", out.Message)
	}
	request(t, s, "POST", "/api/chat", `{"model":"script","stream":false,"messages":[{"role":"user","content":"?","images":["`+base64.StdEncoding.EncodeToString(red)+`"]},
		{"role":"assistant","content":"","tool_calls":[{"function":{"name":"weather","arguments":{"city":"Bergen"}}}]},{"role":"tool","tool_name":"weather","content":"rain"}],"tools":[{"type":"function","function":{"name":"weather","parameters":{}}}]}`, 200, &out)
	m := says.heard[0]
	if len(out.Message.Calls) != 1 || out.Message.Calls[0].Function.Name != "weather" || string(out.Message.Calls[0].Function.Arguments) != `{"city":"Oslo"}` || out.Message.Content != "See." || out.Reason != "stop" {
		t.Errorf("%+v", out.Message)
	}
	if len(m.Pictures) != 1 || string(m.Messages[1].ToolCalls[0].Arguments) != `{"city":"Bergen"}` || m.Messages[2].Name != "weather" {
		t.Errorf("%+v", m)
	}
	out = ollamaSaid{}
	if request(t, s, "POST", "/api/generate", `{"model":"talking"}`, 200, &out); !out.Done || out.Reason != "load" {
		t.Errorf("%+v", out)
	}
	for body, want := range map[string]string{
		`{"model":"gpt-5","messages":[{"role":"user","content":"a"}]}`:                   `no model \"gpt-5\"`,
		`{"messages":[{"role":"user","content":"a"}],"think":true}`:                      `think is not supported`,
		`{"messages":[{"role":"user","content":"a"}],"format":"xml"}`:                    `format has to be`,
		`{"messages":[{"role":"user","content":"` + strings.Repeat("word ", 60) + `"}]}`: `the prompt has`,
		`{"messages":[{"role":"user","content":"a"}],"options":{"temperature":-1}}`:      `temperature is -1`,
		`{"messages":[{"role":"user","content":"a"}],"options":{"temperature":"x"}}`:     `has to be a number`,
		`{"messages":[{"role":"user","content":"a","images":["AAAA"]}]}`:                 `cannot look at pictures`,
	} {
		if w := do(s, "POST", "/api/chat", body); w.Code < 400 || !strings.Contains(w.Body.String(), want) || !strings.HasPrefix(w.Body.String(), `{"error":"`) {
			t.Errorf("%.80s: %d %s, want %s", body, w.Code, w.Body, want)
		}
	}
	if w := do(s, "POST", "/api/generate", `{"prompt":"a","context":[1]}`); w.Code != 400 || !strings.Contains(w.Body.String(), "context is not supported") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := do(s, "GET", "/api/tags", ""); !strings.Contains(w.Body.String(), "org/talking") || !strings.Contains(w.Body.String(), "org/script") {
		t.Errorf("%s", w.Body)
	}
}

// said is the text of a part.
func (o ollamaSaid) said() string {
	if o.Message != nil {
		return o.Message.Content
	}
	return *o.Response
}
