package jinja

// globals are what every template knows: Jinja's own, and those of transformers.
var globals map[string]function

func init() {
	globals = map[string]function{
		"range":     rangeOf,
		"namespace": newNamespace,
		"dict":      newDict,
		"joiner":    joiner,
		"raise_exception": func(_ *run, args []any, _ map[string]any) any {
			panic(&Raised{text(one(args))})
		},
		"strftime_now": func(r *run, args []any, _ map[string]any) any { return strftime(r.now, text(one(args))) },
	}
}

// longestRange is that of Jinja's sandbox.
const longestRange = 100_000

func rangeOf(r *run, args []any, _ map[string]any) any {
	n := make([]int64, len(args))
	for i, a := range args {
		n[i] = mustWhole(a)
	}
	from, to, by := int64(0), int64(0), int64(1)
	switch len(n) {
	case 1:
		to = n[0]
	case 2:
		from, to = n[0], n[1]
	case 3:
		from, to, by = n[0], n[1], n[2]
	default:
		panic(fail(0, "range takes one to three numbers"))
	}
	if by == 0 {
		panic(fail(0, "range cannot go by 0"))
	}
	l := &List{}
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		if len(l.Items) == longestRange {
			panic(fail(0, "a range of more than %d", longestRange))
		}
		l.Items = append(l.Items, i)
	}
	r.step(len(l.Items))
	return l
}

func newNamespace(_ *run, args []any, named map[string]any) any {
	n := &namespace{map[string]any{}}
	for _, a := range args {
		if d, ok := a.(*Dict); ok {
			for k, v := range d.values {
				n.values[text(k)] = v
			}
		}
	}
	for k, v := range named {
		n.values[k] = v
	}
	return n
}

// newDict takes names in their alphabetic order, since calls do not keep another.
func newDict(_ *run, args []any, named map[string]any) any {
	d := &Dict{}
	if len(args) > 0 {
		from, ok := args[0].(*Dict)
		if !ok {
			panic(fail(0, "dict of a value of type %s", typeName(args[0])))
		}
		for _, k := range from.keys {
			d.Set(k, from.values[k])
		}
	}
	names := &List{}
	for k := range named {
		names.Items = append(names.Items, k)
	}
	for _, k := range sorted(names.Items, order) {
		d.Set(k, named[k.(string)])
	}
	return d
}

// joiner writes its separator at every call but the first.
func joiner(_ *run, args []any, named map[string]any) any {
	by, used := text(given(args, named, 0, "sep", ", ")), false
	return function(func(*run, []any, map[string]any) any {
		if !used {
			used = true
			return ""
		}
		return by
	})
}
