package jinja

// statement is a part of a template that writes something or gives names values. What
// do returns is "break" or "continue" if a loop is to go on differently.
type statement interface{ do(r *run) (jump string) }

type (
	output struct {
		text  string
		value expression // in the place of text
		line  int
	}
	branch struct {
		test            expression
		then, otherwise []statement
	}
	set struct {
		target target
		value  expression
		line   int
	}
	capture struct { // a block that is given to a name, or written, after filters
		target *target
		filter expression
		body   []statement
		line   int
	}
	captured struct{}
	with     struct {
		names  []string
		values []expression
		body   []statement
	}
	param struct {
		name string
		def  expression
	}
	macro struct {
		name   string
		params []param
		body   []statement
		line   int
	}
	callBlock struct {
		call   call
		caller macro
	}
	jump struct {
		word string
		line int
	}
)

func (r *run) do(body []statement) string {
	for _, s := range body {
		r.step(1)
		if j := s.do(r); j != "" {
			return j
		}
	}
	return ""
}

func (s output) do(r *run) string {
	if s.value == nil {
		r.write(s.text)
		return ""
	}
	defer at(s.line)
	r.write(text(s.value.eval(r)))
	return ""
}

func (s branch) do(r *run) string {
	if truth(s.test.eval(r)) {
		return r.do(s.then)
	}
	return r.do(s.otherwise)
}

func (s set) do(r *run) string {
	defer at(s.line)
	s.target.give(r, s.value.eval(r))
	return ""
}

// give gives the names a value, or its parts.
func (t target) give(r *run, v any) {
	switch {
	case t.attr != "":
		n, ok := variable{t.names[0]}.eval(r).(*namespace)
		if !ok {
			panic(fail(0, "%s is no namespace: its attributes cannot be set", t.names[0]))
		}
		n.values[t.attr] = v
	case t.one:
		r.scope.set(t.names[0], v)
	default:
		parts := items(v)
		if len(parts) != len(t.names) {
			panic(fail(0, "%d values for %d names", len(parts), len(t.names)))
		}
		for i, n := range t.names {
			r.scope.set(n, parts[i])
		}
	}
}

func (captured) eval(r *run) any { return r.captured }

func (s capture) do(r *run) (j string) {
	defer at(s.line)
	var v any
	r.within(r.scope, func() { v = r.aside(func() { j = r.do(s.body) }) })
	if s.filter != nil {
		before := r.captured
		r.captured = v
		v = s.filter.eval(r)
		r.captured = before
	}
	if s.target == nil {
		r.write(text(v))
	} else {
		s.target.give(r, v)
	}
	return j
}

func (s with) do(r *run) (j string) {
	values := make([]any, len(s.values))
	for i, v := range s.values {
		values[i] = v.eval(r)
	}
	r.within(r.scope, func() {
		for i, n := range s.names {
			r.scope.set(n, values[i])
		}
		j = r.do(s.body)
	})
	return j
}

func (s macro) do(r *run) string {
	r.scope.set(s.name, s.bind(r.scope))
	return ""
}

// bind makes a function of the macro, which sees what is around it.
func (s macro) bind(around *scope) function {
	return func(r *run, args []any, named map[string]any) any {
		var out string
		r.deeper(func() {
			r.within(around, func() {
				s.take(r, args, named)
				out = r.aside(func() {
					if j := r.do(s.body); j != "" {
						panic(fail(s.line, "%s outside of a loop", j))
					}
				})
			})
		})
		return out
	}
}

// take gives the parameters their values.
func (s macro) take(r *run, args []any, named map[string]any) {
	if len(args) > len(s.params) {
		panic(fail(0, "%s takes %d arguments, not %d", s.name, len(s.params), len(args)))
	}
	known := map[string]bool{"caller": true}
	for i, p := range s.params {
		known[p.name] = true
		switch v, ok := named[p.name]; {
		case i < len(args):
			r.scope.set(p.name, args[i])
		case ok:
			r.scope.set(p.name, v)
		case p.def != nil:
			r.scope.set(p.name, p.def.eval(r))
		default:
			r.scope.set(p.name, undefined{"the parameter " + p.name})
		}
	}
	for n, v := range named {
		if !known[n] {
			panic(fail(0, "%s has no parameter %s", s.name, n))
		}
		if n == "caller" {
			r.scope.set(n, v)
		}
	}
}

func (s callBlock) do(r *run) string {
	defer at(s.call.line)
	f, ok := s.call.on.eval(r).(function)
	if !ok {
		panic(fail(0, "a block call needs a macro"))
	}
	args, named := r.arguments(s.call.args, s.call.named)
	if named == nil {
		named = map[string]any{}
	}
	named["caller"] = s.caller.bind(r.scope)
	r.write(text(f(r, args, named)))
	return ""
}

func (s jump) do(*run) string { return s.word }
