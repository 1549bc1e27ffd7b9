package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// doors are all the ways to name a picture by its address, %s.
var doors = map[string]string{
	"/v1/embeddings typed part":   `{"input":[{"type":"image_url","image_url":{"url":%q}}]}`,
	"/v1/embeddings plain part":   `{"input":[{"type":"input_image","image_url":%q}]}`,
	"/v1/embeddings jina":         `{"input":[{"image":%q}]}`,
	"/v1/embeddings infinity":     `{"modality":"image","input":[%q]}`,
	"/v1/embeddings one":          `{"modality":"image","input":%q}`,
	"/v1/embeddings vllm":         `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":%q}}]}]}`,
	"/embeddings_image infinity":  `{"input":[%q]}`,
	"/v2/embed cohere":            `{"images":[%q]}`,
	"/v2/embed cohere's inputs":   `{"inputs":[{"content":[{"type":"image_url","image_url":{"url":%q}}]}]}`,
	"/api/embed ollama":           `{"images":[%q]}`,
	"/vectorize weaviate":         `{"images":[%q]}`,
	"/v1/classify jina":           `{"labels":["a","b"],"input":[{"image":%q}]}`,
	"/v1/rerank jina":             `{"query":{"image":%q},"documents":["a"]}`,
	"/v1/rerank jina's documents": `{"query":"a","documents":[{"image":%q}]}`,
	"/v1/libraries/a/search":      `{"terms":[{"image":%q}]}`,
}

// bait is a server of pictures that counts who comes.
func bait(t *testing.T) (base string, seen *atomic.Int64) {
	t.Helper()
	seen = new(atomic.Int64)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		switch r.URL.Path {
		case "/red.png":
			w.Write(red)
		case "/green.png":
			w.Write(green)
		case "/poison.png":
			w.Write(poison)
		case "/cut.png":
			w.Write(red[:len(red)/2])
		case "/large.png":
			w.Write(append([]byte(nil), red...))
			w.Write(make([]byte, 700<<10))
		case "/late.png":
			<-r.Context().Done()
		case "/elsewhere.png":
			http.Redirect(w, r, "/red.png", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(web.Close)
	return web.URL, seen
}

// TestFetchingIsOff: every door refuses an address by the flag that would allow it.
func TestFetchingIsOff(t *testing.T) {
	base, seen := bait(t)
	s := newTest(t, Options{Libraries: shelves{"a": {name: "a", docs: map[string]Document{}}}})
	for door, body := range doors {
		path, _, _ := strings.Cut(door, " ")
		w := do(s, "POST", path, fmt.Sprintf(body, base+"/red.png"))
		if w.Code != 400 || !strings.Contains(w.Body.String(), "--fetch-allow") {
			t.Errorf("%s: %d %s", door, w.Code, w.Body)
		}
	}
	if n := seen.Load(); n > 0 {
		t.Errorf("%d requests went out", n)
	}
}

// TestFetching: every door takes an address that is allowed, and gives the vector
// that the picture has when it is sent along.
func TestFetching(t *testing.T) {
	base, _ := bait(t)
	s := newTest(t, Options{FetchAllow: []string{strings.TrimPrefix(base, "http://")}, Libraries: shelves{"a": {name: "a", docs: map[string]Document{}}}})
	for door, body := range doors {
		path, _, _ := strings.Cut(door, " ")
		sent := do(s, "POST", path, fmt.Sprintf(body, dataURL(red)))
		fetched := do(s, "POST", path, fmt.Sprintf(body, base+"/red.png"))
		if sent.Code != 200 || fetched.Code != 200 || withoutIDs(fetched.Body.Bytes()) != withoutIDs(sent.Body.Bytes()) {
			t.Errorf("%s: sent %d %.200s, fetched %d %.200s", door, sent.Code, sent.Body, fetched.Code, fetched.Body)
		}
	}
	if !s.bodies.TryAcquire(s.MaxBusy) {
		t.Error("memory was not given back")
	}
}

// withoutIDs is an answer without what differs between equal requests.
func withoutIDs(body []byte) string {
	var m map[string]any
	if json.Unmarshal(body, &m) != nil {
		return string(body)
	}
	for _, k := range []string{"id", "created", "total_duration", "load_duration"} {
		delete(m, k)
	}
	out, _ := json.Marshal(m)
	return string(out)
}

// TestFetchingFails says what is wrong with which input, and nothing of the inside.
func TestFetchingFails(t *testing.T) {
	base, seen := bait(t)
	var log strings.Builder
	s := newTest(t, Options{FetchAllow: []string{strings.TrimPrefix(base, "http://"), "*"}, MaxBody: 1 << 20, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for url, want := range map[string]string{
		base + "/none.png":            "fetch_failed status 404",
		base + "/elsewhere.png":       "fetch_failed not followed",
		base + "/cut.png":             "invalid_image damaged",
		"http://127.0.0.1:1/":         "fetch_not_allowed --fetch-allow 127.0.0.1:1",
		"http://10.0.0.1/":            "fetch_not_allowed --fetch-allow 10.0.0.1",
		"http://localhost/?k=secret":  "fetch_not_allowed --fetch-allow ADDRESS",
		"https://u:secret@a.example/": "fetch_not_allowed user name",
		"ftp://127.0.0.1/":            "fetch_not_allowed http or https",
	} {
		w := do(s, "POST", "/v1/embeddings", fmt.Sprintf(`{"input":["a",{"image":%q}]}`, url))
		code, words, _ := strings.Cut(want, " ")
		body := w.Body.String()
		if w.Code != 400 || !strings.Contains(body, code) || !strings.Contains(body, words) || !strings.Contains(body, `"param":"input[1]"`) || strings.Contains(body, "secret") || strings.Contains(body, "dial") {
			t.Errorf("%s: %d %s", url, w.Code, w.Body)
		}
	}
	w := do(s, "POST", "/v1/embeddings", fmt.Sprintf(`{"input":[{"image":%q},{"image":%q}]}`, base+"/large.png", base+"/large.png?"))
	if w.Code != 413 || !strings.Contains(w.Body.String(), "together") {
		t.Errorf("too much together: %d %s", w.Code, w.Body)
	}
	before := seen.Load()
	if w := do(s, "POST", "/v1/embeddings", fmt.Sprintf(`{"input":[%s{"image":%[2]q}]}`, strings.Repeat(fmt.Sprintf(`{"image":%q},`, base+"/red.png"), 50), base+"/red.png")); w.Code != 200 {
		t.Errorf("one address many times: %d %s", w.Code, w.Body)
	}
	if n := seen.Load() - before; n != 1 {
		t.Errorf("it was fetched %d times", n)
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("log: %s", &log)
	}
}

// TestFetchingDocuments: a document whose picture cannot be had fails alone.
func TestFetchingDocuments(t *testing.T) {
	base, _ := bait(t)
	s := newTest(t, Options{FetchAllow: []string{strings.TrimPrefix(base, "http://")}, Libraries: shelves{"a": {name: "a", docs: map[string]Document{}}}})
	var answer outcomesAnswer
	body := fmt.Sprintf(`{"documents":[{"id":"1","image":%q},{"id":"2","image":%q},{"id":"3","image":"http://10.0.0.1/a.png"},{"id":"4","image":%q}]}`, base+"/red.png", base+"/none.png", base+"/green.png")
	request(t, s, "POST", "/v1/libraries/a/documents", body, 200, &answer)
	for i, want := range []bool{true, false, false, true} {
		if got := answer.Results[i]; (got.Error == nil) != want {
			t.Errorf("document %d: %+v", i+1, got)
		}
	}
}

// TestFetchingIsGivenUp: a client that goes away does not leave its fetches behind.
func TestFetchingIsGivenUp(t *testing.T) {
	base, seen := bait(t)
	s := newTest(t, Options{FetchAllow: []string{strings.TrimPrefix(base, "http://")}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int)
	go func() {
		w := do(s, "POST", "/v1/embeddings", fmt.Sprintf(`{"input":[{"image":%q}]}`, base+"/late.png"), func(r *http.Request) { *r = *r.WithContext(ctx) })
		done <- w.Code
	}()
	for seen.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if code := <-done; code != statusClientClosed {
		t.Errorf("status %d", code)
	}
	if !s.bodies.TryAcquire(s.MaxBusy) {
		t.Error("memory was not given back")
	}
}
