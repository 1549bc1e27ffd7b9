package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
)

// readBody reads a request's body within its limit and within the memory that all
// bodies together may take.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (body []byte, release func(), err error) {
	cost := s.MaxBody
	if n := r.ContentLength; n >= 0 {
		if n > s.MaxBody {
			return nil, nil, refuse(http.StatusRequestEntityTooLarge, "request_too_large", "", "the request has %d bytes; at most %d", n, s.MaxBody)
		}
		cost = n
	}
	if err := s.bodies.Acquire(r.Context(), cost); err != nil {
		return nil, nil, err
	}
	release = func() { s.bodies.Release(cost) }
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, s.MaxBody)); err != nil {
		release()
		return nil, nil, bodyError(err)
	}
	return buf.Bytes(), release, nil
}

// bodyError says what went wrong while a body was read: the client's doing.
func bodyError(err error) error {
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return err
	}
	return refuse(http.StatusBadRequest, "incomplete_request", "", "the request broke off before its end")
}

// readJSON reads a JSON object into v. Keys that v does not have are ignored:
// clients of other servers send some.
func (s *Server) readJSON(w http.ResponseWriter, r *http.Request, v any) (release func(), err error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "" && kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return nil, refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "", "the request is %s; send application/json", kind)
	}
	body, release, err := s.readBody(w, r)
	if err != nil {
		return nil, err
	}
	if err := unmarshal(body, v); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// unmarshal is json.Unmarshal with errors for clients.
func unmarshal(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return refuse(http.StatusBadRequest, "invalid_json", "", "the request is empty; send a JSON object")
	}
	err := json.Unmarshal(body, v)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var own *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.As(err, &syntax):
		return refuse(http.StatusBadRequest, "invalid_json", "", "the request is not valid JSON, at byte %d: %v", syntax.Offset, syntax)
	case errors.As(err, &kind):
		return badRequest(kind.Field, "%s is a %s and has to be a %s", orRequest(kind.Field), kind.Value, goKind(kind.Type.Kind().String()))
	}
	return refuse(http.StatusBadRequest, "invalid_json", "", "the request cannot be read as JSON: %v", err)
}

func orRequest(field string) string {
	if field == "" {
		return "the request"
	}
	return field
}

// goKind is JSON's word for a kind of Go value.
func goKind(kind string) string {
	switch {
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "whole number"
	case strings.HasPrefix(kind, "float"):
		return "number"
	case kind == "slice":
		return "list"
	case kind == "struct", kind == "map":
		return "object"
	}
	return kind
}
