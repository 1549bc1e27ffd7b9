package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/emblem-search/emblem/internal/batch"
)

// Error is what a client gets instead of an answer. It says nothing of paths or
// of what is inside.
type Error struct {
	Status     int    // HTTP's
	Message    string // what is wrong and what to do
	Type       string // OpenAI's; "" means that of the status
	Param      string // the part of the request at fault, such as input[3]
	Code       string // for machines
	RetryAfter time.Duration
}

func (e *Error) Error() string { return e.Message }

// refuse makes an error for a part of the request.
func refuse(status int, code, param, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Param: short(param), Message: short(fmt.Sprintf(format, args...))}
}

// short keeps a message to the length of one, whatever a client put into it.
func short(s string) string {
	const most = 500
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// badRequest is refuse with status 400.
func badRequest(param, format string, args ...any) *Error {
	return refuse(http.StatusBadRequest, "invalid_value", param, format, args...)
}

// kind is OpenAI's type of an error.
func (e *Error) kind() string {
	switch {
	case e.Type != "":
		return e.Type
	case e.Status == http.StatusUnauthorized:
		return "authentication_error"
	case e.Status == http.StatusForbidden:
		return "permission_error"
	case e.Status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case e.Status >= 500:
		return "server_error"
	}
	return "invalid_request_error"
}

// statusClientClosed is nginx's: the client went away, nobody reads the answer.
const statusClientClosed = 499

// known turns any error into one for the client. What is not known stays inside:
// it is logged with the request's id, which the client gets.
func known(err error) (e *Error, inside bool) {
	var own *Error
	var full *batch.FullError
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &own):
		return own, false
	case errors.As(err, &full):
		return &Error{Status: http.StatusTooManyRequests, Code: "queue_full", RetryAfter: full.RetryAfter,
			Message: fmt.Sprintf("the queue is full; try again in %d seconds", seconds(full.RetryAfter))}, false
	case errors.As(err, &long):
		return refuse(http.StatusRequestEntityTooLarge, "request_too_large", "", "the request is over %d bytes", long.Limit), false
	case errors.Is(err, context.Canceled):
		return &Error{Status: statusClientClosed, Code: "cancelled", Message: "the client closed the request"}, false
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Status: http.StatusGatewayTimeout, Code: "timeout", Message: "the request took too long; send less at once"}, false
	case errors.Is(err, batch.ErrClosed):
		return &Error{Status: http.StatusServiceUnavailable, Code: "shutting_down", Message: "the server is shutting down", RetryAfter: 5 * time.Second}, false
	}
	return &Error{Status: http.StatusInternalServerError, Code: "internal_error", Message: "something failed inside; the log has the request's id"}, true
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// write answers with the error in OpenAI's shape.
func (e *Error) write(w http.ResponseWriter) {
	type body struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	e.writeBody(w, map[string]any{
		"error":      body{e.Message, e.kind(), some(e.Param), some(e.Code)},
		"request_id": w.Header().Get(headerRequestID),
	})
}

// writeBody answers with the error's status and a body of a dialect's own shape.
func (e *Error) writeBody(w http.ResponseWriter, body any) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds(e.RetryAfter)))
	}
	writeJSON(w, e.Status, body)
}

// some is a string as JSON has it, null for none.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(body) // a client that went away is no error of ours
}
