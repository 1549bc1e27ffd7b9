package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// tracesPath is where a collector takes traces, below its address.
const tracesPath = "/v1/traces"

// tracesTo is the address that traces are sent to: the flag's or else that of
// OpenTelemetry's own variables; "" sends none.
func (a *app) tracesTo(flag string) (string, error) {
	if v, _ := a.env("OTEL_SDK_DISABLED"); strings.EqualFold(v, "true") {
		return "", nil
	}
	address, name := flag, "--otel-endpoint"
	if address == "" {
		if whole, ok := a.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"); ok && whole != "" {
			return checkedTraces("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", whole, "")
		}
		address, _ = a.env("OTEL_EXPORTER_OTLP_ENDPOINT")
		name = "OTEL_EXPORTER_OTLP_ENDPOINT"
	}
	if address == "" {
		return "", nil
	}
	return checkedTraces(name, address, tracesPath)
}

func checkedTraces(name, address, path string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", usagef("%s is no address such as http://localhost:4318", name)
	}
	if !strings.HasSuffix(u.Path, path) {
		u = u.JoinPath(path)
	}
	return u.String(), nil
}

// traces starts to send traces to a collector, in the background; done sends what is
// left. Samplers, headers and limits are those of OpenTelemetry's variables.
func (a *app) traces(ctx context.Context, address string) (p trace.TracerProvider, done func(), err error) {
	if address == "" {
		return nil, func() {}, nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { a.log.Warn("traces are lost", "error", err) }))
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(address))
	if err != nil {
		return nil, nil, fmt.Errorf("traces cannot be sent: %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "emblem"), attribute.String("service.version", readRelease("").Version)), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("traces cannot be named: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return provider, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			a.log.Warn("the last traces are lost", "error", err)
		}
	}, nil
}
