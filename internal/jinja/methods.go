package jinja

import (
	"slices"
	"strings"
	"unicode"
)

// methodOf is a method of a value, bound to it. The sandbox has none that changes one.
func methodOf(v any, name string) (function, bool) {
	switch v := v.(type) {
	case string:
		if m, ok := stringMethods[name]; ok {
			return func(r *run, args []any, named map[string]any) any { return m(r, v, args, named) }, true
		}
	case *Dict:
		return dictMethod(v, name)
	case *List:
		return listMethod(v, name)
	case *loopState:
		if name == "cycle" || name == "changed" {
			f, ok := v.get(name).(function)
			return f, ok
		}
	}
	return nil, false
}

func dictMethod(d *Dict, name string) (function, bool) {
	switch name {
	case "get":
		return func(_ *run, args []any, _ map[string]any) any {
			if len(args) == 0 {
				panic(fail(0, "get needs a key"))
			}
			if v, ok := d.Get(args[0]); ok {
				return v
			}
			return given(args, nil, 1, "", nil)
		}, true
	case "items":
		return func(*run, []any, map[string]any) any { return pairs(d) }, true
	case "keys":
		return func(*run, []any, map[string]any) any { return &List{Items: slices.Clone(d.keys)} }, true
	case "values":
		return func(*run, []any, map[string]any) any {
			l := &List{}
			for _, k := range d.keys {
				l.Items = append(l.Items, d.values[k])
			}
			return l
		}, true
	case "copy":
		return func(*run, []any, map[string]any) any {
			c := &Dict{}
			for _, k := range d.keys {
				c.Set(k, d.values[k])
			}
			return c
		}, true
	case "pop", "popitem", "update", "setdefault", "clear":
		return refused("dict", name), true
	}
	return nil, false
}

func listMethod(l *List, name string) (function, bool) {
	switch name {
	case "index":
		return func(r *run, args []any, _ map[string]any) any {
			for i, x := range l.Items {
				if equal(x, one(args)) {
					return int64(i)
				}
			}
			panic(fail(0, "%s is not in the list", repr(one(args))))
		}, true
	case "count":
		return func(r *run, args []any, _ map[string]any) any {
			n := int64(0)
			for _, x := range l.Items {
				if equal(x, one(args)) {
					n++
				}
			}
			return n
		}, true
	case "append", "extend", "insert", "pop", "remove", "reverse", "sort", "clear":
		return refused("list", name), true
	}
	return nil, false
}

// refused is a method that the sandbox of transformers refuses too.
func refused(kind, name string) function {
	return func(*run, []any, map[string]any) any {
		panic(fail(0, "%s.%s changes its value, which templates may not", kind, name))
	}
}

type stringMethod func(r *run, s string, args []any, named map[string]any) any

// stringMethods are those of Python's str.
var stringMethods map[string]stringMethod

func init() {
	plain := func(f func(string) string) stringMethod {
		return func(r *run, s string, _ []any, _ map[string]any) any { return r.sized(f(s)) }
	}
	all := func(ok func(rune) bool) stringMethod {
		return func(_ *run, s string, _ []any, _ map[string]any) any {
			return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return !ok(c) })
		}
	}
	test := func(name string) stringMethod {
		return func(r *run, s string, _ []any, _ map[string]any) any { return tests[name](r, s, nil) }
	}
	stringMethods = map[string]stringMethod{
		"capitalize": plain(capitalize),
		"count": func(_ *run, s string, args []any, _ map[string]any) any {
			return int64(strings.Count(s, text(one(args))))
		},
		"endswith":  affix(strings.HasSuffix),
		"find":      find(strings.Index),
		"format":    formatted,
		"index":     index,
		"isalnum":   all(func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }),
		"isalpha":   all(unicode.IsLetter),
		"isdecimal": all(unicode.IsDigit),
		"isdigit":   all(unicode.IsDigit),
		"islower":   test("lower"),
		"isnumeric": all(unicode.IsNumber),
		"isspace":   all(unicode.IsSpace),
		"isupper":   test("upper"),
		"join":      func(r *run, s string, args []any, _ map[string]any) any { return join(r, one(args), []any{s}, nil) },
		"lower":     plain(strings.ToLower),
		"lstrip":    strip(strings.TrimLeftFunc),
		"removeprefix": func(_ *run, s string, args []any, _ map[string]any) any {
			return strings.TrimPrefix(s, text(one(args)))
		},
		"removesuffix": func(_ *run, s string, args []any, _ map[string]any) any {
			return strings.TrimSuffix(s, text(one(args)))
		},
		"replace": func(r *run, s string, args []any, named map[string]any) any {
			return replace(r, s, args, named)
		},
		"rfind":      find(strings.LastIndex),
		"rsplit":     split(true),
		"rstrip":     strip(strings.TrimRightFunc),
		"split":      split(false),
		"splitlines": splitLines,
		"startswith": affix(strings.HasPrefix),
		"strip":      strip(strings.TrimFunc),
		"title":      plain(title),
		"upper":      plain(strings.ToUpper),
	}
}

// affix takes one text or a tuple of them.
func affix(has func(s, affix string) bool) stringMethod {
	return func(_ *run, s string, args []any, _ map[string]any) any {
		l, ok := one(args).(*List)
		if !ok {
			l = &List{Items: args}
		}
		return slices.ContainsFunc(l.Items, func(x any) bool {
			a, ok := x.(string)
			if !ok {
				panic(fail(0, "a text is needed, not a value of type %s", typeName(x)))
			}
			return has(s, a)
		})
	}
}

// find counts in characters.
func find(at func(s, what string) int) stringMethod {
	return func(_ *run, s string, args []any, _ map[string]any) any {
		i := at(s, text(one(args)))
		if i < 0 {
			return int64(-1)
		}
		return int64(length(s[:i]))
	}
}

func index(r *run, s string, args []any, named map[string]any) any {
	i := find(strings.Index)(r, s, args, named)
	if i == int64(-1) {
		panic(fail(0, "%q is not in the text", text(one(args))))
	}
	return i
}

func strip(trim func(string, func(rune) bool) string) stringMethod {
	return func(_ *run, s string, args []any, _ map[string]any) any {
		if len(args) == 0 || args[0] == nil {
			return trim(s, unicode.IsSpace)
		}
		chars := text(args[0])
		return trim(s, func(c rune) bool { return strings.ContainsRune(chars, c) })
	}
}

// split cuts at a separator, or at white space; most times, counted from the right too.
func split(right bool) stringMethod {
	return func(r *run, s string, args []any, named map[string]any) any {
		by, most := given(args, named, 0, "sep", nil), int(givenInt(args, named, 1, "maxsplit", -1))
		var parts []string
		switch {
		case by == nil && most < 0:
			parts = strings.Fields(s)
		case by == nil:
			parts = fields(s, most, right)
		case text(by) == "":
			panic(fail(0, "split at an empty text"))
		default:
			parts = strings.Split(s, text(by))
			if n := len(parts) - 1 - most; most >= 0 && n > 0 {
				if right {
					parts = append([]string{strings.Join(parts[:n+1], text(by))}, parts[n+1:]...)
				} else {
					parts = append(parts[:most:most], strings.Join(parts[most:], text(by)))
				}
			}
		}
		r.step(len(parts))
		return texts(parts)
	}
}

// fields are words, the last or the first of them with all that is left.
func fields(s string, most int, right bool) (out []string) {
	if right {
		for s = strings.TrimRightFunc(s, unicode.IsSpace); s != "" && len(out) < most; {
			i := strings.LastIndexFunc(s, unicode.IsSpace)
			out = append(out, s[i+1:])
			s = strings.TrimRightFunc(s[:max(i, 0)], unicode.IsSpace)
		}
		if s != "" {
			out = append(out, s)
		}
		slices.Reverse(out)
		return out
	}
	for s = strings.TrimLeftFunc(s, unicode.IsSpace); s != "" && len(out) < most; {
		i := strings.IndexFunc(s, unicode.IsSpace)
		if i < 0 {
			i = len(s)
		}
		out = append(out, s[:i])
		s = strings.TrimLeftFunc(s[i:], unicode.IsSpace)
	}
	if s != "" {
		out = append(out, s)
	}
	return out
}

func splitLines(_ *run, s string, args []any, named map[string]any) any {
	keep := truth(given(args, named, 0, "keepends", false))
	l := &List{}
	for line := range strings.Lines(strings.ReplaceAll(s, "\r\n", "\n")) {
		if !keep {
			line = strings.TrimSuffix(line, "\n")
		}
		l.Items = append(l.Items, line)
	}
	return l
}

func texts(parts []string) *List {
	l := &List{Items: make([]any, len(parts))}
	for i, p := range parts {
		l.Items[i] = p
	}
	return l
}
