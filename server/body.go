package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

const (
	// unpacked is what a request's body takes in memory for each byte: itself, the
	// strings in it, and what they decode to.
	unpacked = 4
	// firstStep to readStep is how much of a body is read before more memory is asked
	// for: a client holds memory for what it has sent, not for what it has promised.
	firstStep = 4 << 10
	readStep  = 256 << 10
	// roomPatience is how long a body waits for memory in the middle.
	roomPatience = 5 * time.Second
)

// body is a request's, or a picture that is fetched for it, within its limit and
// within the memory that all of them together may take.
type body struct {
	server *Server
	ctx    context.Context
	from   io.Reader
	swell  int64 // bytes of memory that each byte takes
	step   int64 // bytes that were asked for last
	room   int64 // bytes that may be read yet
	cost   int64
}

// release gives the body's memory back.
func (b *body) release() { b.server.bodies.Release(b.cost) }

// openBody begins to read a request's body. release gives its memory back.
func (s *Server) openBody(w http.ResponseWriter, r *http.Request) (b *body, release func(), err error) {
	if r.ContentLength > s.MaxBody {
		return nil, nil, refuse(http.StatusRequestEntityTooLarge, "request_too_large", "", "the request has %d bytes; at most %d", r.ContentLength, s.MaxBody)
	}
	b = &body{server: s, ctx: r.Context(), from: http.MaxBytesReader(w, r.Body, s.MaxBody), swell: unpacked}
	return b, b.release, nil
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.room == 0 {
		if err := b.more(); err != nil {
			return 0, err
		}
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.room)])
	b.room -= int64(n)
	return n, err
}

// more asks for memory. Bodies that wait for each other give up after a while.
func (b *body) more() error {
	b.step = min(max(firstStep, 2*b.step), readStep)
	ctx, cancel := context.WithTimeout(b.ctx, roomPatience)
	defer cancel()
	if err := b.server.bodies.Acquire(ctx, b.swell*b.step); err != nil {
		if b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		return &Error{Status: http.StatusTooManyRequests, Code: "busy", RetryAfter: roomPatience, Message: "other requests take all the memory there is for them; try again in a while"}
	}
	b.cost += b.swell * b.step
	b.room += b.step
	return nil
}

// readBody reads a request's body.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (data []byte, release func(), err error) {
	b, release, err := s.openBody(w, r)
	if err != nil {
		return nil, nil, err
	}
	data, err = io.ReadAll(b)
	if err != nil {
		release()
		return nil, nil, bodyError(err)
	}
	allRead(w, r)
	return data, release, nil
}

// allRead lifts the limit of the time for reading: what is read has come, and the
// work may take longer.
func allRead(w http.ResponseWriter, r *http.Request) {
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	turn, _ := r.Context().Value(turnKey{}).(*turn)
	turn.take()
}

// bodyError says what went wrong while a body was read: the client's doing.
func bodyError(err error) error {
	if ours(err) {
		return err
	}
	return refuse(http.StatusBadRequest, "incomplete_request", "", "the request broke off before its end")
}

// ours says whether a body was not read to its end because of us.
func ours(err error) bool {
	var long *http.MaxBytesError
	var own *Error
	return errors.As(err, &long) || errors.As(err, &own) || errors.Is(err, context.Canceled)
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
	if err := checkSize(body); err != nil {
		return err
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
		field := strings.TrimPrefix(strings.TrimPrefix(kind.Field, "sampled."), "ollamaAsk.") // Go names embedded structs, clients do not know them
		return badRequest(field, "%s is a %s and has to be a %s", orRequest(field), kind.Value, goKind(kind.Type.Kind().String()))
	}
	return refuse(http.StatusBadRequest, "invalid_json", "", "the request cannot be read as JSON: %v", err)
}

const (
	maxValues  = 4 << 20   // of a request, such as the numbers of vectors
	maxObjects = 100 << 10 // of it: they take most memory for their bytes
)

// checkSize refuses JSON of so many values that it would grow in memory: a list of
// empty strings takes ten times its bytes.
func checkSize(body []byte) error {
	values, objects, quoted := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '{':
			objects++
		case c == ',', c == '[':
			values++
		}
	}
	if values > maxValues || objects > maxObjects {
		return refuse(http.StatusRequestEntityTooLarge, "request_too_large", "", "the request holds too many values; at most %d, %d of them objects", maxValues, maxObjects)
	}
	return nil
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
