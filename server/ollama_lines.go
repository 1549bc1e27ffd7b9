package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/emblem-search/emblem/text/decoder"
)

// ollamaTalk answers in Ollama's shape: a line of JSON for each part, or one object.
type ollamaTalk struct {
	w     http.ResponseWriter
	line  *http.ResponseController
	model string
	chat  bool // parts are messages
	whole bool // one object, at the end

	start, first time.Time
	begun        bool
	text         string
	calls        []ollamaCall
	finish       string
}

func newOllamaTalk(w http.ResponseWriter, b ollamaAsk, model string, chat bool) *ollamaTalk {
	return &ollamaTalk{w: w, line: http.NewResponseController(w), model: model, chat: chat, whole: b.Stream != nil && !*b.Stream, start: time.Now()}
}

// part is a piece of the answer.
func (x *ollamaTalk) part(text string, calls []ollamaCall) ollamaSaid {
	out := ollamaSaid{Model: x.model, Created: time.Now().UTC()}
	if x.chat {
		out.Message = &ollamaMessage{Role: "assistant", Content: text, Calls: calls}
	} else {
		out.Response = &text
	}
	return out
}

// loaded answers a request that asks nothing, which is Ollama's way to load a model:
// it is there.
func (x *ollamaTalk) loaded() error {
	out := x.part("", nil)
	out.Done, out.Reason = true, "load"
	writeJSON(x.w, http.StatusOK, out)
	return nil
}

// converse answers a conversation.
func (x *ollamaTalk) converse(r *http.Request, t *talk, c *conversing) error {
	if err := t.about(r.Context(), c, 0); err != nil {
		return err
	}
	defer c.release()
	u, err := t.run(r.Context(), func(_ int, p said) error { return x.push(p) })
	return x.end(u, err)
}

// push takes what is new.
func (x *ollamaTalk) push(p said) error {
	if x.first.IsZero() {
		x.first = time.Now()
	}
	var calls []ollamaCall
	for _, c := range p.Calls {
		var call ollamaCall
		call.Function.Name, call.Function.Arguments = c.Name, json.RawMessage(c.Arguments)
		calls = append(calls, call)
	}
	if x.finish = p.Finish; x.finish == finishCalls {
		x.finish = decoder.Stop
	}
	x.text, x.calls = x.text+p.Text, append(x.calls, calls...)
	if x.whole || p.Text == "" && len(calls) == 0 {
		return nil
	}
	return x.send(x.part(p.Text, calls))
}

// send writes one line and sees to it that it is on its way.
func (x *ollamaTalk) send(v ollamaSaid) error {
	if !x.begun {
		x.begun = true
		x.w.Header().Set("Content-Type", "application/x-ndjson")
	}
	enc := json.NewEncoder(x.w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	x.line.Flush() // where it cannot be, the line comes with the rest
	return nil
}

// end answers the whole, or sends the last line. An error in the middle is a line.
func (x *ollamaTalk) end(u ChatUsage, err error) error {
	if err != nil && !x.begun {
		return err
	}
	if err != nil {
		own, _ := known(err)
		json.NewEncoder(x.w).Encode(map[string]string{"error": own.Message}) // a client that went away is no error of ours
		return nil
	}
	out := x.part("", nil)
	if x.whole {
		out = x.part(x.text, x.calls)
	}
	out.Done, out.Reason = true, x.finish
	out.ollamaCounts = ollamaCounts{Total: time.Since(x.start).Nanoseconds(), Prompt: u.Prompt, PromptTime: x.first.Sub(x.start).Nanoseconds(), Said: u.Generated, SaidTime: time.Since(x.first).Nanoseconds()}
	if x.whole {
		writeJSON(x.w, http.StatusOK, out)
		return nil
	}
	x.send(out) // a client that went away is no error of ours
	return nil
}
