package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDamagedKeysShutTheDoor: a slip in the file must not let everybody in, and a
// change that keeps the file's size and time counts.
func TestDamagedKeysShutTheDoor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	k, _ := OpenKeyring(path)
	secret, err := k.Add("a", nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	s := newTest(t, Options{Keys: k, OpenWithoutKeys: true})
	good, _ := os.ReadFile(path)
	info, _ := os.Stat(path)
	rewrite := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		os.Chtimes(path, info.ModTime(), info.ModTime())
		time.Sleep(freshness + 10*time.Millisecond)
	}
	auth := header("Authorization", "Bearer "+secret)
	for name, data := range map[string][]byte{
		"damaged":        []byte("[{"),
		"same size, no ": []byte(strings.ReplaceAll(string(good), `"a"`, `"b"`)[:len(good)-3] + "x]\n"),
	} {
		rewrite(data)
		if w := do(s, "GET", "/v1/models", ""); w.Code != 401 {
			t.Errorf("%s: without a key: %d", name, w.Code)
		}
		if w := do(s, "GET", "/v1/models", "", auth); w.Code != 401 {
			t.Errorf("%s: with the key of before: %d", name, w.Code)
		}
		rewrite(good)
		if w := do(s, "GET", "/v1/models", "", auth); w.Code != 200 {
			t.Errorf("after %s was mended: %d", name, w.Code)
		}
	}
}

// TestSessionsKeepTheRate: the cookie of a key is no way around the key's rate.
func TestSessionsKeepTheRate(t *testing.T) {
	k, _ := OpenKeyring(filepath.Join(t.TempDir(), "keys.json"))
	secret, _ := k.Add("a", nil, nil, "3/h")
	s := newTest(t, Options{Keys: k})
	w := do(s, "POST", "/session", `{"key":"`+secret+`"}`, header("X-Forwarded-Proto", "https"))
	cookies := w.Result().Cookies()
	if w.Code != 200 || len(cookies) != 1 || !cookies[0].Secure || !cookies[0].HttpOnly {
		t.Fatalf("%d %v", w.Code, cookies)
	}
	last := 0
	for range 4 {
		last = do(s, "GET", "/v1/models", "", func(r *http.Request) { r.AddCookie(cookies[0]) }).Code
	}
	if last != 429 {
		t.Errorf("the fourth request of three an hour: %d", last)
	}
}

// TestLinksAreNotLogged: a path that logs in is a secret.
func TestLinksAreNotLogged(t *testing.T) {
	var log strings.Builder
	s := newTest(t, Options{Keys: ring{}, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	path := s.LoginPath()
	do(s, "GET", path, "", header("Authorization", "Bearer emblem_geheim"))
	if !strings.Contains(log.String(), "path=/login/") || strings.Contains(log.String(), path) || strings.Contains(log.String(), "geheim") {
		t.Errorf("log: %s", &log)
	}
}

// TestPromisesTakeNoMemory: clients that announce much and send nothing leave
// room for those who send; one that finds no room is told to come again.
func TestPromisesTakeNoMemory(t *testing.T) {
	s := newTest(t, Options{MaxBody: 1 << 20, MaxBusy: 8 << 20})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 20 {
		r := httptest.NewRequestWithContext(ctx, "POST", "http://127.0.0.1/v1/embeddings", blocked{ctx})
		r.ContentLength = 1 << 20
		r.Header.Set("Content-Type", "application/json")
		_, release, err := s.openBody(httptest.NewRecorder(), r)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
	}
	if w := do(s, "POST", "/v1/embeddings", `{"input":"a cat"}`); w.Code != 200 {
		t.Errorf("beside promises: %d %s", w.Code, w.Body)
	}
	if !s.bodies.TryAcquire(8 << 20) {
		t.Fatal("memory was not given back")
	}
	defer s.bodies.Release(8 << 20)
	if w := do(s, "POST", "/v1/embeddings", `{"input":"a cat"}`); w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("without room: %d %s", w.Code, w.Body)
	}
}

// blocked is a body that never comes.
type blocked struct{ ctx context.Context }

func (b blocked) Read([]byte) (int, error) { <-b.ctx.Done(); return 0, io.ErrUnexpectedEOF }

// TestSwellingJSON: JSON that takes many times its bytes in memory is refused
// before it is unpacked.
func TestSwellingJSON(t *testing.T) {
	s := newTest(t, Options{})
	for name, body := range map[string]string{
		"strings": `{"input":["` + strings.Repeat(`","`, maxValues) + `"]}`,
		"objects": `{"input":[` + strings.Repeat(`{},`, maxObjects) + `{}]}`,
		"lists":   `{"input":` + strings.Repeat(`[`, maxValues+1),
	} {
		if w := do(s, "POST", "/v1/embeddings", body); w.Code != 413 {
			t.Errorf("%s: %d %.200s", name, w.Code, w.Body)
		}
	}
	// What looks like values inside of a string is one value.
	long := strings.Repeat(`,[{\"`, 10000)
	if w := do(s, "POST", "/v1/embeddings", `{"input":"`+long+`"}`); w.Code != 200 {
		t.Errorf("a string of brackets: %d %.200s", w.Code, w.Body)
	}
	if w := do(s, "POST", "/v1/embeddings", `{"input":"a","model":"`+strings.Repeat("x", 1<<20)+`"}`); w.Code != 404 || w.Body.Len() > 2000 {
		t.Errorf("a long name comes back as %d, %d bytes", w.Code, w.Body.Len())
	}
}

// start serves s on loopback until the test ends.
func start(t *testing.T, s *Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-done })
	return l.Addr().String()
}

// TestSecondAnswerOnAConnection: the deadline of one answer is not that of the
// next, whose first word may come much later.
func TestSecondAnswerOnAConnection(t *testing.T) {
	s := newTest(t, Options{})
	addr := start(t, s)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for range 3 {
		fmt.Fprintf(c, "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 13\r\nExpect: 100-continue\r\n\r\n{\"input\":\"a\"}")
		for {
			w, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, w.Body)
			if w.StatusCode == 200 {
				break
			}
		}
	}
}

// TestTLSIsSeen: net/http has to know that a connection is encrypted, or else
// cookies would travel in the clear.
func TestTLSIsSeen(t *testing.T) {
	borrowed := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer borrowed.Close()
	k, _ := OpenKeyring(filepath.Join(t.TempDir(), "keys.json"))
	secret, _ := k.Add("a", nil, nil, "")
	s := newTest(t, Options{Keys: k, TLS: &tls.Config{Certificates: borrowed.TLS.Certificates}})
	addr := start(t, s)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	w, err := client.Post("https://"+addr+"/session", "application/json", strings.NewReader(`{"key":"`+secret+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	w.Body.Close()
	if c := w.Cookies(); len(c) != 1 || !c[0].Secure {
		t.Errorf("cookies over TLS: %v", c)
	}
	if w, err := http.Get("http://" + addr + "/livez"); err == nil {
		w.Body.Close()
		if w.StatusCode != 400 {
			t.Errorf("without TLS: %d", w.StatusCode)
		}
	}
}

// TestTrustedNetworksWithAnyKey: OpenAI's clients cannot leave the key out.
func TestTrustedNetworksWithAnyKey(t *testing.T) {
	s := newTest(t, Options{Keys: ring{}, TrustNet: prefixes("192.0.2.0/24")}) // httptest's client
	auth := header("Authorization", "Bearer none")
	if w := do(s, "POST", "/v1/embeddings", `{"input":"a cat"}`, auth); w.Code != 200 {
		t.Errorf("vectors: %d", w.Code)
	}
	if w := do(s, "GET", "/v1/libraries", "", auth); w.Code != 401 {
		t.Errorf("libraries: %d", w.Code)
	}
}

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// TestEarlyRefusal: who comes when the queue is full is told so before their body
// is read.
func TestEarlyRefusal(t *testing.T) {
	f := &fake{name: "slow", gate: make(chan struct{})}
	s := newTest(t, Options{Embedders: []Embedder{f}, Queue: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ask := func(file []byte) {
		do(s, "POST", "/v1/embeddings", `{"input":"`+dataURL(file)+`"}`, func(r *http.Request) { *r = *r.WithContext(ctx) })
	}
	go ask(red)
	for f.batches.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	go ask(green)
	for s.encoders[0].pictures.Stats().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1/v1/embeddings", blocked{ctx}) // would never end
	r.ContentLength = 1 << 20
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("a large body: %d %s", w.Code, w.Body)
	}
	close(f.gate)
	if w := do(s, "POST", "/v1/embeddings", `{"input":"words"}`); w.Code != 200 {
		t.Errorf("words beside it: %d %s", w.Code, w.Body)
	}
}

// TestHead: HEAD is GET without the body, but where GET does something.
func TestHead(t *testing.T) {
	s := newTest(t, Options{Keys: ring{}})
	path := s.LoginPath()
	for p, want := range map[string]int{"/": 200, "/readyz": 200, "/v1/models": 401, path: 405} {
		if w := do(s, "HEAD", p, ""); w.Code != want {
			t.Errorf("HEAD %s: %d", p, w.Code)
		}
	}
	if w := do(s, "GET", path, ""); w.Code != 303 {
		t.Errorf("the link after HEAD: %d", w.Code)
	}
}

// TestPathTricks: other spellings of a path do not get around its key.
func TestPathTricks(t *testing.T) {
	s := newTest(t, Options{Keys: ring{}, Libraries: shelves{}})
	for _, p := range []string{"/v1/models", "/v1/models/", "//v1/models", "/v1//models", "/%76%31/models", "/v1%2Fmodels", "/livez/../v1/models", "/./v1/models", "/V1/models", "/v1/models%00", "/v1/libraries/..%2f..", "/page/index.html", "/session/../v1/models"} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT"} {
			w := do(s, method, p, "", header("X-HTTP-Method-Override", "GET"), header("X-Original-URL", "/livez"), header("X-Forwarded-For", "127.0.0.1"))
			if w.Code == 200 {
				t.Errorf("%s %s: %d %s", method, p, w.Code, w.Body)
			}
		}
	}
}

// TestOllamasCurl: Ollama's examples send JSON as a form's type.
func TestOllamasCurl(t *testing.T) {
	s := newTest(t, Options{})
	form := header("Content-Type", "application/x-www-form-urlencoded")
	if w := do(s, "POST", "/api/embed", `{"input":"a cat"}`, form); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := do(s, "POST", "/v1/libraries/a/delete", `{"ids":["1"]}`, form); w.Code == 200 {
		t.Error("a form may delete")
	}
}

// TestLargestRequest: as many inputs as OpenAI takes fit into the queue.
func TestLargestRequest(t *testing.T) {
	s := newTest(t, Options{})
	list := make([]string, maxInputs)
	for i := range list {
		list[i] = fmt.Sprintf("text %d", i)
	}
	body := `{"input":["` + strings.Join(list, `","`) + `"]}`
	if w := do(s, "POST", "/v1/embeddings", body); w.Code != 200 {
		t.Errorf("%d %.200s", w.Code, w.Body)
	}
}
