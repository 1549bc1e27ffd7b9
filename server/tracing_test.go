package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestTracesOfSharedBatch has two clients in one batch: it is computed in the trace of
// one, and the other's batch span links there.
func TestTracesOfSharedBatch(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept))
	s := newTest(t, Options{Traces: provider, Wait: 300 * time.Millisecond})
	var clients sync.WaitGroup
	for _, text := range []string{"a cat", "a dog"} {
		clients.Go(func() {
			if w := do(s, "POST", "/v1/embeddings", `{"input":"`+text+`"}`); w.Code != http.StatusOK {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	clients.Wait()
	s.Close() // the batch has ended
	by := map[string][]tracetest.SpanStub{}
	for _, span := range kept.GetSpans() {
		by[span.Name] = append(by[span.Name], span)
	}
	if len(by["POST /v1/embeddings"]) != 2 || len(by["queue"]) != 2 || len(by["batch"]) != 2 || len(by["forward"]) != 1 {
		t.Fatalf("spans: %v", by)
	}
	home := by["forward"][0].Parent
	for _, b := range by["batch"] {
		switch {
		case b.SpanContext.SpanID() == home.SpanID() && len(b.Links) == 0:
		case len(b.Links) == 1 && b.Links[0].SpanContext.SpanID() == home.SpanID() && b.SpanContext.TraceID() != home.TraceID():
		default:
			t.Errorf("a batch that is not the other's: %+v", b)
		}
	}
}

// TestTracesOfRequests keeps what clients chose out of the names of spans, and joins
// only traces that are whole.
func TestTracesOfRequests(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	s := newTest(t, Options{Traces: sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept))})
	const trace = "0af7651916cd43dd8448eb211c80319c"
	for parent, joins := range map[string]bool{"00-" + trace + "-b7ad6b7169203331-01": true, "00-" + trace + "-0000000000000000-01": false, "nonsense": false, "": false} {
		kept.Reset()
		r := httptest.NewRequest("GET", "/v1/models/secret-name", nil)
		r.Host = "localhost"
		r.Header.Set("Traceparent", parent)
		s.ServeHTTP(httptest.NewRecorder(), r)
		spans := kept.GetSpans()
		if len(spans) != 1 || spans[0].Name != "GET /v1/models/:model" || (spans[0].SpanContext.TraceID().String() == trace) != joins {
			t.Fatalf("%q: %+v", parent, spans)
		}
		for _, a := range spans[0].Attributes {
			if strings.Contains(a.Value.String(), "secret-name") {
				t.Errorf("%s tells what the client chose", a.Key)
			}
		}
	}
}
