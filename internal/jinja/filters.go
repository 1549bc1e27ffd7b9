package jinja

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// filterFunc makes a value of another one.
type filterFunc func(r *run, v any, args []any, named map[string]any) any

// filters are those of jinja2's filters.py that templates of models use.
var filters map[string]filterFunc

func init() {
	filters = map[string]filterFunc{
		"abs":        absolute,
		"attr":       func(_ *run, v any, args []any, _ map[string]any) any { return lookup(v, one(args)) },
		"batch":      batch,
		"capitalize": onText(capitalize),
		"center":     center,
		"count":      func(_ *run, v any, _ []any, _ map[string]any) any { return int64(length(v)) },
		"default":    orDefault,
		"dictsort":   dictSort,
		"escape":     onText(escapeHTML.Replace),
		"first":      first,
		"float":      toFloat,
		"format": func(_ *run, v any, args []any, _ map[string]any) any {
			return format(text(v), &List{Items: args, Tuple: true})
		},
		"indent": indent,
		"int":    toInt,
		"items":  func(_ *run, v any, _ []any, _ map[string]any) any { return pairs(v) },
		"join":   join,
		"last":   last,
		"list":   func(r *run, v any, _ []any, _ map[string]any) any { return copied(r, v) },
		"lower":  onText(strings.ToLower),
		"map":    mapped,
		"max": func(_ *run, v any, _ []any, _ map[string]any) any {
			return extreme(v, func(a, b any) bool { return order(a, b) > 0 })
		},
		"min": func(_ *run, v any, _ []any, _ map[string]any) any {
			return extreme(v, func(a, b any) bool { return order(a, b) < 0 })
		},
		"reject":     func(r *run, v any, args []any, _ map[string]any) any { return chosen(r, v, args, false, false) },
		"rejectattr": func(r *run, v any, args []any, _ map[string]any) any { return chosen(r, v, args, true, false) },
		"replace":    replace,
		"reverse":    reverse,
		"round":      round,
		"safe":       func(_ *run, v any, _ []any, _ map[string]any) any { return v },
		"select":     func(r *run, v any, args []any, _ map[string]any) any { return chosen(r, v, args, false, true) },
		"selectattr": func(r *run, v any, args []any, _ map[string]any) any { return chosen(r, v, args, true, true) },
		"sort":       sortFilter,
		"string":     func(_ *run, v any, _ []any, _ map[string]any) any { return text(v) },
		"sum":        sum,
		"title":      onText(title),
		"tojson":     toJSON,
		"trim":       trim,
		"truncate":   truncate,
		"unique":     unique,
		"upper":      onText(strings.ToUpper),
		"wordcount": func(_ *run, v any, _ []any, _ map[string]any) any {
			return int64(len(strings.FieldsFunc(text(v), func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsNumber(c) })))
		},
	}
	for alias, name := range map[string]string{"d": "default", "e": "escape", "length": "count"} {
		filters[alias] = filters[name]
	}
}

func onText(f func(string) string) filterFunc {
	return func(r *run, v any, _ []any, _ map[string]any) any { return r.sized(f(text(v))) }
}

var escapeHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;")

// one is the only argument.
func one(args []any) any {
	if len(args) != 1 {
		panic(fail(0, "one argument is needed, not %d", len(args)))
	}
	return args[0]
}

// given is an argument by its place or its name.
func given(args []any, named map[string]any, i int, name string, otherwise any) any {
	if i < len(args) {
		return args[i]
	}
	if v, ok := named[name]; ok {
		return v
	}
	return otherwise
}

// givenInt is given for an integer.
func givenInt(args []any, named map[string]any, i int, name string, otherwise int64) int64 {
	n, ok := whole(given(args, named, i, name, otherwise))
	if !ok || n < math.MinInt32 || n > math.MaxInt32 {
		panic(fail(0, "%s is no integer of a usual size", name))
	}
	return n
}

func absolute(_ *run, v any, _ []any, _ map[string]any) any {
	if i, ok := whole(v); ok {
		return max(i, -i)
	}
	if f, ok := number(v); ok {
		return math.Abs(f)
	}
	panic(fail(0, "abs of a value of type %s", typeName(v)))
}

func capitalize(s string) string {
	for i, c := range s {
		n := len(string(c))
		return strings.ToTitle(s[i:i+n]) + strings.ToLower(s[i+n:])
	}
	return s
}

// title begins every word with a capital; words end at white space, brackets and dashes.
func title(s string) string {
	var b strings.Builder
	begins := true
	for _, c := range s {
		if begins {
			b.WriteString(strings.ToUpper(string(c)))
		} else {
			b.WriteString(strings.ToLower(string(c)))
		}
		begins = unicode.IsSpace(c) || strings.ContainsRune("-({[<", c)
	}
	return b.String()
}

func center(r *run, v any, args []any, named map[string]any) any {
	s, width := text(v), givenInt(args, named, 0, "width", 80)
	r.room(1, width)
	left := int(width) - length(s)
	if left <= 0 {
		return s
	}
	before := left/2 + left&int(width)&1 // as str.center
	return strings.Repeat(" ", before) + s + strings.Repeat(" ", left-before)
}

func orDefault(_ *run, v any, args []any, named map[string]any) any {
	if _, missing := v.(undefined); missing || truth(given(args, named, 1, "boolean", false)) && !truth(v) {
		return given(args, named, 0, "default_value", "")
	}
	return v
}

func first(_ *run, v any, _ []any, _ map[string]any) any {
	if all := items(v); len(all) > 0 {
		return all[0]
	}
	return undefined{"the first of no items"}
}

func last(_ *run, v any, _ []any, _ map[string]any) any {
	if all := items(v); len(all) > 0 {
		return all[len(all)-1]
	}
	return undefined{"the last of no items"}
}

func copied(r *run, v any) *List {
	all := items(v)
	r.step(len(all))
	return &List{Items: slices.Clone(all)}
}

func pairs(v any) any {
	switch v := v.(type) {
	case undefined:
		return &List{}
	case *Dict:
		l := &List{}
		for _, k := range v.keys {
			l.Items = append(l.Items, &List{Items: []any{k, v.values[k]}, Tuple: true})
		}
		return l
	}
	panic(fail(0, "items of a value of type %s", typeName(v)))
}

func toFloat(_ *run, v any, args []any, named map[string]any) any {
	if f, ok := number(v); ok {
		return f
	}
	if s, ok := v.(string); ok {
		if f, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
			return f
		}
	}
	return given(args, named, 0, "default", 0.0)
}

func toInt(_ *run, v any, args []any, named map[string]any) any {
	switch v := v.(type) {
	case float64:
		if math.Abs(v) < 1<<63 {
			return int64(v)
		}
	case string:
		s := strings.TrimSpace(v)
		if i, err := strconv.ParseInt(s, int(givenInt(args, named, 1, "base", 10)), 64); err == nil {
			return i
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<63 {
			return int64(f)
		}
	default:
		if i, ok := whole(v); ok {
			return i
		}
	}
	return given(args, named, 0, "default", int64(0))
}

// indent moves all lines but the first in.
func indent(r *run, v any, args []any, named map[string]any) any {
	by, ok := given(args, named, 0, "width", int64(4)).(string)
	if !ok {
		n := givenInt(args, named, 0, "width", 4)
		r.room(1, n)
		by = strings.Repeat(" ", int(max(0, n)))
	}
	lines := strings.Split(text(v), "\n")
	r.room(len(lines), int64(len(by)))
	blank := truth(given(args, named, 2, "blank", false))
	for i := range lines {
		if i == 0 && !truth(given(args, named, 1, "first", false)) || lines[i] == "" && !blank && i > 0 {
			continue
		}
		lines[i] = by + lines[i]
	}
	return strings.Join(lines, "\n")
}

func join(r *run, v any, args []any, named map[string]any) any {
	by := text(given(args, named, 0, "d", ""))
	key := given(args, named, 1, "attribute", nil)
	all := items(v)
	parts, size := make([]string, len(all)), 0
	for i, x := range all {
		if key != nil {
			x = dotted(x, key)
		}
		parts[i] = text(x)
		if size += len(parts[i]) + len(by); size > mostBytes {
			panic(fail(0, "a text of more than %d bytes", mostBytes))
		}
	}
	return r.sized(strings.Join(parts, by))
}

func extreme(v any, better func(a, b any) bool) any {
	all := items(v)
	if len(all) == 0 {
		return undefined{"the extreme of no items"}
	}
	best := all[0]
	for _, x := range all[1:] {
		if better(x, best) {
			best = x
		}
	}
	return best
}

func replace(r *run, v any, args []any, named map[string]any) any {
	if len(args) < 2 {
		panic(fail(0, "replace needs what and by what"))
	}
	return replaced(r, text(v), text(args[0]), text(args[1]), givenInt(args, named, 2, "count", -1))
}

// replaced is bounded before it is made.
func replaced(r *run, s, old, by string, n int64) string {
	r.room(max(0, len(by)-len(old)), int64(strings.Count(s, old)))
	return r.sized(strings.Replace(s, old, by, int(n)))
}

func reverse(r *run, v any, _ []any, _ map[string]any) any {
	l := copied(r, v)
	slices.Reverse(l.Items)
	if _, ok := v.(string); ok {
		return join(r, l, nil, nil)
	}
	return l
}

func round(_ *run, v any, args []any, named map[string]any) any {
	f, ok := number(v)
	if !ok {
		panic(fail(0, "round of a value of type %s", typeName(v)))
	}
	if _, ok := v.(int64); ok && len(args)+len(named) == 0 {
		return v
	}
	by := math.Pow(10, float64(givenInt(args, named, 0, "precision", 0)))
	how, ok := map[any]func(float64) float64{"common": math.RoundToEven, "ceil": math.Ceil, "floor": math.Floor}[given(args, named, 1, "method", "common")]
	if !ok {
		panic(fail(0, "the method of round is common, ceil or floor"))
	}
	return how(f*by) / by
}

func toJSON(r *run, v any, args []any, named map[string]any) any {
	s := jsonStyle{ascii: truth(given(args, named, 0, "ensure_ascii", false)), sorted: truth(given(args, named, 3, "sort_keys", false)), comma: ", ", colon: ": "}
	switch by := given(args, named, 1, "indent", nil).(type) {
	case nil:
	case string:
		s.indent, s.comma = &by, ","
	default:
		n := givenInt(args, named, 1, "indent", 0)
		r.room(1, n)
		spaces := strings.Repeat(" ", int(max(0, n)))
		s.indent, s.comma = &spaces, ","
	}
	if l, ok := given(args, named, 2, "separators", nil).(*List); ok && len(l.Items) == 2 {
		s.comma, s.colon = text(l.Items[0]), text(l.Items[1])
	}
	light(v)
	var b strings.Builder
	s.dump(&b, v, 0)
	return r.sized(b.String())
}

func trim(r *run, v any, args []any, named map[string]any) any {
	chars := given(args, named, 0, "chars", nil)
	if chars == nil {
		return strings.TrimFunc(text(v), unicode.IsSpace)
	}
	return strings.Trim(text(v), text(chars))
}

func truncate(_ *run, v any, args []any, named map[string]any) any {
	n := int(givenInt(args, named, 0, "length", 255))
	ending := text(given(args, named, 2, "end", "..."))
	leeway := int(givenInt(args, named, 3, "leeway", 5))
	all, tail := []rune(text(v)), len([]rune(ending))
	switch {
	case n < tail:
		panic(fail(0, "truncate to %d leaves no room for %q", n, ending))
	case len(all) <= n+leeway:
		return string(all)
	}
	cut := string(all[:n-tail])
	if i := strings.LastIndex(cut, " "); i >= 0 && !truth(given(args, named, 1, "killwords", false)) {
		cut = cut[:i]
	}
	return cut + ending
}
