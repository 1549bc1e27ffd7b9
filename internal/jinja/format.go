package jinja

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

var verb = regexp.MustCompile(`%(-?)(0?)(\d{0,4})(?:\.(\d{1,3}))?([sdifr%])`)

// format is Python's %: %s, %r, %d, %f and %%, with width and precision.
func format(s string, v any) string {
	args := []any{v}
	if l, ok := v.(*List); ok && l.Tuple {
		args = l.Items
	}
	n := 0
	out := verb.ReplaceAllStringFunc(s, func(m string) string {
		p := verb.FindStringSubmatch(m)
		if p[5] == "%" {
			return "%"
		}
		if n++; n > len(args) {
			panic(fail(0, "%q has more places than values", s))
		}
		return pad(formatOne(p[5], p[4], args[n-1]), p)
	})
	if n < len(args) {
		panic(fail(0, "%q has fewer places than values", s))
	}
	return out
}

func formatOne(verb, precision string, v any) string {
	switch verb {
	case "s":
		return text(v)
	case "r":
		return repr(v)
	}
	f, ok := number(v)
	if !ok {
		panic(fail(0, "%%%s of a value of type %s", verb, typeName(v)))
	}
	if verb != "f" {
		return strconv.FormatInt(int64(f), 10)
	}
	digits := 6
	if precision != "" {
		digits, _ = strconv.Atoi(precision)
	}
	return strconv.FormatFloat(f, 'f', digits, 64)
}

// pad fills up to the width of a place.
func pad(s string, p []string) string {
	width, _ := strconv.Atoi(p[3])
	n := width - length(s)
	switch {
	case n <= 0:
		return s
	case p[1] == "-":
		return s + strings.Repeat(" ", n)
	case p[2] == "0" && p[5] != "s":
		return strings.Repeat("0", n) + s
	}
	return strings.Repeat(" ", n) + s
}

var field = regexp.MustCompile(`\{\{|\}\}|\{(\w*)\}`)

// formatted is str.format with plain places: {}, {0}, {name}.
func formatted(r *run, s string, args []any, named map[string]any) any {
	n := 0
	return r.sized(field.ReplaceAllStringFunc(s, func(m string) string {
		if m == "{{" || m == "}}" {
			return m[:1]
		}
		key := m[1 : len(m)-1]
		if v, ok := named[key]; ok {
			return text(v)
		}
		i, err := strconv.Atoi(key)
		if key == "" {
			i, err = n, nil
			n++
		}
		if err != nil || i >= len(args) {
			panic(fail(0, "%q has a place for %q, which is not given", s, key))
		}
		return text(args[i])
	}))
}

// directives of strftime, as Go's time writes them.
var directives = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'd': "02", 'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04",
	'p': "PM", 'S': "05", 'y': "06", 'Y': "2006", 'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06", 'e': "_2", 'Z': "", 'z': "",
}

func strftime(now time.Time, layout string) string {
	var b strings.Builder
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' || i+1 == len(layout) {
			b.WriteByte(layout[i])
			continue
		}
		i++
		d, plain := layout[i], layout[i] == '-' && i+1 < len(layout)
		if plain { // without zeros before it
			i++
			d = layout[i]
		}
		f, ok := directives[d]
		switch {
		case d == '%':
			b.WriteByte('%')
		case !ok:
			panic(fail(0, "strftime_now does not know %%%c", d))
		case plain:
			b.WriteString(strings.TrimLeft(now.Format(f)[:len(now.Format(f))-1], "0") + now.Format(f)[len(now.Format(f))-1:])
		default:
			b.WriteString(now.Format(f))
		}
	}
	return b.String()
}
