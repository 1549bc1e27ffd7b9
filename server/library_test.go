package server

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"image/jpeg"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// shelf is a library in memory.
type shelf struct {
	name string
	docs map[string]Document
}

// shelves are Libraries in memory.
type shelves map[string]*shelf

func (l shelves) Names(context.Context) ([]string, error) {
	var names []string
	for n := range l {
		names = append(names, n)
	}
	slices.Sort(names)
	return names, nil
}

func (l shelves) Library(_ context.Context, name string) (Library, error) {
	if s := l[name]; s != nil {
		return s, nil
	}
	return nil, refuse(http.StatusNotFound, "library_not_found", "library", "there is no library %q", name)
}

func (l shelves) Create(_ context.Context, name string) (Library, error) {
	if l[name] == nil {
		l[name] = &shelf{name: name, docs: map[string]Document{}}
	}
	return l[name], nil
}

func (s *shelf) Name() string  { return s.name }
func (s *shelf) Model() string { return "org/fake-clip" }

func (s *shelf) Entry(context.Context) (LibraryEntry, error) {
	return LibraryEntry{Name: s.name, Model: "org/fake-clip", Documents: len(s.docs)}, nil
}

func (s *shelf) Search(_ context.Context, f Find) (*Found, error) {
	query := make([]float64, fakeDim)
	for _, t := range f.Terms {
		v := t.Vector
		if t.Document != "" {
			v = s.docs[t.Document].Vectors[spaceImage][0]
		}
		for k, x := range v {
			query[k] += t.Weight * float64(x)
		}
	}
	var hits []Hit
	for id, d := range s.docs {
		if f.Filter != "" && d.Metadata["tag"] != f.Filter {
			continue
		}
		h := Hit{ID: id, Path: id, Metadata: d.Metadata, Probability: 1}
		if len(f.Terms) > 0 {
			h.Score = dot(unit(query), d.Vectors[spaceImage][0])
			h.Probability = (h.Score + 1) / 2
		}
		if h.Probability >= f.MinProbability {
			hits = append(hits, h)
		}
	}
	slices.SortFunc(hits, func(a, b Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	hits = hits[:min(len(hits), f.Limit)]
	for i := range hits {
		hits[i].Rank = i + 1
	}
	return &Found{Hits: hits}, nil
}

func (s *shelf) Put(_ context.Context, docs []Document) ([]Outcome, error) {
	var out []Outcome
	for _, d := range docs {
		status := "created"
		if _, had := s.docs[d.ID]; had {
			status = "updated"
		}
		s.docs[d.ID] = d
		out = append(out, Outcome{ID: d.ID, Status: status})
	}
	return out, nil
}

func (s *shelf) Delete(_ context.Context, ids []string) ([]Outcome, error) {
	var out []Outcome
	for _, id := range ids {
		status := "unchanged"
		if _, had := s.docs[id]; had {
			status = "deleted"
		}
		delete(s.docs, id)
		out = append(out, Outcome{ID: id, Status: status})
	}
	return out, nil
}

func (s *shelf) Picture(_ context.Context, id string) (io.ReadCloser, error) {
	if _, ok := s.docs[id]; !ok {
		return nil, refuse(http.StatusNotFound, "document_not_found", "id", "there is no document %q", id)
	}
	return io.NopCloser(bytes.NewReader(red)), nil
}

func (s *shelf) Index(path string) (func(context.Context, func(done, total int)) (any, error), error) {
	if !strings.HasPrefix(path, "/allowed") {
		return nil, refuse(http.StatusForbidden, "folder_not_allowed", "path", "not below a --root")
	}
	return func(ctx context.Context, progress func(done, total int)) (any, error) {
		progress(1, 2)
		if strings.HasSuffix(path, "broken") {
			return nil, errors.New("a secret of the inside")
		}
		if strings.HasSuffix(path, "endless") {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		progress(2, 2)
		return map[string]int{"added": 2}, nil
	}, nil
}

func (s *shelf) Fields(context.Context, int) ([]Field, error) { return []Field{{Name: "tag"}}, nil }

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
	s := newTest(t, Options{Libraries: shelves{}})
	var put struct{ Results []Outcome }
	request(t, s, "POST", "/v1/libraries/mine/documents", `{"documents":[
		{"id":"r","image":"`+dataURL(red)+`","metadata":{"tag":"warm"}},
		{"id":"g","image":"`+dataURL(green)+`"},
		{"id":"bad","image":"data:image/png;base64,aGVsbG8="},
		{"id":"","text":"x"},
		{"id":"cat","text":"a cat"},
		{"id":"own","vectors":{"image":[0,0,0,0,0,0,0,1]}},
		{"id":"two","text":"x","image":"y"}]}`, 200, &put)
	var got []string
	for _, r := range put.Results {
		got = append(got, r.ID+" "+r.Status)
	}
	if want := "r created, g created, bad error,  error, cat created, own created, two error"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
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
	best(`{"terms":[{"document":"r"}]}`, "r")
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
	for _, path := range []string{"/app.js", "/style.css", "/icon.svg"} {
		if w := do(s, "GET", path, ""); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, inline := range []string{"onclick=", "<style", "javascript:", "innerHTML"} {
		for _, path := range []string{"/", "/app.js"} {
			if strings.Contains(do(s, "GET", path, "").Body.String(), inline) && !(path == "/app.js" && inline == "onclick=") {
				t.Errorf("%s holds %q, which the policy of content forbids or markup could come by", path, inline)
			}
		}
	}
}
