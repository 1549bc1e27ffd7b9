package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Error is why a picture could not be fetched.
type Error struct {
	NotAllowed bool   // the list, or what an address is, forbids it; nothing was sent
	Message    string // a sentence for whoever named the address; nothing of the inside
	Err        error  // for the operator's log; may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return "fetch: " + e.Message + ": " + e.Err.Error()
	}
	return "fetch: " + e.Message
}

func (e *Error) Unwrap() error { return e.Err }

func refused(format string, args ...any) *Error {
	return &Error{NotAllowed: true, Message: fmt.Sprintf(format, args...)}
}

func failed(err error, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Err: err}
}

// explain turns what net/http says into a sentence. outer is the context of whoever
// asked: if that has ended, it is the error.
func explain(outer context.Context, p *place, patience time.Duration, err error) error {
	var own *Error
	var name *net.DNSError
	var slow net.Error
	switch {
	case err == nil:
		return nil
	case outer.Err() != nil:
		return context.Cause(outer)
	case errors.As(err, &own):
		return own
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return failed(err, "%s did not send the picture within %s", p.shown(), patience)
	case errors.As(err, &name):
		return failed(err, "the host %s is not known", p.shown())
	}
	return failed(err, "%s cannot be reached, or broke off", p.shown())
}
