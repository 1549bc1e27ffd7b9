package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// lodger is a fake whose weights come and go.
type lodger struct {
	fake
	mu     sync.Mutex
	loaded bool
	loads  int
	keeps  []time.Duration
	broken error // of loading
}

type hush struct{}

func (g *lodger) Memory() Memory {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Memory{Loaded: g.loaded, Bytes: 1234, Loads: g.loads}
}

func (g *lodger) Wake(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken == nil && !g.loaded {
		g.loaded, g.loads = true, g.loads+1
	}
	return g.broken
}

func (g *lodger) KeepAlive(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keeps = append(g.keeps, d)
	if d == 0 {
		g.loaded = false
	}
}

func (g *lodger) Quiet(ctx context.Context) context.Context {
	return context.WithValue(ctx, hush{}, true)
}

func (g *lodger) EmbedTokens(ctx context.Context, ids [][]int32) ([][]float32, error) {
	if ctx.Value(hush{}) == nil {
		if err := g.Wake(ctx); err != nil {
			return nil, err
		}
	}
	return g.fake.EmbedTokens(ctx, ids)
}

func (g *lodger) setBroken(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.broken = err
}

func entryOf(t *testing.T, s *Server) (e modelEntry) {
	t.Helper()
	w := do(s, "GET", "/v1/models/guest", "")
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return e
}

// TestResident shows what is said of a model that comes and goes, and that asking
// after its health does not bring it.
func TestResident(t *testing.T) {
	g := &lodger{fake: fake{name: "guest"}}
	s := newTest(t, Options{Embedders: []Embedder{g}})
	ready := func() {
		t.Helper()
		if w := do(s, "GET", "/readyz", ""); w.Code != http.StatusOK {
			t.Errorf("/readyz: %d %s", w.Code, w.Body)
		}
	}
	ready()
	if e := entryOf(t, s); e.Loaded || e.Bytes != 1234 {
		t.Errorf("%+v, want a model that is not in memory", e)
	}
	if w := do(s, "POST", "/v1/embeddings", `{"input":"a cat"}`); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	ready()
	if e := entryOf(t, s); !e.Loaded {
		t.Errorf("%+v, want a model in memory", e)
	}
	metrics := do(s, "GET", "/metrics", "").Body.String()
	for _, want := range []string{`emblem_model_loaded{model="guest"} 1`, `emblem_model_bytes{model="guest"} 1234`, `emblem_model_loads_total{model="guest"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if n := g.batches.Load(); n != 3 { // the request, and the canary's word and picture
		t.Errorf("%d batches, want 3: a canary sang for a model that was not in memory, or not for one that was", n)
	}
}

func TestKeepAlive(t *testing.T) {
	g := &lodger{fake: fake{name: "guest"}}
	s := newTest(t, Options{Embedders: []Embedder{g}})
	for _, c := range []struct {
		path, body string
		status     int
		keep       []time.Duration
	}{
		{"/api/embed", `{"model":"guest","input":"a cat","keep_alive":"5m"}`, 200, []time.Duration{5 * time.Minute}},
		{"/api/embed", `{"model":"guest","input":"a cat","keep_alive":90}`, 200, []time.Duration{90 * time.Second}},
		{"/api/embed", `{"model":"guest","input":"a cat","keep_alive":"90"}`, 200, []time.Duration{90 * time.Second}},
		{"/api/embed", `{"model":"guest","input":"a cat","keep_alive":-3}`, 200, []time.Duration{-1}},
		{"/api/embed", `{"model":"guest","input":"a cat","keep_alive":"-1m"}`, 200, []time.Duration{-1}},
		{"/v1/embeddings", `{"input":"a cat","keep_alive":0}`, 200, []time.Duration{0}},
		{"/api/embed", `{"model":"guest","input":"a cat","keep_alive":null}`, 200, nil},
		{"/api/embed", `{"model":"guest","input":"a cat"}`, 200, nil},
		{"/api/embed", `{"model":"guest","input":"a cat","keep_alive":1e300}`, 200, []time.Duration{1<<62 - 1}},
		{"/api/embed", `{"model":"guest","input":"a cat","keep_alive":{}}`, 400, nil},
		{"/v1/embeddings", `{"input":"a cat","keep_alive":"tomorrow"}`, 400, nil},
	} {
		g.keeps = nil
		w := do(s, "POST", c.path, c.body)
		if w.Code != c.status || len(g.keeps) != len(c.keep) || len(c.keep) > 0 && (g.keeps[0]-c.keep[0]).Abs() > 1 {
			t.Errorf("%s: %d, kept %v, want %d and %v: %s", c.body, w.Code, g.keeps, c.status, c.keep, w.Body)
		}
	}
}

// TestOllamaLoads loads a model ahead and gives its memory back, as Ollama's
// clients do.
func TestOllamaLoads(t *testing.T) {
	g := &lodger{fake: fake{name: "guest"}}
	s := newTest(t, Options{Embedders: []Embedder{g}})
	running := func() bool { return strings.Contains(do(s, "GET", "/api/ps", "").Body.String(), "guest") }
	do(s, "POST", "/api/embed", `{"model":"guest"}`)
	if !running() {
		t.Error("an empty request does not load")
	}
	do(s, "POST", "/api/embed", `{"model":"guest","keep_alive":0}`)
	if running() {
		t.Error("an empty request with keep_alive 0 does not unload")
	}
}

// TestCannotLoad answers all who wait with the same sentence; none of their inputs
// is blamed, so the next try is a new one.
func TestCannotLoad(t *testing.T) {
	g := &lodger{fake: fake{name: "guest"}}
	g.setBroken(&Error{Status: http.StatusServiceUnavailable, Code: "model_too_large", Message: "guest is too large"})
	s := newTest(t, Options{Embedders: []Embedder{g, &fake{name: "other"}}})
	for range 2 {
		w := do(s, "POST", "/v1/embeddings", `{"input":["a cat","a dog"]}`)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "guest is too large") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if w := do(s, "POST", "/v1/embeddings", `{"model":"other","input":"a cat"}`); w.Code != http.StatusOK {
		t.Errorf("another model fails with it: %d %s", w.Code, w.Body)
	}
	g.setBroken(nil)
	if w := do(s, "POST", "/v1/embeddings", `{"input":["a cat","a dog"]}`); w.Code != http.StatusOK {
		t.Errorf("%d %s: the inputs are remembered as bad ones", w.Code, w.Body)
	}
}
