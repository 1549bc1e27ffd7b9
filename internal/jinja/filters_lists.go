package jinja

import (
	"slices"
	"strconv"
	"strings"
)

// dotted is what a value has under a path such as function.name.
func dotted(v, path any) any {
	s, ok := path.(string)
	if !ok {
		return lookup(v, path)
	}
	for part := range strings.SplitSeq(s, ".") {
		if i, err := strconv.ParseInt(part, 10, 64); err == nil {
			v = lookup(v, i)
		} else {
			v = lookup(v, part)
		}
	}
	return v
}

// mapped is map('filter') or map(attribute='a').
func mapped(r *run, v any, args []any, named map[string]any) any {
	out := &List{}
	each := func(x any) any {
		y := dotted(x, named["attribute"])
		if _, missing := y.(undefined); missing {
			if d, ok := named["default"]; ok {
				return d
			}
		}
		return y
	}
	if _, ok := named["attribute"]; !ok {
		if len(args) == 0 {
			panic(fail(0, "map needs a filter or an attribute"))
		}
		f, ok := filters[text(args[0])]
		if !ok {
			panic(fail(0, "the filter %q is not supported", text(args[0])))
		}
		each = func(x any) any { return f(r, x, args[1:], named) }
	}
	for _, x := range items(v) {
		r.step(1)
		out.Items = append(out.Items, each(x))
	}
	return out
}

// chosen are the items that pass a test, or whose attribute does, or those that do not.
func chosen(r *run, v any, args []any, byAttribute, wanted bool) any {
	what := func(x any) any { return x }
	if byAttribute {
		if len(args) == 0 {
			panic(fail(0, "the name of an attribute is needed"))
		}
		key := args[0]
		what = func(x any) any { return dotted(x, key) }
		args = args[1:]
	}
	passes := func(x any) bool { return truth(x) }
	if len(args) > 0 {
		t, ok := tests[text(args[0])]
		if !ok {
			panic(fail(0, "the test %q is not supported", text(args[0])))
		}
		passes = func(x any) bool { return t(r, x, args[1:]) }
	}
	out := &List{}
	for _, x := range items(v) {
		r.step(1)
		if passes(what(x)) == wanted {
			out.Items = append(out.Items, x)
		}
	}
	return out
}

// sorted is a sorted copy; what is equal keeps its order.
func sorted(all []any, by func(a, b any) int) []any {
	out := slices.Clone(all)
	slices.SortStableFunc(out, by)
	return out
}

// folded is what is compared unless case matters.
func folded(v any) any {
	if s, ok := v.(string); ok {
		return strings.ToLower(s)
	}
	return v
}

// keyed compares by an attribute, without regard to case, and backwards, as asked.
func keyed(args []any, named map[string]any) func(a, b any) int {
	key := given(args, named, 2, "attribute", nil)
	exact := truth(given(args, named, 1, "case_sensitive", false))
	back := truth(given(args, named, 0, "reverse", false))
	of := func(v any) any {
		if key != nil {
			v = dotted(v, key)
		}
		if !exact {
			v = folded(v)
		}
		return v
	}
	return func(a, b any) int {
		if back {
			a, b = b, a
		}
		return order(of(a), of(b))
	}
}

func sortFilter(r *run, v any, args []any, named map[string]any) any {
	all := items(v)
	r.step(8 * len(all))
	return &List{Items: sorted(all, keyed(args, named))}
}

// dictSort sorts by keys, or by values.
func dictSort(r *run, v any, args []any, named map[string]any) any {
	d, ok := v.(*Dict)
	if !ok {
		panic(fail(0, "dictsort of a value of type %s", typeName(v)))
	}
	r.step(8 * d.Len())
	at := int64(0)
	if given(args, named, 1, "by", "key") == "value" {
		at = 1
	}
	exact := truth(given(args, named, 0, "case_sensitive", false))
	back := truth(given(args, named, 2, "reverse", false))
	return &List{Items: sorted(pairs(d).(*List).Items, func(a, b any) int {
		if back {
			a, b = b, a
		}
		x, y := lookup(a, at), lookup(b, at)
		if !exact {
			x, y = folded(x), folded(y)
		}
		return order(x, y)
	})}
}

func sum(r *run, v any, args []any, named map[string]any) any {
	total := given(args, named, 1, "start", int64(0))
	key := given(args, named, 0, "attribute", nil)
	for _, x := range items(v) {
		if key != nil {
			x = dotted(x, key)
		}
		total = arithmetic{"+", constant{total}, constant{x}, 0}.eval(r)
	}
	return total
}

func unique(r *run, v any, args []any, named map[string]any) any {
	key := given(args, named, 1, "attribute", nil)
	exact := truth(given(args, named, 0, "case_sensitive", false))
	out, seen := &List{}, &List{}
	for _, x := range items(v) {
		k := x
		if key != nil {
			k = dotted(x, key)
		}
		if !exact {
			k = folded(k)
		}
		if !contains(r, seen, k) {
			seen.Items, out.Items = append(seen.Items, k), append(out.Items, x)
		}
	}
	return out
}

// batch makes lists of n items.
func batch(r *run, v any, args []any, named map[string]any) any {
	n := int(givenInt(args, named, 0, "linecount", 0))
	if n < 1 {
		panic(fail(0, "batch needs a number above 0"))
	}
	fill := given(args, named, 1, "fill_with", nil)
	out := &List{}
	for part := range slices.Chunk(items(v), n) {
		part = slices.Clone(part)
		if fill != nil {
			r.step(n)
			for len(part) < n {
				part = append(part, fill)
			}
		}
		out.Items = append(out.Items, &List{Items: part})
	}
	return out
}
