package main

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// fakeCollector keeps the spans that are sent to it, as a collector takes them.
type fakeCollector struct {
	t     *testing.T
	mu    sync.Mutex
	spans []*otlp.Span
	names []string // of services
}

func (c *fakeCollector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	var body collector.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(raw, &body) != nil {
		c.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range body.ResourceSpans {
		for _, a := range of.Resource.Attributes {
			if a.Key == "service.name" {
				c.names = append(c.names, a.Value.GetStringValue())
			}
		}
		for _, scope := range of.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// tree is the spans of a trace as a path from the root each: request/batch/forward.
func (c *fakeCollector) tree(trace string) map[string]*otlp.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	byID, paths := map[string]*otlp.Span{}, map[string]*otlp.Span{}
	for _, s := range c.spans {
		byID[hex.EncodeToString(s.SpanId)] = s
	}
	for _, s := range c.spans {
		if hex.EncodeToString(s.TraceId) != trace {
			continue
		}
		path := s.Name
		for up := byID[hex.EncodeToString(s.ParentSpanId)]; up != nil; up = byID[hex.EncodeToString(up.ParentSpanId)] {
			path = up.Name + " > " + path
		}
		paths[path] = s
	}
	return paths
}

// TestTraces sends a server's traces to a collector: a search belongs to its
// client's trace, and its parts to it.
func TestTraces(t *testing.T) {
	c := &fakeCollector{t: t}
	web := httptest.NewServer(c)
	defer web.Close()
	d := newDesk(t)
	d.paint("p", "r", red, 3)
	if code, _, errs := runReal(d, "index", "--library", "l", d.path("p")); code != 0 {
		t.Fatal(errs)
	}
	base, _, stop, errs := startServe(t, d, "--otel-endpoint", web.URL, "--log-level", "debug", "--log-format", "json")
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	r, err := http.NewRequest("POST", base+"/v1/libraries/l/search", strings.NewReader(`{"query":"something red"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Traceparent", "00-"+trace+"-"+parent+"-01")
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != 200 {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	stop() // sends what is left
	tree := c.tree(trace)
	const request = "POST /v1/libraries/:library/search"
	for _, path := range []string{request, request + " > queue", request + " > batch", request + " > batch > forward", request + " > index.search"} {
		s := tree[path]
		if s == nil {
			t.Errorf("no span %q", path)
			continue
		}
		if s.EndTimeUnixNano < s.StartTimeUnixNano || time.Duration(s.EndTimeUnixNano-s.StartTimeUnixNano) > time.Minute {
			t.Errorf("%s took from %d to %d", path, s.StartTimeUnixNano, s.EndTimeUnixNano)
		}
	}
	if t.Failed() {
		t.Logf("spans: %v", tree)
	}
	if s := tree[request]; s != nil && (hex.EncodeToString(s.ParentSpanId) != parent || s.Kind != otlp.Span_SPAN_KIND_SERVER) {
		t.Errorf("the request is %v below %x", s.Kind, s.ParentSpanId)
	}
	if len(c.names) == 0 || c.names[0] != "emblem" {
		t.Errorf("the service is called %q", c.names)
	}
	if !strings.Contains(errs.String(), `"trace_id":"`+trace+`"`) {
		t.Errorf("the log does not name the trace:\n%s", errs)
	}
}

// Nothing is sent unless somebody asks for it.
func TestTracesOff(t *testing.T) {
	d := newDesk(t)
	a := newApp(strings.NewReader(""), io.Discard, io.Discard)
	a.env = func(name string) (string, bool) { v, ok := d.env[name]; return v, ok }
	for _, c := range []struct{ flag, name, value, want string }{
		{"", "", "", ""},
		{"http://a:4318", "", "", "http://a:4318/v1/traces"},
		{"", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:4318/", "http://b:4318/v1/traces"},
		{"", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://c/x", "https://c/x"},
		{"http://a:4318", "OTEL_SDK_DISABLED", "true", ""},
	} {
		clear(d.env)
		d.env[c.name] = c.value
		if got, err := a.tracesTo(c.flag); got != c.want || err != nil {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
	clear(d.env)
	if _, err := a.tracesTo("localhost:4318"); err == nil || !strings.Contains(err.Error(), "--otel-endpoint") {
		t.Errorf("an address without http://: %v", err)
	}
}
