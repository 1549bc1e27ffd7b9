package server

import (
	"fmt"
	"image/color"
	"strings"
	"testing"
)

// shades is a server with a library of documents of colours, some twice.
func shades(t *testing.T) (*Server, shelves) {
	mine := shelves{"mine": {name: "mine", docs: map[string]Document{}}, "other": {name: "other", docs: map[string]Document{}}}
	s := newTest(t, Options{Libraries: mine})
	body := `{"documents":[`
	for i, c := range []color.RGBA{{255, 0, 0, 255}, {250, 40, 0, 255}, {0, 255, 0, 255}, {40, 250, 0, 255}, {0, 0, 255, 255}} {
		for k := range 2 {
			body += fmt.Sprintf(`{"id":"%s%d","image":%q,"metadata":{"tag":%q,"year":%d}},`, []string{"red", "rust", "green", "lime", "blue"}[i], k, dataURL(pngOf(c)), []string{"warm", "warm", "cold", "cold", "cold"}[i], 2020+k)
		}
	}
	request(t, s, "POST", "/v1/libraries/mine/documents", strings.TrimSuffix(body, ",")+"]}", 200, nil)
	return s, mine
}

// found is an answer with hits, as a client reads it.
type found struct {
	Hits       []Hit
	Facets     []Facet
	NextCursor *string `json:"next_cursor"`
}

func (f found) ids() string {
	var ids []string
	for _, h := range f.Hits {
		ids = append(ids, h.ID)
	}
	return strings.Join(ids, " ")
}

func TestSimilar(t *testing.T) {
	s, _ := shades(t)
	ask := func(body string) (f found) {
		t.Helper()
		request(t, s, "POST", "/v1/libraries/mine/similar", body, 200, &f)
		return f
	}
	if got := ask(`{"positive":["red0","rust0"],"limit":2}`).ids(); got != "red1 rust1" && got != "rust1 red1" {
		t.Errorf("like two: %s", got)
	}
	// Between red and green: with less of green, red's come before.
	if got := ask(`{"positive":["red0","lime0"],"negative":["green0"],"limit":1}`).ids(); got != "rust1" && got != "rust0" && got != "red1" {
		t.Errorf("less like green: %s", got)
	}
	f := ask(`{"positive":["green0"],"filter":"tag:cold","facets":["tag","year"],"limit":2}`)
	if got := f.ids(); got != "green1 lime0" || f.NextCursor == nil {
		t.Errorf("a page: %s, %v", got, f.NextCursor)
	}
	if len(f.Facets) != 2 || f.Facets[0].Values[0] != (FacetValue{"cold", 5}) {
		t.Errorf("facets %+v", f.Facets)
	}
	if got := ask(`{"positive":["green0"],"filter":"tag:cold","limit":2,"cursor":"` + *f.NextCursor + `"}`).ids(); got != "lime1 blue0" {
		t.Errorf("the next page: %s", got)
	}
}

// TestQuestionsRefuse: each mistake gets a sentence that names it.
func TestQuestionsRefuse(t *testing.T) {
	s, _ := shades(t)
	for _, c := range []struct {
		route, body, words string
		status             int
	}{
		{"similar", `{}`, "positive is a list", 400},
		{"similar", `{"negative":["red0"]}`, "positive is a list", 400},
		{"similar", `{"positive":["red0",""]}`, "positive[1] is empty", 400},
		{"similar", `{"positive":["nobody"]}`, "nobody", 404},
		{"similar", `{"positive":["red0"],"limit":0}`, "limit is 0", 400},
		{"similar", `{"positive":"red0"}`, "has to be a list", 400},
		{"search", `{"query":"a","diversity":2}`, "diversity has to be", 400},
		{"search", `{"group_by":"year"}`, "of a ranking", 400},
		{"search", `{"query":"a","facets":["` + strings.Repeat(`a","`, 40) + `"]}`, "at most 32", 400},
		{"facets", `{"top":0}`, "top is 0", 400},
		{"facets", `{"top":5000}`, "1 to 1000", 400},
		{"duplicates", `{"threshold":0.1}`, "threshold is 0.1", 400},
		{"duplicates", `{"limit":-1}`, "limit is -1", 400},
	} {
		var a struct{ Error struct{ Message string } }
		request(t, s, "POST", "/v1/libraries/mine/"+c.route, c.body, c.status, &a)
		if !strings.Contains(a.Error.Message, c.words) {
			t.Errorf("%s %s: %q does not say %q", c.route, c.body, a.Error.Message, c.words)
		}
	}
}

func TestFacetsAlone(t *testing.T) {
	s, _ := shades(t)
	var a facetsAnswer
	request(t, s, "POST", "/v1/libraries/mine/facets", `{"filter":"tag:warm","fields":["year","tag"],"top":1}`, 200, &a)
	if len(a.Facets) != 2 || a.Facets[0].Field != "year" || len(a.Facets[0].Values) != 1 || a.Facets[1].Values[0] != (FacetValue{"warm", 4}) || a.Facets[1].Documents != 4 {
		t.Errorf("got %+v", a)
	}
}

func TestDuplicatesByPages(t *testing.T) {
	s, _ := shades(t)
	var a duplicatesAnswer
	cursor, groups := "", 0
	for pages := 0; pages == 0 || cursor != ""; pages++ {
		a = duplicatesAnswer{}
		request(t, s, "POST", "/v1/libraries/mine/duplicates", `{"limit":2,"cursor":"`+cursor+`"}`, 200, &a)
		if a.Total != 5 || a.Documents != 10 || a.Library != "mine" || a.Threshold != 0.97 {
			t.Fatalf("got %+v", a)
		}
		groups += len(a.Groups)
		if cursor = ""; a.NextCursor != nil {
			cursor = *a.NextCursor
		}
	}
	if groups != 5 || len(a.Groups) != 1 || len(a.Groups[0].IDs) != 2 {
		t.Errorf("%d groups, the last page %+v", groups, a)
	}
}
