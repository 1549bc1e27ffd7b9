package jinja

import (
	"strings"
	"time"
)

// What rendering may take: a template of a model takes some hundred steps a message.
const (
	mostSteps = 1_000_000 // values looked at or made
	mostBytes = 32 << 20  // of any text, and of all that is written
	mostDepth = 100       // calls of macros and recursive loops
)

// run is one rendering.
type run struct {
	out      *strings.Builder
	scope    *scope
	captured any // what a block's filters work on
	steps    int
	depth    int
	now      time.Time
}

// scope holds the names that a part of a template gave values to.
type scope struct {
	names map[string]any
	outer *scope
}

func (s *scope) set(name string, v any) {
	if s.names == nil {
		s.names = map[string]any{}
	}
	s.names[name] = v
}

// Render renders the template. Variables are values of this package's kinds; those that
// are missing are undefined, as in Jinja. The error is an [*Error] or a [*Raised].
func (t *Template) Render(variables map[string]any) (s string, err error) {
	defer rescue(&err)
	r := &run{out: &strings.Builder{}, scope: &scope{names: variables}, now: time.Now()}
	r.scope = &scope{outer: r.scope}
	if j := r.do(t.body); j != "" {
		panic(fail(0, "%s outside of a loop", j))
	}
	return r.out.String(), nil
}

// step counts work.
func (r *run) step(n int) {
	if r.steps += n; r.steps > mostSteps {
		panic(fail(0, "the template takes more than %d steps", mostSteps))
	}
}

// sized is a text that was made, if it is not too large.
func (r *run) sized(s string) string {
	if len(s) > mostBytes {
		panic(fail(0, "a text of more than %d bytes", mostBytes))
	}
	r.step(1 + len(s)/64)
	return s
}

// room makes sure that n things of a size are not too many.
func (r *run) room(size int, n int64) {
	if n > 0 && int64(size) > mostBytes/n {
		panic(fail(0, "%d times %d items are too many", n, size))
	}
	r.step(int(max(0, n)) * size / 64)
}

func (r *run) write(s string) {
	if r.out.Len()+len(s) > mostBytes {
		panic(fail(0, "the result has more than %d bytes", mostBytes))
	}
	r.out.WriteString(s)
}

// aside runs f and returns what it wrote.
func (r *run) aside(f func()) string {
	out := r.out
	defer func() { r.out = out }()
	r.out = &strings.Builder{}
	f()
	return r.out.String()
}

// within runs f in a scope of its own.
func (r *run) within(outer *scope, f func()) {
	before := r.scope
	defer func() { r.scope = before }()
	r.scope = &scope{outer: outer}
	f()
}

// deeper runs f one call deeper.
func (r *run) deeper(f func()) {
	if r.depth++; r.depth > mostDepth {
		panic(fail(0, "more than %d calls deep", mostDepth))
	}
	defer func() { r.depth-- }()
	f()
}
