package server

import (
	"encoding/json"
	"fmt"
	"image/color"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestBadRequests reads every error aloud: the status, where it points, and words
// that have to be in it.
func TestBadRequests(t *testing.T) {
	s := newTest(t, Options{MaxBody: 1 << 20})
	for _, c := range []struct {
		path, body   string
		status       int
		param, words string
	}{
		{"/v1/embeddings", ``, 400, "", "empty"},
		{"/v1/embeddings", `{`, 400, "", "JSON"},
		{"/v1/embeddings", `[1]`, 400, "", "object"},
		{"/v1/embeddings", `{}`, 400, "input", "missing"},
		{"/v1/embeddings", `{"input":[]}`, 400, "input", "empty"},
		{"/v1/embeddings", `{"input":""}`, 400, "input", "empty"},
		{"/v1/embeddings", `{"input":["a","b","c",""]}`, 400, "input[3]", "empty"},
		{"/v1/embeddings", `{"input":["a",7]}`, 400, "input[1]", "string"},
		{"/v1/embeddings", `{"input":[1.5]}`, 400, "input", "token ids"},
		{"/v1/embeddings", `{"input":[[1],[]]}`, 400, "input[1]", "token ids"},
		{"/v1/embeddings", `{"input":[[1],[5000]]}`, 400, "input[1]", "vocabulary"},
		{"/v1/embeddings", `{"input":["a",null]}`, 400, "input[1]", "string"},
		{"/v1/embeddings", `{"input":{"text":"a","image":"b"}}`, 400, "input", "one of"},
		{"/v1/embeddings", `{"input":["a","data:image/png;base64,%%%"]}`, 400, "input[1]", "base64"},
		{"/v1/embeddings", `{"input":["a","data:image/png,abc"]}`, 400, "input[1]", "base64"},
		{"/v1/embeddings", `{"input":["a","data:image/png;base64,aGVsbG8="]}`, 400, "input[1]", "picture"},
		{"/v1/embeddings", `{"input":{"image":"http://127.0.0.1/a.png"}}`, 400, "input", "does not fetch"},
		{"/v1/embeddings", `{"input":"a","dimensions":9}`, 400, "dimensions", "1 to 8"},
		{"/v1/embeddings", `{"input":"a","dimensions":-1}`, 400, "dimensions", "at least 1"},
		{"/v1/embeddings", `{"input":"a","dimensions":"x"}`, 400, "dimensions", "whole number"},
		{"/v1/embeddings", `{"input":"a","encoding_format":"hex"}`, 400, "encoding_format", "base64"},
		{"/v1/embeddings", `{"input":"a","model":"gpt-4"}`, 404, "model", "org/fake-clip"},
		{"/v1/embeddings", `{"input":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "", "at most 1048576"},
		{"/v1/embeddings", `{"input":["a"],"modality":"video"}`, 501, "modality", "image"},
		{"/v1/embeddings", `{"messages":[]}`, 400, "messages", "nothing"},
		{"/v1/embeddings", `{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"` + dataURL(red) + `"}}]}]}`, 400, "messages", "embeds one of them"},
		{"/v1/rerank", `{"query":"a"}`, 400, "documents", "documents"},
		{"/v1/classify", `{"input":"a","labels":["x"]}`, 400, "labels", "two"},
		{"/v1/nothing", `{}`, 404, "", "openapi"},
	} {
		w := do(s, "POST", c.path, c.body)
		var a struct {
			Error struct {
				Message, Type, Code string
				Param               *string
			}
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			t.Errorf("%.60s: %v: %s", c.body, err, w.Body)
			continue
		}
		param := ""
		if a.Error.Param != nil {
			param = *a.Error.Param
		}
		if w.Code != c.status || param != c.param || !strings.Contains(a.Error.Message, c.words) || a.RequestID == "" || a.Error.Type == "" {
			t.Errorf("%s %.60s:\n got %d %q %q\nwant %d %q …%s…", c.path, c.body, w.Code, param, a.Error.Message, c.status, c.param, c.words)
		}
	}
}

// TestPoison sends good pictures and one that the model cannot take, from many
// clients at once: only its own request fails.
func TestPoison(t *testing.T) {
	s := newTest(t, Options{})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			file, want := pngOf(color.RGBA{byte(i), 200, 0, 255}), 200
			if i%10 == 3 {
				file, want = poison, 500
			}
			w := do(s, "POST", "/v1/embeddings", fmt.Sprintf(`{"input":["%s"]}`, dataURL(file)))
			if w.Code != want {
				t.Errorf("client %d: status %d: %s", i, w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "poison") {
				t.Errorf("an error tells what is inside: %s", w.Body)
			}
		})
	}
	wg.Wait()
}

// TestTogetherAndAlone compares answers to one list with answers to each of its
// items: the bytes are the same.
func TestTogetherAndAlone(t *testing.T) {
	s := newTest(t, Options{})
	inputs := []string{"a cat", "two dogs", dataURL(red), "a cat", dataURL(green)}
	list, _ := json.Marshal(inputs)
	together := vectorsOf(t, do(s, "POST", "/v1/embeddings", `{"input":`+string(list)+`}`).Body.Bytes())
	for i, in := range inputs {
		fresh := newTest(t, Options{})
		one, _ := json.Marshal(in)
		alone := vectorsOf(t, do(fresh, "POST", "/v1/embeddings", `{"input":`+string(one)+`}`).Body.Bytes())
		if string(alone[0]) != string(together[i]) {
			t.Errorf("input %d: alone %s, together %s", i, alone[0], together[i])
		}
	}
}

func vectorsOf(t *testing.T, body []byte) []json.RawMessage {
	t.Helper()
	var a struct {
		Data []struct{ Embedding json.RawMessage }
	}
	if err := json.Unmarshal(body, &a); err != nil || len(a.Data) == 0 {
		t.Fatalf("%v: %s", err, body)
	}
	var out []json.RawMessage
	for _, d := range a.Data {
		out = append(out, d.Embedding)
	}
	return out
}

func TestDimensionsAreCutToUnitLength(t *testing.T) {
	s := newTest(t, Options{})
	v := vectorsOf(t, do(s, "POST", "/v1/embeddings", `{"input":"a cat","dimensions":3}`).Body.Bytes())
	var f []float32
	if err := json.Unmarshal(v[0], &f); err != nil || len(f) != 3 || dot(f, f) < 0.999 || dot(f, f) > 1.001 {
		t.Errorf("got %v, %v", f, err)
	}
}

func TestCutTextsAreTold(t *testing.T) {
	s := newTest(t, Options{})
	w := do(s, "POST", "/v1/embeddings", `{"input":["a","one two three four five six seven"]}`)
	if w.Code != 200 || w.Header().Get("X-Emblem-Truncated") != "1" {
		t.Errorf("status %d, header %q", w.Code, w.Header().Get("X-Emblem-Truncated"))
	}
}

func TestFullQueue(t *testing.T) {
	f := &fake{name: "slow", gate: make(chan struct{})}
	s := newTest(t, Options{Embedders: []Embedder{f}, Queue: 2})
	done := make(chan int, 8)
	send := func(text string) {
		go func() { done <- do(s, "POST", "/v1/embeddings", `{"input":"`+text+`"}`).Code }()
	}
	send("zero")
	for s.encoders[0].texts.Stats().Running == 0 {
	}
	send("one")
	send("two")
	for s.encoders[0].texts.Stats().Waiting < 2 {
	}
	w := do(s, "POST", "/v1/embeddings", `{"input":"three"}`)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "queue_full") {
		t.Errorf("got %d, Retry-After %q: %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	close(f.gate)
	for range 3 {
		if code := <-done; code != 200 {
			t.Errorf("who waited got %d", code)
		}
	}
}
