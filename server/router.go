package server

import (
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"
)

// handler answers a request or returns an error, which the route writes in its
// dialect's shape.
type handler func(w http.ResponseWriter, r *http.Request) error

// route is one entry of the table of routes.
type route struct {
	method, path string
	scope        Scope // "" lets everybody in
	noHead       bool  // GET does what HEAD must not
	handle       handler
	shape        func(http.ResponseWriter, *Error) // of errors; nil is OpenAI's

	// What OpenAPI says of it; without a doc it is left out.
	doc    string
	body   any      // a value of the request's type
	answer any      // and of the answer's
	query  []string // parameters
	stamps bool     // the answer says which model it is of, by its fingerprint in a header
}

// newRouter builds the routes. This is the only file that knows echo: a handler
// gets path parameters by r.PathValue.
func (s *Server) newRouter(routes []route) http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) { s.lost(c.Response(), err) }
	for _, rt := range routes {
		h := s.serve(rt)
		handle := func(c echo.Context) error {
			r := c.Request()
			for _, name := range c.ParamNames() {
				r.SetPathValue(name, unescaped(c.Param(name)))
			}
			h(c.Response(), r)
			return nil
		}
		e.Add(rt.method, rt.path, handle)
		if rt.method == http.MethodGet && !rt.noHead {
			e.Add(http.MethodHead, rt.path, handle)
		}
	}
	return e
}

// unescaped is a path parameter as it was meant: a client may escape the slash of
// a model's name.
func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// lost answers for what no route takes.
func (s *Server) lost(w http.ResponseWriter, err error) {
	status := http.StatusNotFound
	if he, ok := err.(*echo.HTTPError); ok && he.Code == http.StatusMethodNotAllowed {
		status = he.Code
	}
	e := refuse(status, "not_found", "", "there is nothing here; GET /openapi.json lists what there is")
	if status == http.StatusMethodNotAllowed {
		e = refuse(status, "method_not_allowed", "", "this route does not take that method; GET /openapi.json lists what it takes")
	}
	e.write(w)
}

// serve makes a route's handler one of net/http.
func (s *Server) serve(rt route) http.HandlerFunc {
	h := rt.handle
	if rt.method == http.MethodPost && rt.scope == ScopeEmbed {
		h = s.refuseEarly(h)
	}
	if rt.scope != "" {
		h = s.authenticate(rt.scope, h)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		routed(r.Context(), rt)
		rec := &recorder{ResponseWriter: w}
		defer func() { s.metrics.request(rt.path, rt.method, rec.status, time.Since(start)) }()
		if err := h(rec, r); err != nil {
			s.fail(rec, r, rt, err)
		}
	}
}

// fail writes an error in the shape of a route's dialect.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, rt route, err error) {
	e, inside := known(err)
	if inside {
		s.Log.Error("a request failed", "id", w.Header().Get(headerRequestID), "path", rt.path, "error", err, traceOf(r.Context()))
	}
	if e.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if rt.shape != nil {
		rt.shape(w, e)
		return
	}
	e.write(w)
}
