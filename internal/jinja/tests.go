package jinja

import (
	"math"
	"unicode"
)

// testFunc is what stands behind is.
type testFunc func(r *run, v any, args []any) bool

// tests are those of jinja2's tests.py.
var tests map[string]testFunc

func init() {
	kind := func(names ...string) testFunc {
		return func(_ *run, v any, _ []any) bool {
			for _, n := range names {
				if typeName(v) == n {
					return true
				}
			}
			return false
		}
	}
	operation := func(op string) testFunc {
		return func(r *run, v any, args []any) bool { return compare(r, op, v, one(args)) }
	}
	remainder := func(n, want int64) testFunc {
		return func(_ *run, v any, _ []any) bool { return integers("%", mustWhole(v), n) == want }
	}
	tests = map[string]testFunc{
		"boolean":  kind("bool"),
		"callable": kind("function"),
		"defined":  func(r *run, v any, _ []any) bool { return !kind("undefined")(r, v, nil) },
		"divisibleby": func(_ *run, v any, args []any) bool {
			return integers("%", mustWhole(v), mustWhole(one(args))) == int64(0)
		},
		"eq":        operation("=="),
		"even":      remainder(2, 0),
		"false":     func(_ *run, v any, _ []any) bool { return v == false },
		"float":     kind("float"),
		"ge":        operation(">="),
		"gt":        operation(">"),
		"in":        operation("in"),
		"integer":   kind("int"),
		"iterable":  kind("str", "list", "dict", "undefined"),
		"le":        operation("<="),
		"lower":     cased(unicode.IsUpper, unicode.IsLower),
		"lt":        operation("<"),
		"mapping":   kind("dict"),
		"ne":        operation("!="),
		"none":      kind("none"),
		"number":    kind("int", "float", "bool"),
		"odd":       remainder(2, 1),
		"sameas":    func(_ *run, v any, args []any) bool { return same(v, one(args)) },
		"sequence":  kind("str", "list", "dict"),
		"string":    kind("str"),
		"true":      func(_ *run, v any, _ []any) bool { return v == true },
		"undefined": kind("undefined"),
		"upper":     cased(unicode.IsLower, unicode.IsUpper),
	}
	for alias, name := range map[string]string{"equalto": "eq", "greaterthan": "gt", "lessthan": "lt"} {
		tests[alias] = tests[name]
	}
}

// same tells whether two values are one thing.
func same(a, b any) bool {
	return typeName(a) == typeName(b) && typeName(a) != "function" && (a == b || equal(a, b) && typeName(a) != "list" && typeName(a) != "dict")
}

func mustWhole(v any) int64 {
	if i, ok := whole(v); ok {
		return i
	}
	if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f)
	}
	panic(fail(0, "an integer is needed, not a value of type %s", typeName(v)))
}

// cased tells whether a text has letters of one case and none of the other.
func cased(never, some func(rune) bool) testFunc {
	return func(_ *run, v any, _ []any) bool {
		found := false
		for _, c := range text(v) {
			if never(c) {
				return false
			}
			found = found || some(c)
		}
		return found
	}
}
