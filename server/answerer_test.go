package server

import (
	"context"
	"encoding/json"
	"errors"
	"image/color"
	"net/http"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/fusion/ask"
	"github.com/emblem-search/emblem/text/decoder"
	"github.com/emblem-search/emblem/vit"
)

// sayer is an Answerer that says the colour of a picture's first pixel.
type sayer struct{ fails error }

func (*sayer) Name() string { return "org/sayer" }
func (*sayer) Bytes() int   { return 7 }

func (a *sayer) Ask(ctx, refine context.Context, q PictureQuestion, each func(string) error) (PictureAnswer, error) {
	if a.fails != nil {
		return PictureAnswer{}, a.fails
	}
	if q.MaxTokens == 1 { // waits for what never ends
		<-refine.Done()
	}
	said := []string{" it", " is", " grey"}
	if r, _, _, _ := q.Image.At(0, 0).RGBA(); r > 0x8000 {
		said[2] = " red"
	}
	for _, s := range said {
		if err := each(s); err != nil {
			return PictureAnswer{}, err
		}
	}
	text := strings.TrimSpace(strings.Join(said, ""))
	out := PictureAnswer{Text: text, IDs: []int32{1, 2, 3}, Alternatives: []ask.Alternative{{Answer: text, Probability: 0.25}}, Finish: decoder.Stop, Tiles: 5}
	for i, c := range q.Candidates {
		out.Text, out.IDs = q.Candidates[0], nil
		if i == 0 {
			out.Alternatives = nil
		}
		out.Alternatives = append(out.Alternatives, ask.Alternative{Answer: c, Probability: 1 / float64(len(q.Candidates))})
	}
	return out, ctx.Err()
}

func (*sayer) Evidence(_ context.Context, q PictureQuestion, answer string) (ask.Map, error) {
	return ask.NewMap(2, 1, []float32{0, 3}, vit.Window{Right: 1, Bottom: 1}), nil
}

// TestAnswerer: a model that answers of its own weights takes any question about a
// picture, by its name or where there is no dual encoder, whole and as a stream.
func TestAnswerer(t *testing.T) {
	s, _ := colourful(t, Options{Answerers: []Answerer{&sayer{}}})
	picture := dataURL(pngOf(color.RGBA{255, 0, 0, 255}))
	q := map[string]any{"model": "sayer", "question": "What would your grandmother say to this?", "image": picture, "evidence": true, "counterfactual": true, "deadline_ms": 60000}
	code, body := post(t, s, "/v1/ask", q)
	var a askAnswer
	parse(t, body, &a)
	if code != 200 || a.Answer != "it is red" || a.Kind != generated || len(a.IDs) != 3 || a.Probability != 0.25 || a.Usage.Tiles != 5 || a.Finish != decoder.Stop || a.Model != "org/sayer" {
		t.Errorf("%d %s", code, body)
	}
	if a.Evidence == nil || a.Evidence.Width != 2 || len(a.Evidence.Boxes) != 1 || a.Counterfactual == nil {
		t.Errorf("%s", body)
	}
	q["candidates"] = []string{"well", "well done"}
	if code, body = post(t, s, "/v1/ask", q); code != 200 {
		t.Errorf("%d %s", code, body)
	}
	if parse(t, body, &a); a.Kind != ask.Given || a.Answer != "well" || len(a.Answers) != 2 {
		t.Errorf("%s", body)
	}
	code, body = post(t, s, "/v1/ask", map[string]any{"model": "sayer", "question": "And why?", "image": picture, "stream": true})
	events := strings.Split(strings.TrimSpace(body), "\n\n")
	if code != 200 || len(events) != 5 || events[4] != "data: [DONE]" {
		t.Fatalf("%d %s", code, body)
	}
	for i, want := range []string{"it", "it is", "it is red", "it is red"} {
		if parse(t, strings.TrimPrefix(events[i], "data: "), &a); a.Answer != want || a.Partial != (i < 3) {
			t.Errorf("event %d: %s", i, events[i])
		}
	}
	if code, body = post(t, s, "/v1/ask", map[string]any{"question": "What would your grandmother say to this?", "image": picture}); code != 422 {
		t.Errorf("the dual encoder answers what it cannot: %d %s", code, body)
	}
	alone := newTest(t, Options{Embedders: []Embedder{}, Answerers: []Answerer{&sayer{}}})
	if code, body = post(t, alone, "/v1/ask", map[string]any{"question": "And why?", "image": picture}); code != 200 || !strings.Contains(body, "it is red") {
		t.Errorf("%d %s", code, body)
	}
}

// TestAnswererBadly: what an Answerer cannot do is a refusal with its reason.
func TestAnswererBadly(t *testing.T) {
	a := &sayer{}
	s, _ := colourful(t, Options{Answerers: []Answerer{a}})
	picture := dataURL(pngOf(color.RGBA{255, 0, 0, 255}))
	ask := func(code int, want string, change map[string]any) {
		t.Helper()
		q := map[string]any{"model": "sayer", "question": "And why?", "image": picture}
		for k, v := range change {
			q[k] = v
		}
		if got, body := post(t, s, "/v1/ask", q); got != code || !strings.Contains(body, want) {
			t.Errorf("%v: %d %s, want %d %s", change, got, body, code, want)
		}
	}
	ask(400, "answers about pictures", map[string]any{"image": nil})
	ask(400, "max_tokens", map[string]any{"max_tokens": -1})
	ask(400, "question", map[string]any{"question": ""})
	ask(400, "image", map[string]any{"image": "data:image/png;base64,AAAA"})
	ask(200, "it is red", map[string]any{"max_tokens": 1, "deadline_ms": 5}) // the deadline ends the refining only
	a.fails = &decoder.TooLongError{Tokens: 900, Limit: 320}
	ask(400, "the prompt has 900 tokens and the model reads 320", nil)
	a.fails = &decoder.RequestError{Param: "prompt", Message: "no"}
	ask(400, `"param":"question"`, nil)
	a.fails = &Error{Status: http.StatusNotImplemented, Code: "not_supported", Message: "cannot"}
	ask(501, "cannot", nil)
	a.fails = errors.New("secret")
	ask(500, "error", nil)
}

// TestAnswererListed: such a model is among the models.
func TestAnswererListed(t *testing.T) {
	s := newTest(t, Options{Answerers: []Answerer{&sayer{}}})
	var list modelList
	if r := do(s, http.MethodGet, "/v1/models", ""); r.Code != 200 || json.Unmarshal(r.Body.Bytes(), &list) != nil || len(list.Data) != 2 || list.Data[1].Kind != "answering" || list.Data[1].Bytes != 7 {
		t.Errorf("%+v", list)
	}
	if r := do(s, http.MethodGet, "/v1/models/org/sayer", ""); r.Code != 200 || !strings.Contains(r.Body.String(), "answering") {
		t.Errorf("%d %s", r.Code, r.Body)
	}
}
