package jinja

import (
	"errors"
	"fmt"
)

// Error says what is wrong with a template, or what went wrong in it.
type Error struct {
	Line    int // of the template, from 1; 0 where it is not known
	Message string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Line == 0 {
		return "jinja: " + e.Message
	}
	return fmt.Sprintf("jinja: line %d: %s", e.Line, e.Message)
}

// Raised is what a template says with raise_exception: that its variables are not as it
// needs them.
type Raised struct{ Message string }

// Error implements error.
func (e *Raised) Error() string { return e.Message }

func fail(line int, format string, args ...any) *Error {
	return &Error{line, fmt.Sprintf(format, args...)}
}

// rescue turns a panic of this package into an error.
func rescue(err *error) {
	switch p := recover().(type) {
	case nil:
	case error:
		var own *Error
		var raised *Raised
		if !errors.As(p, &own) && !errors.As(p, &raised) {
			panic(p)
		}
		*err = p
	default:
		panic(p)
	}
}

// at gives errors that have none the line.
func at(line int) {
	p := recover()
	if e, ok := p.(*Error); ok && e.Line == 0 {
		e.Line = line
	}
	if p != nil {
		panic(p)
	}
}
