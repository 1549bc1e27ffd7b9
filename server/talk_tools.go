package server

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// tool is a function that a model may call.
type tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"` // a JSON Schema
}

// toolset is what a model may call in an answer.
type toolset struct {
	list   []tool
	must   bool // call one, and say nothing else
	single bool // call one at most
}

// toolCall is a call that a model wrote.
type toolCall struct {
	ID        string
	Name      string
	Arguments string // JSON
}

const (
	mostTools = 128
	mostName  = 64
)

// newToolset checks tools and what the client wants of them: choice is none, auto,
// required or the name of a function, which named says.
func newToolset(list []tool, choice string, named, single bool) (*toolset, error) {
	if len(list) > mostTools {
		return nil, badRequest("tools", "%d tools; at most %d in a request", len(list), mostTools)
	}
	for i, t := range list {
		if t.Name == "" || len(t.Name) > mostName {
			return nil, badRequest(at("tools", i), "a function needs a name of 1 to %d characters", mostName)
		}
		if slices.ContainsFunc(list[:i], func(o tool) bool { return o.Name == t.Name }) {
			return nil, badRequest(at("tools", i), "two functions are called %q", t.Name)
		}
		if given(t.Parameters) && !isObject(t.Parameters) {
			return nil, badRequest(at("tools", i), "the parameters of %s have to be a JSON Schema", t.Name)
		}
	}
	out := &toolset{list: list, single: single}
	switch {
	case named:
		i := slices.IndexFunc(list, func(t tool) bool { return t.Name == choice })
		if i < 0 {
			return nil, badRequest("tool_choice", "there is no tool %q", clip(choice))
		}
		out.list, out.must = list[i:i+1], true
	case choice == "required" && len(list) > 0:
		out.must = true
	case choice == "none", (choice == "" || choice == "auto") && len(list) == 0:
		return nil, nil
	case choice != "" && choice != "auto":
		return nil, badRequest("tool_choice", "tool_choice has to be none, auto, required or a function of tools")
	}
	return out, nil
}

// templated are the tools as templates of conversations know them.
func (t *toolset) templated() []json.RawMessage {
	if t == nil {
		return nil
	}
	out := make([]json.RawMessage, len(t.list))
	for i, f := range t.list {
		out[i], _ = json.Marshal(chatTool{"function", f}) // parameters are JSON that was read
	}
	return out
}

// schema is that of a call, where one has to be made; nil: the text is free.
func (t *toolset) schema() []byte {
	if t == nil || !t.must {
		return nil
	}
	var b bytes.Buffer
	b.WriteString(`{"anyOf":[`)
	for i, f := range t.list {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(f.Name)
		parameters := json.RawMessage(`{"type":"object"}`)
		if given(f.Parameters) {
			parameters = moveRefs(f.Parameters, fmt.Sprintf("#/anyOf/%d/properties/arguments", i))
		}
		fmt.Fprintf(&b, `{"type":"object","properties":{"name":{"const":%s},"arguments":%s},"required":["name","arguments"],"additionalProperties":false}`, name, parameters)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// moveRefs makes a schema's references right that has come to a place in another.
func moveRefs(schema json.RawMessage, to string) json.RawMessage {
	head := []byte(`"$ref":"#`)
	var small bytes.Buffer
	if json.Compact(&small, schema) != nil {
		return schema
	}
	return bytes.ReplaceAll(small.Bytes(), head, append(head[:len(head)-1:len(head)-1], to...))
}

// isObject says whether JSON is an object.
func isObject(raw json.RawMessage) bool { return bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) }

// Models write calls in these forms: Qwen's and Hermes' tags, with an object or a list
// of them inside; and Llama's bare object, or several, perhaps after a tag of its own.
const (
	callOpen  = "<tool_call>"
	callClose = "</tool_call>"
	pythonTag = "<|python_tag|>"
)

// callReader finds calls in what a model writes, as it comes. A nil one finds none.
type callReader struct {
	tools *toolset
	held  string // what may be part of a call
	told  bool   // something that is none was let through
	calls int
}

// reader begins to read an answer.
func (t *toolset) reader() *callReader {
	if t == nil {
		return nil
	}
	return &callReader{tools: t}
}

func (c *callReader) found() bool { return c != nil && c.calls > 0 }

// enough says that there is a call and may be no other.
func (c *callReader) enough() bool { return c.found() && (c.tools.single || c.tools.must) }

// push takes text and returns what is certain to be no call, and the calls that are
// complete; last says that no more text comes.
func (c *callReader) push(fresh string, last bool) (text string, calls []toolCall) {
	if c == nil {
		return fresh, nil
	}
	c.held += fresh
	if !c.told && c.calls == 0 && c.bare(last, &calls) {
		return "", calls
	}
	var out strings.Builder
	for c.held != "" && !c.enough() {
		if !strings.HasPrefix(c.held, callOpen) {
			out.WriteString(c.release(last))
		}
		if !strings.HasPrefix(c.held, callOpen) {
			break
		}
		inside, rest, closed := strings.Cut(c.held[len(callOpen):], callClose)
		if !closed && !last {
			break
		}
		some := c.tools.parse(inside)
		if len(some) == 0 { // no call after all
			out.WriteString(c.held[:len(c.held)-len(rest)])
			c.held = rest
			continue
		}
		c.held = strings.TrimLeft(rest, " \n")
		calls = c.take(calls, some)
	}
	if c.told = c.told || out.Len() > 0; c.enough() {
		c.held = ""
	}
	return out.String(), calls
}

// take adds calls, no more than there may be.
func (c *callReader) take(calls, some []toolCall) []toolCall {
	if c.tools.single || c.tools.must {
		some = some[:1]
	}
	c.calls += len(some)
	return append(calls, some...)
}

// bare deals with an answer that may be nothing but a call, without tags; true says
// that it is, or may yet become one.
func (c *callReader) bare(last bool, calls *[]toolCall) bool {
	text := strings.TrimSpace(c.held)
	may := text == "" || text[0] == '{' || text[0] == '[' || strings.HasPrefix(pythonTag, text) || strings.HasPrefix(text, pythonTag)
	if !may {
		return false
	}
	text = strings.TrimSpace(strings.TrimPrefix(text, pythonTag))
	if !last && !(c.tools.must && json.Valid([]byte(text))) {
		return true
	}
	some := c.tools.parse(text)
	if len(some) == 0 {
		return false
	}
	*calls, c.held = c.take(*calls, some), ""
	return true
}

// release lets the text go that is certain to be before a call: not its end if that may
// begin one, nor the space before that.
func (c *callReader) release(last bool) string {
	text, call, found := strings.Cut(c.held, callOpen)
	if found {
		c.held = callOpen + call
		return strings.TrimRight(text, " \n")
	}
	n := len(text)
	for k := min(n, len(callOpen)-1); k > 0 && !last; k-- {
		if strings.HasSuffix(text, callOpen[:k]) {
			n -= k
			break
		}
	}
	if !last {
		n = len(strings.TrimRight(text[:n], " \n"))
	}
	c.held = text[n:]
	return text[:n]
}

// parse reads the calls of a text that has nothing else; none: it is no call.
func (t *toolset) parse(text string) []toolCall {
	var out []toolCall
	for text = strings.TrimSpace(text); text != ""; {
		var raw json.RawMessage
		d := json.NewDecoder(strings.NewReader(text))
		if d.Decode(&raw) != nil {
			return nil
		}
		text = strings.TrimLeft(text[d.InputOffset():], "; \n") // Llama separates them so
		list := []json.RawMessage{raw}
		if !isObject(raw) && json.Unmarshal(raw, &list) != nil {
			return nil
		}
		for _, one := range list {
			call, ok := t.call(one)
			if !ok {
				return nil
			}
			out = append(out, call)
		}
	}
	return out
}

// call reads one call, {"name":…,"arguments":{…}}, or with parameters as Llama has it.
func (t *toolset) call(raw json.RawMessage) (toolCall, bool) {
	var f struct {
		Name       string          `json:"name"`
		Arguments  json.RawMessage `json:"arguments"`
		Parameters json.RawMessage `json:"parameters"`
		Function   json.RawMessage `json:"function"`
	}
	if json.Unmarshal(raw, &f) != nil {
		return toolCall{}, false
	}
	if isObject(f.Function) {
		return t.call(f.Function)
	}
	if !slices.ContainsFunc(t.list, func(o tool) bool { return o.Name == f.Name }) {
		return toolCall{}, false
	}
	arguments := f.Arguments
	if arguments == nil {
		arguments = f.Parameters
	}
	var text string
	if json.Unmarshal(arguments, &text) == nil && isObject(json.RawMessage(text)) {
		arguments = json.RawMessage(text)
	}
	if !given(arguments) {
		arguments = json.RawMessage("{}")
	}
	return toolCall{"call_" + rand.Text(), f.Name, string(arguments)}, isObject(arguments)
}
