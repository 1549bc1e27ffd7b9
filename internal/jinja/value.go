package jinja

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"
)

// List is a list, or a tuple. It is immutable once it is made.
type List struct {
	Items []any
	Tuple bool

	weight int64 // see weigh; 0: not known
}

// Dict is a dict that keeps the order of its keys: nil, bool, int64, float64 or string.
type Dict struct {
	keys   []any
	values map[any]any
	weight int64
}

// NewDict makes a Dict of keys and values in turns.
func NewDict(pairs ...any) *Dict {
	d := &Dict{}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.Set(pairs[i], pairs[i+1])
	}
	return d
}

// Set adds a key, or gives it another value.
func (d *Dict) Set(key, value any) {
	key = hashed(key)
	if d.values == nil {
		d.values = map[any]any{}
	}
	if _, ok := d.values[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.values[key] = value
	d.weight = 0
}

// Get is the value of a key.
func (d *Dict) Get(key any) (any, bool) {
	v, ok := d.values[hashed(key)]
	return v, ok
}

// Len is the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// hashed is a key as it is compared: 1, 1.0 and true are one.
func hashed(key any) any {
	switch k := key.(type) {
	case bool:
		if k {
			return int64(1)
		}
		return int64(0)
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<53 {
			return int64(k)
		}
	case nil, int64, string:
	default:
		panic(fail(0, "a value of type %s cannot be the key of a dict", typeName(key)))
	}
	return key
}

// weigh is about how many bytes a value is as text. Lists may hold one list twice, and
// that another one twice: a value of a few of them can be too large to be looked through.
func weigh(v any) int64 {
	var known *int64
	var parts []any
	switch v := v.(type) {
	case string:
		return int64(len(v)) + 1
	case *List:
		known, parts = &v.weight, v.Items
	case *Dict:
		known = &v.weight
		for _, k := range v.keys {
			parts = append(parts, k, v.values[k])
		}
	default:
		return 1
	}
	if w := atomic.LoadInt64(known); w > 0 {
		return w
	}
	w := int64(1)
	for _, x := range parts {
		w = min(w+weigh(x), 1<<60)
	}
	atomic.StoreInt64(known, w)
	return w
}

// light refuses what is too large to be looked through.
func light(values ...any) {
	for _, v := range values {
		if weigh(v) > mostBytes {
			panic(fail(0, "a %s of more than %d bytes", typeName(v), mostBytes))
		}
	}
}

// undefined is what is not there: empty text, no items, false; anything else is an error.
type undefined struct{ what string }

// function is what can be called. Arguments by name come in named.
type function func(r *run, args []any, named map[string]any) any

// namespace is what a template may give new values to from within a loop.
type namespace struct{ values map[string]any }

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "none"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case *List:
		return "list"
	case *Dict:
		return "dict"
	case undefined:
		return "undefined"
	case function:
		return "function"
	}
	return "object"
}

func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *List:
		return len(v.Items) > 0
	case *Dict:
		return v.Len() > 0
	}
	return true
}

// number is a value as float64, if it is a number.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// whole is a value as an integer, if it is one.
func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return v, true
	}
	return 0, false
}

func equal(a, b any) bool {
	light(a, b)
	if x, ok := number(a); ok {
		y, ok := number(b)
		i, whole1 := whole(a)
		j, whole2 := whole(b)
		if whole1 && whole2 {
			return i == j
		}
		return ok && x == y
	}
	switch a := a.(type) {
	case *List:
		b, ok := b.(*List)
		return ok && a.Tuple == b.Tuple && slices.EqualFunc(a.Items, b.Items, equal)
	case *Dict:
		b, ok := b.(*Dict)
		if !ok || a.Len() != b.Len() {
			return false
		}
		for k, v := range a.values {
			if w, ok := b.values[k]; !ok || !equal(v, w) {
				return false
			}
		}
		return true
	case undefined:
		_, ok := b.(undefined)
		return ok
	case nil, string:
		return a == b
	case *namespace, *loopState:
		return a == b
	}
	return false
}

// order compares numbers, strings and lists, as Python does.
func order(a, b any) int {
	light(a, b)
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return cmp.Compare(x, y)
		}
	}
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return cmp.Compare(a, b)
		}
	case *List:
		if b, ok := b.(*List); ok {
			return slices.CompareFunc(a.Items, b.Items, order)
		}
	}
	panic(fail(0, "%s and %s cannot be compared", typeName(a), typeName(b)))
}

// text is a value as it is printed: Python's str.
func text(v any) string {
	switch v := v.(type) {
	case undefined:
		return ""
	case string:
		return v
	}
	light(v)
	return repr(v)
}

// repr is a value as it is shown within others: Python's repr.
func repr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return floatText(v)
	case string:
		return quoted(v)
	case undefined:
		return "Undefined"
	case *List:
		return listText(v)
	case *Dict:
		parts := make([]string, 0, v.Len())
		for _, k := range v.keys {
			parts = append(parts, repr(k)+": "+repr(v.values[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprintf("<%s>", typeName(v))
}

func listText(l *List) string {
	parts := make([]string, len(l.Items))
	for i, x := range l.Items {
		parts[i] = repr(x)
	}
	s := strings.Join(parts, ", ")
	switch {
	case !l.Tuple:
		return "[" + s + "]"
	case len(parts) == 1:
		return "(" + s + ",)"
	}
	return "(" + s + ")"
}

// floatText is Python's repr of a float: the shortest that reads back as the same.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(f, 'g', -1, 64), "+"))
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// quoted is Python's repr of a string.
func quoted(s string) string {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte(quote)
	for _, c := range s {
		switch {
		case c == rune(quote) || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c == 0x7f || c >= 0x80 && c < 0x100 && !unicode.IsPrint(c):
			fmt.Fprintf(&b, `\x%02x`, c)
		case !unicode.IsPrint(c) && c < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, c)
		case !unicode.IsPrint(c):
			fmt.Fprintf(&b, `\U%08x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte(quote)
	return b.String()
}

// items are what a loop goes through.
func items(v any) []any {
	switch v := v.(type) {
	case undefined:
		return nil
	case string:
		out := make([]any, 0, len(v))
		for _, c := range v {
			out = append(out, string(c))
		}
		return out
	case *List:
		return v.Items
	case *Dict:
		return v.keys
	}
	panic(fail(0, "a value of type %s has no items", typeName(v)))
}

func length(v any) int {
	switch v := v.(type) {
	case undefined:
		return 0
	case string:
		return len([]rune(v))
	case *List:
		return len(v.Items)
	case *Dict:
		return v.Len()
	}
	panic(fail(0, "a value of type %s has no length", typeName(v)))
}
