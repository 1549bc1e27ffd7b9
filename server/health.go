package server

import (
	"context"
	"net/http"
	"time"
)

// healthRoutes are what load balancers and people's scripts ask. They need no key
// and tell nothing but yes or no.
func (s *Server) healthRoutes() []route {
	get := func(path string, h handler, doc string) route {
		return route{method: "GET", path: path, handle: h, doc: doc}
	}
	return []route{
		get("/livez", s.livez, "Whether the process answers."),
		get("/readyz", s.readyz, "Whether every loaded model answers."),
		get("/health", s.readyz, "The same, at Infinity's and TEI's path."),
		get("/metrics", s.serveMetrics, "Metrics in Prometheus' form."),
		get("/openapi.json", s.serveOpenAPI, "This description."),
		get("/ping", immichPing, "Immich's probe."),
		get("/.well-known/live", noContent, "Weaviate's probe."),
		get("/.well-known/ready", s.wellKnownReady, "Weaviate's probe of readiness."),
	}
}

// livez answers while the process can answer at all.
func (s *Server) livez(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// canaryAge is how long a canary's answer counts.
const canaryAge = 10 * time.Second

// readyz answers 200 when every loaded model has lately embedded a text and a
// picture, and 503 while the server shuts down or a model fails.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	if err := s.ready(r.Context()); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

func (s *Server) wellKnownReady(w http.ResponseWriter, r *http.Request) error {
	if err := s.ready(r.Context()); err != nil {
		return err
	}
	return noContent(w, r)
}

func (s *Server) ready(ctx context.Context) error {
	if s.draining.Load() {
		return &Error{Status: http.StatusServiceUnavailable, Code: "shutting_down", Message: "the server is shutting down"}
	}
	for _, c := range s.encoders {
		if err := c.canary.check(ctx); err != nil {
			s.Log.Error("a model does not answer", "model", c.Name(), "error", err)
			return &Error{Status: http.StatusServiceUnavailable, Code: "model_failed", Message: "the model " + c.Name() + " does not answer"}
		}
	}
	return nil
}
