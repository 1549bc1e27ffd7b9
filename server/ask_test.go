package server

import (
	"bytes"
	"context"
	"encoding/json"
	"image/color"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/fusion/ask"
)

func post(t *testing.T, s *Server, path string, body map[string]any) (int, string) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := do(s, http.MethodPost, path, string(raw))
	return r.Code, r.Body.String()
}

// parse reads an answer anew.
func parse(t *testing.T, body string, a *askAnswer) {
	t.Helper()
	*a = askAnswer{}
	if err := json.Unmarshal([]byte(body), a); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
}

// Ask implements AskedLibrary: every document is a yes.
func (s *shelf) Ask(_ context.Context, question string, o ask.CollectionOptions) (ask.CollectionAnswer, error) {
	q, err := ask.Read(question, o.Candidates)
	a := ask.CollectionAnswer{Answer: "about 2 (between 1 and 3)", Probability: 0.95, Kind: q.Kind, Count: &ask.Counted{Estimate: 2, Low: 1, High: 3, Inspected: len(s.docs), Of: len(s.docs)}, Inspected: len(s.docs)}
	for id := range s.docs {
		a.Annotations = append(a.Annotations, ask.Annotation{ID: id, Answer: "yes", Probability: 0.9})
	}
	return a, err
}

func (s *shelf) Correct(_ context.Context, c ask.Correction) (ask.Correction, error) {
	if c.Answer == "" {
		return c, badRequest("answer", "a correction has an answer")
	}
	c.ID = "c1"
	s.corrections = append(s.corrections, c)
	return c, nil
}

func (s *shelf) Corrections(context.Context) ([]ask.Correction, error) { return s.corrections, nil }

func (s *shelf) Revoke(_ context.Context, id string) error {
	if len(s.corrections) == 0 || s.corrections[0].ID != id {
		return refuse(http.StatusNotFound, "document_not_found", "id", "there is no correction %q", id)
	}
	s.corrections = nil
	return nil
}

func (s *shelf) Corrected(_ context.Context, question, document string, _ []float32, _ string) (*ask.Correction, error) {
	for i, c := range s.corrections {
		if ask.Key(c.Question) == ask.Key(question) && c.Document == document {
			return &s.corrections[i], nil
		}
	}
	return nil, nil
}

// TestAsk asks about a picture, as JSON, as a form and as a stream, with evidence.
func TestAsk(t *testing.T) {
	s, _ := colourful(t, Options{})
	picture := dataURL(pngOf(color.RGBA{255, 0, 0, 255}))
	code, body := post(t, s, "/v1/ask", map[string]any{"question": "Is it a cat or a dog?", "image": picture, "evidence": true, "counterfactual": true})
	var a askAnswer
	parse(t, body, &a)
	if code != 200 || a.Kind != ask.Choice || len(a.Answers) != 2 || a.Evidence == nil || len(a.Evidence.Values) != 16 || len(a.Evidence.Boxes) == 0 || a.Counterfactual == nil {
		t.Fatalf("%d %s", code, body)
	}
	if sum := a.Answers[0].Probability + a.Answers[1].Probability; sum < 0.99 || sum > 1.01 {
		t.Errorf("the probabilities add up to %v", sum)
	}
	code, body = post(t, s, "/v1/ask", map[string]any{"question": "Is it a cat or a dog?", "image": picture, "stream": true})
	if code != 200 || strings.Count(body, "data: {") != 2 || strings.Count(body, `"partial":true`) != 1 || !strings.HasSuffix(body, "data: [DONE]\n\n") {
		t.Errorf("%d %s", code, body)
	}
	code, body = post(t, s, "/v1/ask", map[string]any{"question": "is there a dog?", "document": "/p/red.png", "library": "mine", "detail": "low"})
	if parse(t, body, &a); code != 200 || a.Kind != ask.Exist || a.Library != "mine" || a.Usage.Tiles != 0 {
		t.Errorf("%d %s", code, body)
	}
}

// TestAskForm sends the picture as a file, the rest as fields or as one JSON part.
func TestAskForm(t *testing.T) {
	s, _ := colourful(t, Options{})
	for _, fields := range []map[string]string{
		{"question": "Is it a cat or a dog?", "evidence": "true"},
		{"request": `{"question":"Is it a cat or a dog?","evidence":true}`},
	} {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		for k, v := range fields {
			if err := w.WriteField(k, v); err != nil {
				t.Fatal(err)
			}
		}
		part, err := w.CreateFormFile("image", "a.png")
		if err != nil {
			t.Fatal(err)
		}
		part.Write(pngOf(color.RGBA{255, 0, 0, 255}))
		w.Close()
		r := do(s, http.MethodPost, "/v1/ask", form.String(), header("Content-Type", w.FormDataContentType()))
		var a askAnswer
		if parse(t, r.Body.String(), &a); r.Code != 200 || len(a.Answers) != 2 || a.Evidence == nil {
			t.Errorf("%v: %d %s", fields, r.Code, r.Body)
		}
	}
}

// TestAskLibrary asks about all pictures, and corrects an answer.
func TestAskLibrary(t *testing.T) {
	s, _ := colourful(t, Options{})
	code, body := post(t, s, "/v1/ask", map[string]any{"question": "how many of my pictures show a dog?"})
	var a askAnswer
	if parse(t, body, &a); code != 200 || a.Count == nil || a.Count.High != 3 || len(a.Annotations) != 4 || a.Library != "mine" {
		t.Fatalf("%d %s", code, body)
	}
	code, body = post(t, s, "/v1/libraries/mine/corrections", map[string]any{"question": "is there a dog?", "answer": "yes", "document": "/p/red.png"})
	if code != 201 || !strings.Contains(body, `"id":"c1"`) {
		t.Fatalf("%d %s", code, body)
	}
	about := map[string]any{"question": "do you see a dog?", "document": "/p/red.png"}
	code, body = post(t, s, "/v1/ask", about)
	if parse(t, body, &a); code != 200 || a.Answer != "yes" || a.Correction != "c1" || a.Probability != 1 {
		t.Errorf("%d %s", code, body)
	}
	for range 2 {
		r := do(s, http.MethodDelete, "/v1/libraries/mine/corrections/c1", "").Code
		if len(s.Libraries.(shelves)["mine"].corrections) != 0 || r != http.StatusNoContent && r != http.StatusNotFound {
			t.Errorf("%d", r)
		}
	}
}

// TestAskRefuses says in a sentence what is wrong.
func TestAskRefuses(t *testing.T) {
	s, _ := colourful(t, Options{})
	picture := dataURL(pngOf(color.RGBA{255, 0, 0, 255}))
	for _, c := range []struct {
		body map[string]any
		code int
		says string
	}{
		{map[string]any{"image": picture}, 400, "question"},
		{map[string]any{"question": "what does the sign say?", "image": picture}, 422, "question_not_covered"},
		{map[string]any{"question": "is there a dog?", "image": "data:image/png;base64,AAAA"}, 400, "invalid_image"},
		{map[string]any{"question": "is there a dog?", "image": picture, "document": "x"}, 400, "not both"},
		{map[string]any{"question": "is there a dog?", "image": picture, "detail": "most"}, 400, "detail"},
		{map[string]any{"question": "is there a dog?", "image": picture, "max_tiles": -1}, 400, "max_tiles"},
		{map[string]any{"question": "is there a dog?", "image": picture, "deadline_ms": -1}, 400, "deadline_ms"},
		{map[string]any{"question": "is there a dog?", "evidence": true}, 400, "picture"},
		{map[string]any{"question": "is there a dog?", "library": "none"}, 404, "library_not_found"},
		{map[string]any{"question": "is there a dog?", "image": picture, "model": "none"}, 404, "model_not_found"},
		{map[string]any{"question": "is there a dog?", "document": "/p/none.png"}, 404, "none"},
	} {
		code, body := post(t, s, "/v1/ask", c.body)
		if code != c.code && !(c.says == "none" && code == 400) || !strings.Contains(body, `"error"`) || c.says != "none" && !strings.Contains(body, c.says) {
			t.Errorf("%v: %d %s", c.body, code, body)
		}
	}
}
