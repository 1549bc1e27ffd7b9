package jinja

// loop is a for.
type loop struct {
	target          target
	over, where     expression
	body, otherwise []statement
	recursive       bool
	line            int
}

func (s loop) do(r *run) string {
	defer at(s.line)
	return s.through(r, s.over.eval(r), r.scope, 0)
}

// through runs the body for all items of a value. A jump out of the loop's else is the
// outer loop's.
func (s loop) through(r *run, v any, around *scope, depth int64) (j string) {
	all := s.chosen(r, items(v), around)
	if len(all) == 0 {
		r.within(around, func() { j = r.do(s.otherwise) })
		return j
	}
	state := &loopState{all: all, depth: depth}
	if s.recursive {
		state.again = func(r *run, args []any, _ map[string]any) any {
			if len(args) != 1 {
				panic(fail(0, "loop takes one argument"))
			}
			var out string
			r.deeper(func() { out = r.aside(func() { s.through(r, args[0], around, depth+1) }) })
			return out
		}
	}
	for i, x := range all {
		r.step(1)
		state.at = i
		var jump string
		r.within(around, func() {
			r.scope.set("loop", state)
			s.target.give(r, x)
			jump = r.do(s.body)
		})
		if jump == "break" {
			break
		}
	}
	return ""
}

// chosen are the items that the loop's condition lets through.
func (s loop) chosen(r *run, all []any, around *scope) []any {
	if s.where == nil {
		return all
	}
	var out []any
	for _, x := range all {
		r.step(1)
		r.within(around, func() {
			s.target.give(r, x)
			if truth(s.where.eval(r)) {
				out = append(out, x)
			}
		})
	}
	return out
}

// loopState is what the body of a loop knows as loop.
type loopState struct {
	all     []any
	at      int
	depth   int64
	changed []any
	again   function // calls a recursive loop
}

// get is loop.NAME.
func (l *loopState) get(name string) any {
	n := int64(len(l.all))
	i := int64(l.at)
	switch name {
	case "index":
		return i + 1
	case "index0":
		return i
	case "revindex":
		return n - i
	case "revindex0":
		return n - i - 1
	case "first":
		return i == 0
	case "last":
		return i == n-1
	case "length":
		return n
	case "depth":
		return l.depth + 1
	case "depth0":
		return l.depth
	case "previtem":
		if i > 0 {
			return l.all[i-1]
		}
	case "nextitem":
		if i < n-1 {
			return l.all[i+1]
		}
	case "cycle":
		return function(func(_ *run, args []any, _ map[string]any) any {
			if len(args) == 0 {
				panic(fail(0, "loop.cycle needs arguments"))
			}
			return args[l.at%len(args)]
		})
	case "changed":
		return function(func(_ *run, args []any, _ map[string]any) any {
			same := l.changed != nil && equal(&List{Items: l.changed}, &List{Items: args})
			l.changed = append([]any{}, args...)
			return !same
		})
	}
	return undefined{"loop." + name}
}
