package server

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// formOf is a form of parts; "image" is a file.
func formOf(parts ...[2]string) (body, kind string) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, p := range parts {
		if p[0] == "image" {
			w, _ := m.CreateFormFile("image", "a.png")
			w.Write([]byte(p[1]))
			continue
		}
		m.WriteField(p[0], p[1])
	}
	m.Close()
	return b.String(), m.FormDataContentType()
}

func TestDocumentsOfAForm(t *testing.T) {
	libs := shelves{}
	s := newTest(t, Options{Libraries: libs})
	body, kind := formOf([2]string{"document", `{"id":"1","metadata":{"tag":"a"}}`}, [2]string{"image", string(red)},
		[2]string{"document", `{"id":"2","text":"a note"}`}, [2]string{"document", `{"id":"3"}`}, [2]string{"image", "no picture"},
		[2]string{"document", `{"id":"4","text":"both"}`}, [2]string{"image", string(red)}, [2]string{"document", `{"id":"5"}`})
	w := do(s, "POST", "/v1/libraries/new/documents", body, header("Content-Type", kind))
	var answer outcomesAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 || len(answer.Results) != 5 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for i, want := range []string{"created", "created", "error", "error", "error"} {
		if got := answer.Results[i]; got.Status != want {
			t.Errorf("document %d: %s, want %s", i+1, got.Status, want)
		}
	}
	if d := libs["new"].docs["1"]; len(d.Vectors[spaceImage]) != 1 || d.Metadata["tag"] != "a" {
		t.Errorf("document 1 is stored as %+v", d)
	}
	for name, parts := range map[string][][2]string{
		"image first":  {{"image", "x"}, {"document", `{"id":"1"}`}},
		"two images":   {{"document", `{"id":"1"}`}, {"image", "x"}, {"image", "y"}},
		"other part":   {{"document", `{"id":"1"}`}, {"file", "x"}},
		"no documents": {},
		"no JSON":      {{"document", "x"}},
	} {
		body, kind := formOf(parts...)
		if w := do(s, "POST", "/v1/libraries/new/documents", body, header("Content-Type", kind)); w.Code != 400 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// TestDocumentsFailAlone: what one document holds too much of is its own fault,
// and so many pictures as documents are taken.
func TestDocumentsFailAlone(t *testing.T) {
	s := newTest(t, Options{Libraries: shelves{}})
	list := []map[string]any{{"id": "long", "text": strings.Repeat("x", maxText+1)}, {"id": "empty", "text": ""}}
	for i := range maxPictures + 1 {
		list = append(list, map[string]any{"id": at("p", i), "image": dataURL(red)})
	}
	body, _ := json.Marshal(map[string]any{"documents": list})
	w := do(s, "POST", "/v1/libraries/a/documents", string(body))
	var answer outcomesAnswer
	json.Unmarshal(w.Body.Bytes(), &answer)
	if w.Code != http.StatusOK || len(answer.Results) != len(list) {
		t.Fatalf("%d %.300s", w.Code, w.Body)
	}
	for i, r := range answer.Results {
		if (r.Status == "error") != (i < 2) {
			t.Errorf("document %s: %s", r.ID, r.Status)
		}
	}
}
