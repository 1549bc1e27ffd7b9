package chat

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	chatML  = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] + eos_token }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
	inParts = "{{ bos_token }}{% for m in messages %}{{ m.role | capitalize }}:{% for p in m.content %}{% if p.type == 'image' %}<image>{% else %} {{ p.text }}{% endif %}{% endfor %}\n{% endfor %}"
	strict  = "{% if messages[0].role != 'user' %}{{ raise_exception('users first') }}{% endif %}{{ messages[0].content | trim }}"
	tooled  = "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}{{ thinking }}"
)

func folder(t *testing.T, files map[string]string) *Template {
	t.Helper()
	f := fstest.MapFS{}
	for name, text := range files {
		f[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tpl, err := Load("", f)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func config(t *testing.T, template any) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"bos_token": map[string]any{"content": "<s>", "lstrip": false}, "eos_token": "</s>", "add_bos_token": true, "pad_token": nil, "chat_template": template})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestRender fills the kinds of templates that there are, wherever a folder has them.
func TestRender(t *testing.T) {
	named := []map[string]string{{"name": "default", "template": chatML}, {"name": "tool_use", "template": tooled}}
	tool := []json.RawMessage{json.RawMessage(`{"z":1,"a":[true,null]}`)}
	seen := Message{Role: "user", Parts: []Part{{Type: ImagePart}, {Type: TextPart, Text: "What?"}}}
	for _, c := range []struct {
		name     string
		files    map[string]string
		messages []Message
		o        Options
		want     string
	}{
		{"config", map[string]string{"tokenizer_config.json": config(t, chatML)}, []Message{Text("user", "Hi")}, Options{}, "<|user|>Hi</s><|assistant|>"},
		{"unanswered", map[string]string{"tokenizer_config.json": config(t, chatML)}, []Message{Text("user", "Hi")}, Options{Unanswered: true}, "<|user|>Hi</s>"},
		{"named", map[string]string{"tokenizer_config.json": config(t, named)}, []Message{Text("user", "Hi")}, Options{}, "<|user|>Hi</s><|assistant|>"},
		{"named, with tools", map[string]string{"tokenizer_config.json": config(t, named)}, []Message{Text("user", "Hi")}, Options{Tools: tool}, `{"z": 1, "a": [true, null]}Hi`},
		{"jinja first", map[string]string{"tokenizer_config.json": config(t, chatML), "chat_template.jinja": inParts, "chat_template.json": `{"chat_template":"no"}`}, []Message{seen}, Options{}, "<s>User:<image> What?"},
		{"json before config", map[string]string{"tokenizer_config.json": config(t, chatML), "chat_template.json": `{"chat_template":"yes"}`}, []Message{seen}[:0], Options{}, "yes"},
		{"parts", map[string]string{"tokenizer_config.json": config(t, inParts)}, []Message{Text("user", "a"), seen}, Options{}, "<s>User: aUser:<image> What?"},
		{"texts of parts", map[string]string{"tokenizer_config.json": config(t, strict)}, []Message{{Role: "user", Parts: []Part{{TextPart, " a"}, {TextPart, "b "}}}}, Options{}, "ab"},
		{"calls", map[string]string{"chat_template.jinja": tooled}, []Message{{Role: "assistant", ToolCalls: []ToolCall{{Name: "f", Arguments: json.RawMessage(`{"y":1,"x":"é"}`)}}}}, Options{Variables: map[string]json.RawMessage{"thinking": json.RawMessage("false")}}, `f{"y": 1, "x": "é"}False`},
	} {
		got, err := folder(t, c.files).Render(c.messages, c.o)
		if err != nil || strings.TrimSuffix(got, "\n") != c.want {
			t.Errorf("%s: %q %v; want %q", c.name, got, err, c.want)
		}
	}
	if !folder(t, map[string]string{"chat_template.jinja": tooled}).Tools() || folder(t, map[string]string{"chat_template.jinja": chatML}).Tools() {
		t.Error("tools have a place in one of the two templates")
	}
}

// TestRefusals says in a sentence what is wrong.
func TestRefusals(t *testing.T) {
	if _, err := Load("", fstest.MapFS{}); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
	for source, says := range map[string]string{
		`{"chat_template":"{% for %}"}`: "line 1",
		`{"chat_template":7}`:           "neither",
		`{`:                             "tokenizer_config.json",
	} {
		if _, err := Load("", fstest.MapFS{"tokenizer_config.json": {Data: []byte(source)}}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want %q", source, err, says)
		}
	}
	tpl := folder(t, map[string]string{"chat_template.jinja": strict})
	var refused *RefusedError
	if _, err := tpl.Render([]Message{Text("system", "x")}, Options{}); !errors.As(err, &refused) || refused.Message != "users first" {
		t.Errorf("%v", err)
	}
	if _, err := tpl.Render([]Message{Text("user", "x"), {Role: "user", Parts: []Part{{Type: ImagePart}}}}, Options{}); err == nil || !strings.Contains(err.Error(), "message 1 has a picture") {
		t.Errorf("%v", err)
	}
	if _, err := tpl.Render([]Message{Text("user", "x")}, Options{Tools: []json.RawMessage{[]byte("{")}}); err == nil || !strings.Contains(err.Error(), "tool 0") {
		t.Errorf("%v", err)
	}
}
