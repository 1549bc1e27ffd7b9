package jinja

import (
	"math"
	"strings"
)

// expression is a part of a template that has a value.
type expression interface{ eval(r *run) any }

type (
	constant struct{ value any }
	variable struct{ name string }
	list     struct {
		items []expression
		tuple bool
	}
	dict   struct{ keys, values []expression }
	choice struct{ test, then, otherwise expression }
	logic  struct {
		a, b expression
		or   bool
	}
	negation   struct{ on expression }
	comparison struct {
		first expression
		ops   []string
		rest  []expression
		line  int
	}
	arithmetic struct {
		op   string
		a, b expression
		line int
	}
	sign struct {
		minus bool
		on    expression
		line  int
	}
	attribute struct {
		on   expression
		name string
		line int
	}
	item struct {
		on, key expression
		line    int
	}
	slice    struct{ parts [3]expression }
	argument struct {
		name  string
		value expression
	}
	call struct {
		on    expression
		args  []expression
		named []argument
		line  int
	}
	filter struct {
		name  string
		apply filterFunc
		on    expression
		args  []expression
		named []argument
		line  int
	}
	check struct {
		name  string
		apply testFunc
		on    expression
		args  []expression
		line  int
	}
)

func (e constant) eval(*run) any { return e.value }

func (e variable) eval(r *run) any {
	r.step(1)
	for s := r.scope; s != nil; s = s.outer {
		if v, ok := s.names[e.name]; ok {
			return v
		}
	}
	if f, ok := globals[e.name]; ok {
		return f
	}
	return undefined{e.name}
}

func (e list) eval(r *run) any {
	l := &List{Tuple: e.tuple}
	for _, x := range e.items {
		r.step(1)
		l.Items = append(l.Items, x.eval(r))
	}
	return l
}

func (e dict) eval(r *run) any {
	d := &Dict{}
	for i, k := range e.keys {
		d.Set(k.eval(r), e.values[i].eval(r))
	}
	r.step(len(e.keys))
	return d
}

func (e choice) eval(r *run) any {
	switch {
	case truth(e.test.eval(r)):
		return e.then.eval(r)
	case e.otherwise == nil:
		return undefined{"the value of an if without else"}
	}
	return e.otherwise.eval(r)
}

// eval gives one of the two values, as Python does.
func (e logic) eval(r *run) any {
	a := e.a.eval(r)
	if truth(a) == e.or {
		return a
	}
	return e.b.eval(r)
}

func (e negation) eval(r *run) any { return !truth(e.on.eval(r)) }

func (e comparison) eval(r *run) any {
	defer at(e.line)
	a := e.first.eval(r)
	for i, op := range e.ops {
		b := e.rest[i].eval(r)
		if !compare(r, op, a, b) {
			return false
		}
		a = b
	}
	return true
}

func compare(r *run, op string, a, b any) bool {
	r.step(1)
	switch op {
	case "==":
		return equal(a, b)
	case "!=":
		return !equal(a, b)
	case "in":
		return contains(r, b, a)
	case "not in":
		return !contains(r, b, a)
	}
	c := order(a, b)
	return map[string]bool{"<": c < 0, ">": c > 0, "<=": c <= 0, ">=": c >= 0}[op]
}

func contains(r *run, in, what any) bool {
	switch in := in.(type) {
	case undefined:
		return false
	case string:
		s, ok := what.(string)
		if !ok {
			panic(fail(0, "a value of type %s cannot be in a str", typeName(what)))
		}
		r.step(len(in) / 64)
		return strings.Contains(in, s)
	case *Dict:
		_, ok := in.Get(what)
		return ok
	}
	for _, x := range items(in) {
		r.step(1)
		if equal(x, what) {
			return true
		}
	}
	return false
}

func (e arithmetic) eval(r *run) any {
	defer at(e.line)
	r.step(1)
	a, b := e.a.eval(r), e.b.eval(r)
	if e.op == "~" {
		return r.sized(text(a) + text(b))
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(undefined); ok {
			panic(fail(0, "%s is not defined", u.what))
		}
	}
	if v, ok := together(r, e.op, a, b); ok {
		return v
	}
	i, whole1 := whole(a)
	j, whole2 := whole(b)
	if whole1 && whole2 && e.op != "/" && (e.op != "**" || j >= 0) {
		return integers(e.op, i, j)
	}
	x, number1 := number(a)
	y, number2 := number(b)
	if number1 && number2 {
		return floats(e.op, x, y)
	}
	panic(fail(0, "%s %s %s is not possible", typeName(a), e.op, typeName(b)))
}

// together joins and repeats strings and lists, and formats.
func together(r *run, op string, a, b any) (any, bool) {
	if _, ok := whole(a); ok && op == "*" {
		if _, ok := whole(b); !ok {
			a, b = b, a
		}
	}
	n, times := whole(b)
	times = times && op == "*"
	switch a := a.(type) {
	case string:
		if s, ok := b.(string); ok && op == "+" {
			return r.sized(a + s), true
		}
		if times {
			r.room(len(a), n)
			return strings.Repeat(a, int(max(n, 0))), true
		}
		if op == "%" {
			return format(a, b), true
		}
	case *List:
		if l, ok := b.(*List); ok && op == "+" && l.Tuple == a.Tuple {
			r.step(len(a.Items) + len(l.Items))
			return &List{Items: append(append([]any{}, a.Items...), l.Items...), Tuple: a.Tuple}, true
		}
		if times {
			r.room(len(a.Items), n)
			l := &List{Tuple: a.Tuple}
			for range max(n, 0) {
				l.Items = append(l.Items, a.Items...)
			}
			return l, true
		}
	}
	return nil, false
}

func integers(op string, a, b int64) any {
	var out int64
	ok := true
	switch op {
	case "+":
		out = a + b
		ok = (out > a) == (b > 0)
	case "-":
		out = a - b
		ok = (out < a) == (b > 0)
	case "*":
		out = a * b
		ok = a == 0 || out/a == b && (a != -1 || b != math.MinInt64)
	case "**":
		f := math.Pow(float64(a), float64(b))
		ok = math.Abs(f) < 1<<53
		out = int64(f)
	default:
		if b == 0 {
			panic(fail(0, "division by zero"))
		}
		if b == -1 {
			return map[string]int64{"//": -a, "%": 0}[op]
		}
		q, m := a/b, a%b
		if m != 0 && (m < 0) != (b < 0) {
			q, m = q-1, m+b
		}
		return map[string]int64{"//": q, "%": m}[op]
	}
	if !ok {
		panic(fail(0, "%d %s %d has more than 64 bits", a, op, b))
	}
	return out
}

func floats(op string, a, b float64) any {
	if b == 0 && (op == "/" || op == "//" || op == "%") {
		panic(fail(0, "division by zero"))
	}
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return a / b
	case "//":
		return math.Floor(a / b)
	case "%":
		m := math.Mod(a, b)
		if m != 0 && (m < 0) != (b < 0) {
			m += b
		}
		return m
	}
	return math.Pow(a, b)
}

func (e sign) eval(r *run) any {
	defer at(e.line)
	v := e.on.eval(r)
	switch n := v.(type) {
	case int64:
		if e.minus {
			return -n
		}
		return n
	case float64:
		if e.minus {
			return -n
		}
		return n
	case bool:
		i, _ := whole(n)
		if e.minus {
			i = -i
		}
		return i
	}
	panic(fail(0, "a sign before a value of type %s", typeName(v)))
}

// eval looks for a method first, then for a key.
func (e attribute) eval(r *run) any {
	defer at(e.line)
	r.step(1)
	on := e.on.eval(r)
	if u, ok := on.(undefined); ok {
		panic(fail(0, "%s is not defined", u.what))
	}
	if m, ok := methodOf(on, e.name); ok {
		return m
	}
	return lookup(on, e.name)
}

// eval looks for a key first, then for a method.
func (e item) eval(r *run) any {
	defer at(e.line)
	r.step(1)
	on := e.on.eval(r)
	if u, ok := on.(undefined); ok {
		panic(fail(0, "%s is not defined", u.what))
	}
	if s, ok := e.key.(slice); ok {
		return s.of(r, on)
	}
	key := e.key.eval(r)
	v := lookup(on, key)
	if _, missing := v.(undefined); missing {
		if s, ok := key.(string); ok {
			if m, ok := methodOf(on, s); ok {
				return m
			}
		}
	}
	return v
}

// lookup is what a value has under a key.
func lookup(on, key any) any {
	switch on := on.(type) {
	case *Dict:
		switch key.(type) {
		case nil, bool, int64, float64, string:
			if v, ok := on.Get(key); ok {
				return v
			}
		}
	case *List:
		if i, ok := whole(key); ok {
			if i < 0 {
				i += int64(len(on.Items))
			}
			if i >= 0 && i < int64(len(on.Items)) {
				return on.Items[i]
			}
		}
	case string:
		if i, ok := whole(key); ok {
			all := []rune(on)
			if i < 0 {
				i += int64(len(all))
			}
			if i >= 0 && i < int64(len(all)) {
				return string(all[i])
			}
		}
	case *namespace:
		if s, ok := key.(string); ok {
			if v, ok := on.values[s]; ok {
				return v
			}
		}
	case *loopState:
		if s, ok := key.(string); ok {
			return on.get(s)
		}
	}
	return undefined{"the " + repr(key) + " of a " + typeName(on)}
}

func (e slice) eval(*run) any { panic(fail(0, "a slice stands alone")) }

// of cuts a string or a list, as Python does.
func (e slice) of(r *run, on any) any {
	all := items(on)
	if _, ok := on.(*Dict); ok {
		panic(fail(0, "a dict cannot be cut"))
	}
	n := int64(len(all))
	r.step(len(all))
	part := func(i int, otherwise int64) int64 {
		if e.parts[i] == nil {
			return otherwise
		}
		v := e.parts[i].eval(r)
		if v == nil {
			return otherwise
		}
		k, ok := whole(v)
		if !ok {
			panic(fail(0, "a slice needs integers, not %s", typeName(v)))
		}
		return k
	}
	by := part(2, 1)
	if by == 0 {
		panic(fail(0, "a slice cannot go by 0"))
	}
	low, high, from, to := int64(0), n, int64(0), n
	if by < 0 {
		low, high, from, to = -1, n-1, n-1, -n-1
	}
	bound := func(i int64) int64 {
		if i < 0 {
			i += n
		}
		return min(max(i, low), high)
	}
	out := []any{}
	for i, end := bound(part(0, from)), bound(part(1, to)); by > 0 && i < end || by < 0 && i > end; i += by {
		out = append(out, all[i])
	}
	if _, ok := on.(string); !ok {
		tuple := false
		if l, ok := on.(*List); ok {
			tuple = l.Tuple
		}
		return &List{Items: out, Tuple: tuple}
	}
	var b strings.Builder
	for _, c := range out {
		b.WriteString(c.(string))
	}
	return b.String()
}

func (e call) eval(r *run) any {
	defer at(e.line)
	r.step(1)
	on := e.on.eval(r)
	f, ok := on.(function)
	if l, is := on.(*loopState); is && l.again != nil {
		f, ok = l.again, true
	}
	if !ok {
		if u, missing := on.(undefined); missing {
			panic(fail(0, "%s is not defined", u.what))
		}
		panic(fail(0, "a value of type %s cannot be called", typeName(on)))
	}
	args, named := r.arguments(e.args, e.named)
	return f(r, args, named)
}

func (r *run) arguments(args []expression, named []argument) ([]any, map[string]any) {
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = a.eval(r)
	}
	var by map[string]any
	for _, a := range named {
		if by == nil {
			by = map[string]any{}
		}
		by[a.name] = a.value.eval(r)
	}
	return out, by
}

func (e filter) eval(r *run) any { return e.to(r, e.on.eval(r)) }

// to applies the filter to a value.
func (e filter) to(r *run, v any) any {
	defer at(e.line)
	r.step(1)
	args, named := r.arguments(e.args, e.named)
	return e.apply(r, v, args, named)
}

func (e check) eval(r *run) any {
	defer at(e.line)
	r.step(1)
	v := e.on.eval(r)
	args, _ := r.arguments(e.args, nil)
	return e.apply(r, v, args)
}
