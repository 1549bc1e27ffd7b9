package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/emblem-search/emblem/internal/jinja"
)

// Template makes prompts for one model. It is immutable.
type Template struct {
	plain, tools *jinja.Template // tools: for conversations with tools, where the folder has one of its own
	special      map[string]string
	inParts      bool // a message's content is a list of parts, not a text
	takesTools   bool
}

// ErrNone says that a folder has no chat template: its model continues texts, and was not
// taught to answer.
var ErrNone = errors.New("chat: the model's folder has no chat template (chat_template.jinja, chat_template.json, or chat_template in tokenizer_config.json)")

// RefusedError is what a template itself says about messages that it cannot take, such
// as that users and assistants must take turns.
type RefusedError struct{ Message string }

// Error implements error.
func (e *RefusedError) Error() string {
	return "chat: the model's template refuses these messages: " + e.Message
}

// largest is how many bytes a file may have: published ones have some kB, a
// tokenizer_config.json with its added tokens some hundred.
const largest = 16 << 20

// Load reads the template of a model's folder: the directory, or the files if they are
// not nil. It is ErrNone if there is none.
func Load(dir string, files fs.FS) (*Template, error) {
	if files == nil {
		files = os.DirFS(dir)
	}
	config := map[string]json.RawMessage{}
	if err := readJSON(files, "tokenizer_config.json", &config); err != nil {
		return nil, err
	}
	plain, tools, err := sources(files, config["chat_template"])
	if err != nil {
		return nil, err
	}
	t := &Template{special: specials(config)}
	if t.plain, err = jinja.Parse(plain); err != nil {
		return nil, fmt.Errorf("chat: the model's chat template: %w", err)
	}
	if tools != "" {
		if t.tools, err = jinja.Parse(tools); err != nil {
			return nil, fmt.Errorf("chat: the model's chat template for tools: %w", err)
		}
	}
	t.inParts = t.wantsParts()
	t.takesTools = t.wantsTools()
	return t, nil
}

// sources are the templates, in the order in which transformers looks for them. One of
// tokenizer_config.json may be a list of named ones.
func sources(files fs.FS, config json.RawMessage) (plain, tools string, err error) {
	raw, err := read(files, "chat_template.jinja")
	if err != nil || raw != nil {
		return string(raw), "", err
	}
	var processor struct {
		Template json.RawMessage `json:"chat_template"`
	}
	if err := readJSON(files, "chat_template.json", &processor); err != nil {
		return "", "", err
	}
	for _, raw := range []json.RawMessage{processor.Template, config} {
		var named []struct{ Name, Template string }
		switch {
		case raw == nil || string(raw) == "null":
		case json.Unmarshal(raw, &plain) == nil:
			return plain, "", nil
		case json.Unmarshal(raw, &named) != nil:
			return "", "", errors.New("chat: chat_template is neither a text nor a list of name and template")
		}
		for _, n := range named {
			switch n.Name {
			case "default":
				plain = n.Template
			case "tool_use":
				tools = n.Template
			}
		}
		if plain != "" {
			return plain, tools, nil
		}
	}
	return "", "", ErrNone
}

// read is a file's bytes; nil where there is no such file.
func read(files fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > largest {
		return nil, fmt.Errorf("chat: %s has %d bytes, want at most %d", name, info.Size(), largest)
	}
	if err != nil {
		return nil, fmt.Errorf("chat: %w", err)
	}
	return fs.ReadFile(files, name)
}

func readJSON(files fs.FS, name string, to any) error {
	raw, err := read(files, name)
	if raw == nil || err != nil {
		return err
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("chat: %s: %w", name, err)
	}
	return nil
}

// specials are the texts of special tokens, which templates know by name: bos_token,
// eos_token and what else the configuration names so.
func specials(config map[string]json.RawMessage) map[string]string {
	out := map[string]string{}
	for key, raw := range config {
		if !strings.HasSuffix(key, "_token") {
			continue
		}
		var text string
		var token struct{ Content *string }
		if json.Unmarshal(raw, &text) == nil && string(raw) != "null" {
			out[key] = text
		} else if json.Unmarshal(raw, &token) == nil && token.Content != nil {
			out[key] = *token.Content
		}
	}
	return out
}

// wantsParts finds out what a message's content is to this template: where a text does
// not come out and a list of parts does, a list.
func (t *Template) wantsParts() bool {
	const probe = "zqxprobe"
	shows := func(inParts bool) bool {
		s, err := t.render([]Message{Text("user", probe)}, Options{}, inParts)
		return err == nil && strings.Contains(s, probe)
	}
	return !shows(false) && shows(true)
}

// Options for Render. The zero value asks the model to answer.
type Options struct {
	Tools      []json.RawMessage          // OpenAI's shape: {"type":"function","function":{…}}
	Unanswered bool                       // leave out the words that begin the answer
	Variables  map[string]json.RawMessage // what the template knows besides, such as enable_thinking
}

// Render makes the prompt of a conversation. It begins as the template says, mostly with
// the token that texts begin with: a tokenizer must not add another one.
func (t *Template) Render(messages []Message, o Options) (string, error) {
	inParts := t.inParts
	if !inParts {
		for i, m := range messages {
			if m.Pictures() > 0 {
				return "", fmt.Errorf("chat: message %d has a picture, and the model's template knows texts only", i)
			}
		}
	}
	return t.render(messages, o, inParts)
}

func (t *Template) render(messages []Message, o Options, inParts bool) (string, error) {
	list := &jinja.List{}
	for _, m := range messages {
		v, err := m.value(inParts)
		if err != nil {
			return "", err
		}
		list.Items = append(list.Items, v)
	}
	v := map[string]any{"messages": list, "tools": nil, "documents": nil, "add_generation_prompt": !o.Unanswered}
	for name, text := range t.special {
		v[name] = text
	}
	for name, raw := range o.Variables {
		x, err := jinja.FromJSON(raw)
		if err != nil {
			return "", fmt.Errorf("chat: the variable %s: %w", name, err)
		}
		v[name] = x
	}
	template := t.plain
	if len(o.Tools) > 0 {
		tools := &jinja.List{}
		for i, raw := range o.Tools {
			x, err := jinja.FromJSON(raw)
			if err != nil {
				return "", fmt.Errorf("chat: tool %d: %w", i, err)
			}
			tools.Items = append(tools.Items, x)
		}
		v["tools"] = tools
		if t.tools != nil {
			template = t.tools
		}
	}
	s, err := template.Render(v)
	var raised *jinja.Raised
	if errors.As(err, &raised) {
		return "", &RefusedError{raised.Message}
	}
	if err != nil {
		return "", fmt.Errorf("chat: the model's chat template: %w", err)
	}
	return s, nil
}

// Tools tells whether the template has a place for tools.
func (t *Template) Tools() bool { return t.takesTools }

// wantsTools finds out whether a tool's name comes out of the template.
func (t *Template) wantsTools() bool {
	const probe = "zqxprobe"
	tool := json.RawMessage(`{"type":"function","function":{"name":"` + probe + `","description":"","parameters":{"type":"object","properties":{}}}}`)
	s, err := t.Render([]Message{Text("user", "?")}, Options{Tools: []json.RawMessage{tool}})
	return err == nil && strings.Contains(s, probe)
}
