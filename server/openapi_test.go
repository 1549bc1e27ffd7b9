package server

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestOpenAPI holds the description against what is served: every documented
// operation is answered by a handler of its own, and every route but the page's
// files is documented.
func TestOpenAPI(t *testing.T) {
	s := newTest(t, Options{Libraries: shelves{}, Version: "1.2.3"})
	var doc struct {
		OpenAPI string
		Info    struct{ Version string }
		Paths   map[string]map[string]struct {
			Summary     string
			RequestBody *struct {
				Content map[string]struct {
					Schema struct{ Properties map[string]any }
				}
			}
		}
	}
	request(t, s, "GET", "/openapi.json", "", 200, &doc)
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "1.2.3" {
		t.Errorf("%+v", doc)
	}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			body := ""
			if method == "post" {
				body = "{}"
			}
			w := do(s, strings.ToUpper(method), strings.NewReplacer("{library}", "none", "{model}", "fake-clip", "{org}", "org", "{link}", "x").Replace(path), body)
			if w.Code == 405 || strings.Contains(w.Body.String(), "there is nothing here") || op.Summary == "" {
				t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
			}
		}
	}
	for _, rt := range s.routes() {
		_, there := doc.Paths[templated(rt.path)][strings.ToLower(rt.method)]
		page := slices.ContainsFunc(s.pageRoutes(), func(p route) bool { return p.path == rt.path })
		if there == page {
			t.Errorf("%s %s: documented %v", rt.method, rt.path, there)
		}
	}
	properties := doc.Paths["/v1/libraries/{library}/search"]["post"].RequestBody.Content["application/json"].Schema.Properties
	for _, k := range []string{"query", "terms", "filter", "limit", "min_probability", "cursor"} {
		if properties[k] == nil {
			t.Errorf("the search's %s is not described", k)
		}
	}
}

// TestKeysOfBodiesAreDescribed reads an answer by the description's words.
func TestAnswersAreDescribed(t *testing.T) {
	s := newTest(t, Options{Libraries: shelves{}})
	described := schemaProperties(t, s, "/v1/embeddings")
	var answer map[string]any
	request(t, s, "POST", "/v1/embeddings", `{"input":"a"}`, 200, &answer)
	for k := range answer {
		if described[k] == nil {
			t.Errorf("the answer's %s is not described", k)
		}
	}
}

func schemaProperties(t *testing.T, s *Server, path string) map[string]any {
	t.Helper()
	raw, err := json.Marshal(s.description)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct {
					Schema struct{ Properties map[string]any }
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Paths[path]["post"].Responses["200"].Content["application/json"].Schema.Properties
}
