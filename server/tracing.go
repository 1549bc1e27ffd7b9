package server

import (
	"context"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/emblem-search/emblem/internal/batch"
)

// Spans of a request: the request itself, named after its route; below it queue (from
// when its inputs came until they were taken), batch (until their vectors were there),
// decode and index.search. A batch is computed once for all who wait for it: the first
// one's batch span has forward below it, the others' link to that one.

// tracing makes spans; without a provider they cost nothing and go nowhere.
type tracing struct{ trace.Tracer }

// callers reads W3C's traceparent, by which a request belongs to its client's trace.
var callers propagation.TraceContext

func newTracing(p trace.TracerProvider) tracing {
	if p == nil {
		p = noop.NewTracerProvider()
	}
	return tracing{p.Tracer(tracer)}
}

// request begins the span of a request.
func (t tracing) request(r *http.Request, id string) (*http.Request, trace.Span) {
	ctx := callers.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("emblem.request_id", id)))
	return r.WithContext(ctx), span
}

// routed names the span of a request after its route: paths hold what clients chose.
func routed(ctx context.Context, rt route) {
	span := trace.SpanFromContext(ctx)
	span.SetName(rt.method + " " + rt.path)
	span.SetAttributes(attribute.String("http.route", rt.path))
}

// finish ends the span of a request.
func finish(span trace.Span, status int) {
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= 500 {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
	span.End()
}

const tracer = "github.com/emblem-search/emblem/server"

// inside runs f in a span of its own, below that of the context, if that has one.
func inside(ctx context.Context, name string, f func(context.Context) error, attrs ...attribute.KeyValue) error {
	ctx, span := trace.SpanFromContext(ctx).TracerProvider().Tracer(tracer).Start(ctx, name, trace.WithAttributes(attrs...))
	defer span.End()
	err := f(ctx)
	if err != nil {
		span.SetStatus(codes.Error, name+" failed") // errors may hold what clients sent
	}
	return err
}

// traceOf is the trace's id for a log line, if there is one.
func traceOf(ctx context.Context) slog.Attr {
	if c := trace.SpanContextFromContext(ctx); c.IsValid() {
		return slog.String("trace_id", c.TraceID().String())
	}
	return slog.Attr{}
}

// batchBegin makes the spans of a batch for each who waits for it.
func (t tracing) batchBegin(model, kind string) func(context.Context, []batch.Waiter) (context.Context, func()) {
	return func(ctx context.Context, list []batch.Waiter) (context.Context, func()) {
		attrs := trace.WithAttributes(attribute.String("emblem.model", model), attribute.String("emblem.kind", kind), attribute.Int("emblem.callers", len(list)))
		var spans []trace.Span
		for _, w := range list {
			if !trace.SpanFromContext(w.Context).IsRecording() {
				continue
			}
			if w.First {
				_, wait := t.Start(w.Context, "queue", trace.WithTimestamp(w.Since))
				wait.End()
			}
			options := []trace.SpanStartOption{attrs}
			if len(spans) > 0 {
				options = append(options, trace.WithLinks(trace.Link{SpanContext: spans[0].SpanContext()}))
			}
			_, span := t.Start(w.Context, "batch", options...)
			spans = append(spans, span)
		}
		if len(spans) > 0 {
			ctx = trace.ContextWithSpan(ctx, spans[0])
		}
		return ctx, func() {
			for _, span := range spans {
				span.End()
			}
		}
	}
}

// forward puts a computation of a batch into a span.
func forward[In any](compute func(context.Context, []In) ([][]float32, error)) func(context.Context, []In) ([][]float32, error) {
	return func(ctx context.Context, in []In) (out [][]float32, err error) {
		err = inside(ctx, "forward", func(ctx context.Context) error {
			out, err = compute(ctx, in)
			return err
		}, attribute.Int("emblem.inputs", len(in)))
		return out, err
	}
}
