package server

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"
)

// request sends a request and reads the answer into a.
func request(t *testing.T, s *Server, method, path, body string, want int, a any, change ...func(*http.Request)) {
	t.Helper()
	w := do(s, method, path, body, change...)
	if w.Code != want {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, w.Code, want, w.Body)
	}
	if a != nil {
		if err := json.Unmarshal(w.Body.Bytes(), a); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
		}
	}
}

func TestDocuments(t *testing.T) {
	mine := shelves{}
	s := newTest(t, Options{Libraries: mine})
	var put struct{ Results []Outcome }
	request(t, s, "POST", "/v1/libraries/mine/documents", `{"documents":[
		{"id":"r","image":"`+dataURL(red)+`","metadata":{"tag":"warm"}},
		{"id":"g","image":"`+dataURL(green)+`"},
		{"id":"r2","image":"`+dataURL(red)+`","metadata":{"size":9007199254740993,"tags":["a","b"]}},
		{"id":"odd","image":"`+dataURL(red)+`","metadata":{"tags":[1]}},
		{"id":"bad","image":"data:image/png;base64,aGVsbG8="},
		{"id":"","text":"x"},
		{"id":"cat","text":"a cat"},
		{"id":"own","vectors":{"image-2":[0,0,0,0,0,0,0,1]}},
		{"id":"two","text":"x","image":"y"}]}`, 200, &put)
	var got []string
	for _, r := range put.Results {
		got = append(got, r.ID+" "+r.Status)
	}
	if want := "r created, g created, r2 created, odd error, bad error,  error, cat created, own created, two error"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}

	if m := mine["mine"].docs["r2"].Metadata; m["size"] != int64(9007199254740993) || len(m["tags"].([]string)) != 2 {
		t.Errorf("metadata became %#v", m)
	}
	if e := put.Results[3].Error; e == nil || !strings.Contains(*e, "strings only") {
		t.Errorf("a list of numbers: %+v", put.Results[3])
	}

	var found struct {
		Model, Library string
		Hits           []Hit
		NextCursor     *string `json:"next_cursor"`
	}
	best := func(body, want string) {
		t.Helper()
		request(t, s, "POST", "/v1/libraries/mine/search", body, 200, &found)
		if len(found.Hits) == 0 || found.Hits[0].ID != want {
			t.Errorf("%.80s: found %+v, want %s first", body, found.Hits, want)
		}
	}
	best(`{"query":"a cat"}`, "cat")
	best(`{"terms":[{"image":"`+dataURL(green)+`"}],"limit":1}`, "g")
	best(`{"terms":[{"document":"r"}]}`, "r2")
	best(`{"terms":[{"vector":[0,0,0,0,0,0,0,2]}]}`, "own")
	best(`{"terms":[{"image":"`+dataURL(red)+`"},{"image":"`+dataURL(green)+`","weight":-0.5}]}`, "r")
	best(`{"filter":"warm"}`, "r")

	var deleted struct{ Results []Outcome }
	request(t, s, "POST", "/v1/libraries/mine/delete", `{"ids":["r","x"]}`, 200, &deleted)
	if len(deleted.Results) != 2 || deleted.Results[0].Status != "deleted" || deleted.Results[1].Status != "unchanged" {
		t.Errorf("got %+v", deleted)
	}
}

func TestSearchRefuses(t *testing.T) {
	s := newTest(t, Options{Libraries: shelves{"mine": {name: "mine", docs: map[string]Document{}}}})
	for body, words := range map[string]string{
		`{"query":"./secret.jpg"}`:                  "cannot name files",
		`{"query":"cat + image:/etc/passwd"}`:       "cannot name files",
		`{"query":"a","terms":[{"text":"b"}]}`:      "not both",
		`{"terms":[{"text":"a","document":"b"}]}`:   "one of",
		`{"terms":[{"text":"a","weight":0}]}`:       "weight",
		`{"limit":0}`:                               "limit",
		`{"limit":100000}`:                          "limit",
		`{"min_probability":2}`:                     "between 0 and 1",
		`{"terms":[{"image":"http://10.0.0.1/x"}]}`: "does not fetch",
	} {
		var a struct{ Error struct{ Message string } }
		request(t, s, "POST", "/v1/libraries/mine/search", body, 400, &a)
		if !strings.Contains(a.Error.Message, words) {
			t.Errorf("%s: %q does not say %q", body, a.Error.Message, words)
		}
	}
	request(t, s, "POST", "/v1/libraries/none/search", `{"query":"a"}`, 404, nil)
}

// TestLibrariesOfAKey lets a key see its libraries only; others look as if they
// were not there.
func TestLibrariesOfAKey(t *testing.T) {
	libraries := shelves{"mine": {name: "mine", docs: map[string]Document{}}, "theirs": {name: "theirs", docs: map[string]Document{}}}
	keys := ring{"k": {Name: "k", Scopes: []Scope{ScopeSearch}, Libraries: []string{"mine"}}}
	s := newTest(t, Options{Libraries: libraries, Keys: keys})
	auth := header("Authorization", "Bearer k")
	var list struct{ Data []LibraryEntry }
	request(t, s, "GET", "/v1/libraries", "", 200, &list, auth)
	if len(list.Data) != 1 || list.Data[0].Name != "mine" {
		t.Errorf("got %+v", list)
	}
	theirs := do(s, "GET", "/v1/libraries/theirs", "", auth)
	none := do(s, "GET", "/v1/libraries/nobodys", "", auth)
	if theirs.Code != 404 || none.Code != 404 {
		t.Errorf("status %d and %d", theirs.Code, none.Code)
	}
	request(t, s, "POST", "/v1/libraries/mine/delete", `{"ids":["a"]}`, 403, nil, auth)
}

func TestThumbnailsAndZip(t *testing.T) {
	s := newTest(t, Options{Libraries: shelves{"mine": {name: "mine", docs: map[string]Document{"/p/a.png": {}, "/q/a.png": {}}}}})
	w := do(s, "GET", "/v1/libraries/mine/thumbnail?id=/p/a.png&size=100", "")
	im, err := jpeg.Decode(bytes.NewReader(w.Body.Bytes()))
	if err != nil || w.Header().Get("Content-Type") != "image/jpeg" || im.Bounds().Dx() != 9 {
		t.Fatalf("%v, %v", err, w.Header())
	}
	if again := do(s, "GET", "/v1/libraries/mine/thumbnail?id=/p/a.png&size=100", "", header("If-None-Match", w.Header().Get("ETag"))); again.Code != 304 {
		t.Errorf("a known thumbnail: %d", again.Code)
	}
	request(t, s, "GET", "/v1/libraries/mine/thumbnail?id=/etc/passwd", "", 404, nil)
	z := do(s, "POST", "/v1/libraries/mine/zip", `{"ids":["/p/a.png","/q/a.png"]}`)
	r, err := zip.NewReader(bytes.NewReader(z.Body.Bytes()), int64(z.Body.Len()))
	if err != nil || len(r.File) != 2 || r.File[0].Name != "a.png" || r.File[1].Name != "a (1).png" {
		t.Errorf("%v: %+v", err, r)
	}
}

func TestSession(t *testing.T) {
	keys := ring{"k": {Name: "k", Scopes: []Scope{ScopeSearch}}}
	s := newTest(t, Options{Libraries: shelves{}, Keys: keys})
	var state struct {
		KeyNeeded bool `json:"key_needed"`
	}
	request(t, s, "GET", "/session", "", 200, &state)
	if !state.KeyNeeded {
		t.Error("no key is needed")
	}
	request(t, s, "POST", "/session", `{"key":"wrong"}`, 401, nil)
	w := do(s, "POST", "/session", `{"key":"k"}`)
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("cookies %+v", cookies)
	}
	browser := func(r *http.Request) { r.AddCookie(cookies[0]) }
	request(t, s, "GET", "/v1/libraries", "", 200, nil, browser)
	request(t, s, "POST", "/v1/embeddings", `{"input":"a"}`, 403, nil, browser)
	delete(keys, "k")
	request(t, s, "GET", "/v1/libraries", "", 401, nil, browser) // a session ends with its key

	link := s.LoginPath()
	first, second := do(s, "GET", link, ""), do(s, "GET", link, "")
	if first.Code != 303 || second.Code != 401 {
		t.Errorf("a one-use link: %d, then %d", first.Code, second.Code)
	}
}

func TestPage(t *testing.T) {
	s := newTest(t, Options{})
	w := do(s, "GET", "/", "")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `<script src="app.js"`) || !strings.Contains(w.Header().Get("Content-Type"), "text/html") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	paths := []string{"/"}
	for _, rt := range s.pageRoutes() {
		if w := do(s, "GET", rt.path, ""); w.Code != 200 {
			t.Errorf("%s: %d", rt.path, w.Code)
		}
		if strings.HasSuffix(rt.path, ".js") {
			paths = append(paths, rt.path)
		}
	}
	if len(paths) < 5 {
		t.Errorf("the page is made of %q", paths)
	}
	for _, inline := range []string{"onclick=", "<style", "style=", "javascript:", "innerHTML", "insertAdjacentHTML"} {
		for _, path := range paths {
			if strings.Contains(do(s, "GET", path, "").Body.String(), inline) {
				t.Errorf("%s holds %q, which the policy of content forbids or markup could come by", path, inline)
			}
		}
	}
}
