package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// transcript is a stream that a test reads while a command writes it.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var servedAt = regexp.MustCompile(`emblem is at (http://[0-9.:]+)(/\S*)`)

// startServe runs emblem serve until the test ends or stop is called; stop
// returns the exit code.
func startServe(t *testing.T, d *desk, args ...string) (base, login string, stop func() int, errs *transcript) {
	t.Helper()
	errs = &transcript{}
	a := newApp(strings.NewReader(""), io.Discard, errs)
	a.env = func(name string) (string, bool) { v, ok := d.env[name]; return v, ok }
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() { code <- a.execute(ctx, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)) }()
	stop = sync.OnceValue(func() int { cancel(); return <-code })
	t.Cleanup(func() { stop() })
	for {
		if m := servedAt.FindStringSubmatch(errs.String()); m != nil {
			return m[1], m[2], stop, errs
		}
		select {
		case c := <-code:
			code <- c
			t.Fatalf("exit %d: %s", c, errs)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// runReal runs a command with the models that people have.
func runReal(d *desk, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	a := newApp(strings.NewReader(""), &o, &e)
	a.env = func(name string) (string, bool) { v, ok := d.env[name]; return v, ok }
	code = a.execute(context.Background(), args)
	return code, o.String(), e.String()
}

func post(t *testing.T, url, body string, a any) int {
	t.Helper()
	r, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if a != nil {
		if err := json.Unmarshal(raw, a); err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
	}
	return r.StatusCode
}

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestServe is a new user's first minute: the command alone, then a search that
// finds a sample picture; other commands use the directory meanwhile.
func TestServe(t *testing.T) {
	d := newDesk(t)
	base, login, stop, _ := startServe(t, d)
	if login != "/" {
		t.Errorf("no key is needed, but the page is at %s", login)
	}
	var found struct {
		Hits []struct {
			ID          string
			Probability float64
		}
	}
	for !strings.Contains(get(t, base+"/v1/libraries/samples"), `"documents":200`) {
		time.Sleep(50 * time.Millisecond) // the samples come while the server answers already
	}
	if status := post(t, base+"/v1/libraries/samples/search", `{"query":"a cat to the left of a red car","limit":1}`, &found); status != 200 || len(found.Hits) == 0 {
		t.Fatalf("status %d, %+v", status, found)
	}
	if got := filepath.Base(found.Hits[0].ID); got != "161.jpg" {
		t.Errorf("rank 1 is %s", got)
	}
	if code, _, errs := runReal(d, "health", "--addr", strings.TrimPrefix(base, "http://")); code != 0 {
		t.Errorf("health: exit %d: %s", code, errs)
	}
	if code, _, errs := runReal(d, "library", "list"); code != 0 {
		t.Errorf("library list beside the server: exit %d: %s", code, errs)
	}
	if code, _, errs := runReal(d, "serve", "--addr", "127.0.0.1:0"); code != 1 || !strings.Contains(errs, "another process") {
		t.Errorf("a second server: exit %d: %s", code, errs)
	}
	if code := stop(); code != 0 {
		t.Errorf("a server that was told to stop: exit %d", code)
	}
	if code, _, _ := runReal(d, "health", "--addr", base); code != 1 {
		t.Errorf("health of a server that is gone: exit %d", code)
	}
}

func TestServeNothingKept(t *testing.T) {
	d := newDesk(t)
	base, _, _, _ := startServe(t, d, "--data", "none")
	var a struct {
		Data []struct{ Embedding []float32 }
	}
	if status := post(t, base+"/v1/embeddings", `{"input":"a cat"}`, &a); status != 200 || len(a.Data[0].Embedding) != 256 {
		t.Errorf("status %d, %+v", status, a)
	}
	if status := post(t, base+"/v1/libraries/default/search", `{"query":"a cat"}`, nil); status != 404 {
		t.Errorf("a search without libraries: %d", status)
	}
}

func TestServeRefuses(t *testing.T) {
	d := newDesk(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, c := range []struct {
		args  []string
		exit  int
		words string
	}{
		{[]string{"--addr", busy.Addr().String()}, 1, "is in use"},
		{[]string{"--addr", "0.0.0.0:0"}, 2, "emblem key add"},
		{[]string{"--addr", "nonsense"}, 2, "HOST:PORT"},
		{[]string{"--tls-cert", "x"}, 2, "both"},
		{[]string{"--tls-cert", "x", "--tls-key", "y", "--addr", "127.0.0.1:0"}, 2, "certificate"},
		{[]string{"--trust-net", "x"}, 2, "network"},
		{[]string{"--fetch-allow", "http://a.example/"}, 2, "--fetch-allow"},
		{[]string{"--immich-upstream", "immich:3003"}, 2, "http://HOST:PORT"},
		{[]string{"--model", "nobody/nothing", "--addr", "127.0.0.1:0"}, 2, "emblem pull"},
	} {
		code, out, errs := runReal(d, append([]string{"serve"}, c.args...)...)
		if code != c.exit || !strings.Contains(errs, c.words) || out != "" {
			t.Errorf("%v: exit %d, %q", c.args, code, errs)
		}
	}
}

func TestKeyCommands(t *testing.T) {
	d := newDesk(t)
	code, key, errs := runReal(d, "key", "add", "phone", "--scope", "search", "--rate", "60/m")
	if code != 0 || !strings.HasPrefix(key, "emblem_") {
		t.Fatalf("exit %d: %s", code, errs)
	}
	base, login, _, _ := startServe(t, d)
	if !strings.HasPrefix(login, "/login/") {
		t.Errorf("the page is at %s", login)
	}
	status := func(key string) int {
		r, _ := http.NewRequest("GET", base+"/v1/libraries", nil)
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(key))
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		return a.StatusCode
	}
	if got := status(key); got != 200 {
		t.Errorf("with the key: %d", got)
	}
	if got := status("other"); got != 401 {
		t.Errorf("with another key: %d", got)
	}
	if code, list, _ := runReal(d, "key", "list"); code != 0 || !strings.Contains(list, "phone") || strings.Contains(list, strings.TrimSpace(key)) {
		t.Errorf("list: %s", list)
	}
	if code, _, errs := runReal(d, "key", "rm", "phone"); code != 0 {
		t.Errorf("rm: %s", errs)
	}
}

// TestServeIndexesFolders indexes a folder below a --root over HTTP, and nothing
// else.
func TestServeIndexesFolders(t *testing.T) {
	d := newDesk(t)
	root, outside := t.TempDir(), t.TempDir()
	inside := filepath.Join(root, "mine")
	for _, dir := range []string{inside, outside} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile("../../testdata/pictures/000.jpg")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a.jpg"), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(root, "out")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(outside, filepath.Join(inside, "out")); err != nil { // must not be followed
		t.Skip(err)
	}
	base, _, _, _ := startServe(t, d, "--root", root)
	for _, path := range []string{outside, filepath.Join(root, "out"), filepath.Join(root, "..", filepath.Base(outside)), "/", "mine", filepath.Join(root, "none")} {
		if status := post(t, base+"/v1/libraries/mine/folders", fmt.Sprintf(`{"path":%q}`, path), nil); status != 403 {
			t.Errorf("%s: status %d", path, status)
		}
	}
	var job struct{ ID string }
	if status := post(t, base+"/v1/libraries/mine/folders", fmt.Sprintf(`{"path":%q}`, inside), &job); status != 202 {
		t.Fatalf("status %d", status)
	}
	if events := get(t, base+"/v1/jobs/"+job.ID+"/events"); !strings.Contains(events, "event: done") || !strings.Contains(events, `"added":1`) {
		t.Errorf("events: %s", events)
	}
	if entry := get(t, base+"/v1/libraries/mine"); !strings.Contains(entry, `"documents":1`) {
		t.Errorf("got %s", entry)
	}
}

// TestServePutsGoodDocuments: a document whose vectors make no space fails alone.
func TestServePutsGoodDocuments(t *testing.T) {
	d := newDesk(t)
	base, _, _, _ := startServe(t, d)
	var answer struct {
		Results []struct{ ID, Status, Error string }
	}
	body := `{"documents":[{"id":"1","vectors":{"own":[1,0,0]}},{"id":"2","vectors":{"not a space!/":[1,0]}},{"id":"3","vectors":{"own":[0,1,0]}}]}`
	if status := post(t, base+"/v1/libraries/mine/documents", body, &answer); status != 200 || len(answer.Results) != 3 {
		t.Fatalf("status %d, %+v", status, answer)
	}
	for i, want := range []string{"created", "error", "created"} {
		if got := answer.Results[i]; got.Status != want || got.ID != fmt.Sprint(i+1) {
			t.Errorf("document %d: %+v", i+1, got)
		}
	}
}

// TestServeUnderAttack does to a server what strangers do, but for what takes its
// time-outs.
func TestServeUnderAttack(t *testing.T) {
	d := newDesk(t)
	base, _, _, _ := startServe(t, d, "--data", "none")
	code, out, errs := runReal(d, "doctor", "--attack", base, "--quick", "--json")
	if code != 0 {
		for line := range strings.Lines(out) {
			if strings.Contains(line, `"ok":false`) {
				t.Error(line)
			}
		}
		t.Errorf("exit %d: %s", code, errs)
	}
}
