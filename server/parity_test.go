package server

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// certified is a model with a certificate.
type certified struct {
	*fake
	err error
}

func (c certified) Parity(context.Context) (any, error) {
	return map[string]any{"model": c.name, "ok": true}, c.err
}

// TestParity asks for certificates: of a model, of one that has none, of one that is
// not there, and of one that fails.
func TestParity(t *testing.T) {
	s := newTest(t, Options{Embedders: []Embedder{certified{&fake{name: "org/sure"}, nil}, &fake{name: "org/plain"}, certified{&fake{name: "org/broken"}, errors.New("a secret")}}})
	for path, want := range map[string]struct {
		code int
		says string
	}{
		"sure": {200, `"ok":true`}, "org/sure": {200, `"model":"org/sure"`}, "org%2Fsure": {200, `"ok":true`}, "plain": {404, "org/plain has no certificate"},
		"none": {404, "is not loaded"}, "broken": {500, "something failed inside"},
	} {
		w := do(s, "GET", "/v1/models/"+path+"/parity", "")
		if w.Code != want.code || !strings.Contains(w.Body.String(), want.says) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// stamped are requests to all routes whose answers are of a model.
var stamped = map[string]string{
	"POST /v1/embeddings": `{"input":"a"}`, "POST /embeddings": `{"input":"a"}`, "POST /embeddings_image": `{"input":["RED"]}`,
	"POST /v1/rerank": `{"query":"a","documents":["b"]}`, "POST /rerank": `{"query":"a","documents":["b"]}`,
	"POST /v1/classify": `{"input":["a"],"labels":["b","c"]}`, "POST /classify": `{"input":["a"],"labels":["b","c"]}`,
	"POST /v2/embed": `{"model":"fake-clip","input_type":"search_query","texts":["a"]}`, "POST /embed": `{"inputs":"a"}`,
	"POST /similarity": `{"inputs":{"source_sentence":"a","sentences":["b"]}}`, "POST /api/embed": `{"model":"fake-clip","input":"a"}`,
	"POST /vectorize": `{"texts":["a"]}`, "POST /predict": "", "POST /embeddings_audio": "", "GET /v1/models/fake-clip": "", "GET /v1/models/org/fake-clip": "",
	"GET /v1/models/fake-clip/parity": "", "GET /v1/models/org/fake-clip/parity": "",
	"POST /v1/libraries/mine/search": `{"query":"a"}`, "POST /v1/libraries/mine/similar": `{"positive":["a"]}`,
	"POST /v1/libraries/mine/documents": `{"documents":[{"id":"b","image":"RED"}]}`, "GET /v1/libraries/mine/heat?id=a&text=b": "",
}

// TestFingerprints: each answer that is of a model names it by its fingerprint, where
// the description says so and nowhere else.
func TestFingerprints(t *testing.T) {
	e := certified{&fake{name: "org/fake-clip"}, nil}
	one := Document{ID: "a", Vectors: map[string][][]float32{spaceImage: {append([]float32{1}, make([]float32, fakeDim-1)...)}}}
	s := newTest(t, Options{Embedders: []Embedder{e}, Libraries: shelves{"mine": &shelf{name: "mine", docs: map[string]Document{"a": one}}}})
	var said []string
	for _, rt := range s.routes() {
		if rt.stamps {
			said = append(said, rt.method+" "+strings.NewReplacer(":library", "mine", ":model", "fake-clip", ":org", "org").Replace(rt.path))
		}
	}
	for call, body := range stamped {
		method, path, _ := strings.Cut(call, " ")
		name, _, _ := strings.Cut(call, "?")
		if !slices.Contains(said, name) {
			t.Errorf("%s: the description does not say that it is stamped", call)
		}
		if body == "" && method == "POST" {
			continue // no model that hears, no form: other tests have them
		}
		w := do(s, method, path, strings.ReplaceAll(body, "RED", dataURL(red)))
		if got := w.Header().Get(headerFingerprint); w.Code != 200 || got != "f0f0" {
			t.Errorf("%s: %d, fingerprint %q: %.200s", call, w.Code, got, w.Body)
		}
	}
	if len(said) != len(stamped) {
		t.Errorf("%d routes are said to be stamped, %d are tried: %q", len(said), len(stamped), said)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct{ Headers map[string]any }
		}
	}
	request(t, s, "GET", "/openapi.json", "", 200, &doc)
	if doc.Paths["/v1/embeddings"]["post"].Responses["200"].Headers[headerFingerprint] == nil || doc.Paths["/v1/libraries"]["get"].Responses["200"].Headers != nil {
		t.Error("the description's headers are not those of the routes")
	}
	var found searchAnswer
	request(t, s, "POST", "/v1/libraries/mine/search", `{"query":"a"}`, 200, &found)
	if found.Fingerprint != "f0f0" {
		t.Errorf("%+v", found)
	}
}
