package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// immichSend sends what Immich sends: a task, and a picture or else a text.
func immichSend(s *Server, entries, text string, picture []byte) (int, map[string]any) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	m.WriteField("entries", entries)
	if picture != nil {
		p, _ := m.CreateFormFile("image", "blob")
		p.Write(picture)
	} else {
		m.WriteField("text", text)
	}
	m.Close()
	w := do(s, "POST", "/predict", b.String(), header("Content-Type", m.FormDataContentType()), header("Cookie", "secret=1"))
	var a map[string]any
	json.Unmarshal(w.Body.Bytes(), &a)
	return w.Code, a
}

func TestImmich(t *testing.T) {
	f := &fake{name: "clip-vit-base-patch32"}
	s := newTest(t, Options{Embedders: []Embedder{f}})
	status, a := immichSend(s, `{"clip":{"visual":{"modelName":"ViT-B-32__openai","options":{}}}}`, "", red)
	var v []float32
	if err := json.Unmarshal([]byte(a["clip"].(string)), &v); status != 200 || err != nil || len(v) != fakeDim || a["imageWidth"] != 9.0 || a["imageHeight"] != 7.0 {
		t.Errorf("picture: %d %v %v", status, err, a)
	}
	if status, a = immichSend(s, `{"clip":{"textual":{"modelName":"ViT-B-32__openai","options":{"language":"en"}}}}`, "a cat", nil); status != 200 || a["clip"] == nil {
		t.Errorf("text: %d %v", status, a)
	}
	for _, task := range []string{"facial-recognition", "ocr"} {
		if status, a = immichSend(s, `{"`+task+`":{"detection":{"modelName":"x"}}}`, "", red); status != 501 || !strings.Contains(fmt.Sprint(a["detail"]), "--immich-upstream") {
			t.Errorf("%s: %d %v", task, status, a)
		}
	}
	if status, a = immichSend(s, `{"clip":{"visual":{"modelName":"ViT-L-14__openai"}}}`, "", red); status != 404 {
		t.Errorf("another model: %d %v", status, a)
	}
}

const (
	facesTask = `{"facial-recognition":{"detection":{"modelName":"buffalo_l","options":{"minScore":0.7}},"recognition":{"modelName":"buffalo_l"}}}`
	ocrTask   = `{"ocr":{"detection":{"modelName":"PP-OCRv5_mobile","options":{"minScore":0.5,"maxResolution":736}},"recognition":{"modelName":"PP-OCRv5_mobile","options":{"minScore":0.8}}}}`
)

// TestImmichUpstream: faces and text go to Immich's own service as they came, and
// its answers come back; the task clip stays here.
func TestImmichUpstream(t *testing.T) {
	var got atomic.Value
	answer := map[string]string{}
	status := 200
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, _, err := r.FormFile("image")
		if err != nil || r.URL.Path != "/predict" || len(r.Header["Cookie"]) > 0 || r.ContentLength <= 0 {
			t.Errorf("%s %v %v", r.URL, r.Header, err)
			return
		}
		data, _ := io.ReadAll(file)
		got.Store(r.FormValue("entries") + " " + fmt.Sprint(bytes.Equal(data, red)))
		w.WriteHeader(status)
		io.WriteString(w, answer[r.FormValue("entries")])
	}))
	defer web.Close()
	answer[facesTask] = `{"facial-recognition":[{"boundingBox":{"x1":1,"y1":2,"x2":3,"y2":4},"embedding":"[0.5,1]","score":0.9}],"imageWidth":9,"imageHeight":7,"path":"/inside"}`
	answer[ocrTask] = `{"ocr":{"text":["emblem"],"box":[0,0,1,0,1,1,0,1],"boxScore":[0.9],"textScore":[0.8]},"imageWidth":9,"imageHeight":7}`
	s := newTest(t, Options{Embedders: []Embedder{&fake{name: "clip-vit-base-patch32"}}, ImmichUpstream: web.URL + "/"})
	for task, want := range map[string]string{facesTask: "map[boundingBox:map[x1:1 x2:3 y1:2 y2:4] embedding:[0.5,1] score:0.9]", ocrTask: "emblem"} {
		code, a := immichSend(s, task, "", red)
		if code != 200 || !strings.Contains(fmt.Sprint(a), want) || a["imageWidth"] != 9.0 || a["path"] != nil || got.Load() != task+" true" {
			t.Errorf("%d %v; upstream got %v", code, a, got.Load())
		}
	}
	got.Store("")
	if code, _ := immichSend(s, `{"clip":{"visual":{"modelName":"ViT-B-32__openai"}}}`, "", red); code != 200 || got.Load() != "" {
		t.Errorf("clip: %d; upstream got %v", code, got.Load())
	}
	for _, entries := range []string{`{"voices":{}}`, `{"clip":{"visual":{"modelName":"ViT-B-32__openai"}},"ocr":{}}`, `{}`} {
		if code, a := immichSend(s, entries, "", red); code != 501 || got.Load() != "" {
			t.Errorf("%s: %d %v", entries, code, a)
		}
	}
	for upstream, ours := range map[int]int{400: 400, 422: 422, 500: 502, 503: 502, 302: 502} {
		status = upstream
		if code, a := immichSend(s, facesTask, "", red); code != ours || !strings.Contains(fmt.Sprint(a["detail"]), fmt.Sprint(upstream)) {
			t.Errorf("upstream %d: %d %v", upstream, code, a)
		}
	}
	status = 200
	for _, odd := range []string{"", "<html>", `[]`, `{"ocr":{}}`, `{"facial-recognition":null`, `{"facial-recognition":"` + strings.Repeat("x", upstreamAnswer) + `"}`} {
		answer[facesTask] = odd
		if code, a := immichSend(s, facesTask, "", red); code != 502 || a["detail"] == nil {
			t.Errorf("%.40s: %d %v", odd, code, a)
		}
	}
	web.Close()
	if code, a := immichSend(s, facesTask, "", red); code != 502 || !strings.Contains(fmt.Sprint(a["detail"]), "cannot be reached") {
		t.Errorf("gone: %d %v", code, a)
	}
}

// TestOptionsCheck refuses addresses before anything is opened.
func TestOptionsCheck(t *testing.T) {
	for _, o := range []Options{{ImmichUpstream: "immich:3003"}, {ImmichUpstream: "ftp://immich"}, {ImmichUpstream: "http://"}, {ImmichUpstream: "http://u:p@immich"}, {FetchAllow: []string{"http://a.example"}}, {FetchAllow: []string{"a.example", "127.1"}}} {
		err := o.Check()
		if err == nil || !strings.Contains(err.Error(), "--") {
			t.Errorf("%+v: %v", o, err)
		}
		if _, err := New(o); err == nil {
			t.Errorf("%+v: New takes it", o)
		}
	}
	if err := (&Options{ImmichUpstream: "http://immich-machine-learning:3003", FetchAllow: []string{"*.example.com"}}).Check(); err != nil {
		t.Error(err)
	}
}
