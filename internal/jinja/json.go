package jinja

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// FromJSON reads a JSON value; objects keep the order of their keys.
func FromJSON(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := readJSON(d, 0)
	if err != nil {
		return nil, fmt.Errorf("jinja: %w", err)
	}
	if d.More() {
		return nil, fmt.Errorf("jinja: more than one JSON value")
	}
	return v, nil
}

func readJSON(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > deepest {
		return nil, fmt.Errorf("JSON of more than %d levels", deepest)
	}
	switch t := t.(type) {
	case json.Number:
		if i, err := t.Int64(); err == nil && !strings.ContainsAny(t.String(), ".eE") {
			return i, nil
		}
		return t.Float64()
	case json.Delim:
		if t == '[' {
			return readArray(d, depth)
		}
		return readObject(d, depth)
	}
	return t, nil
}

func readArray(d *json.Decoder, depth int) (any, error) {
	l := &List{}
	for d.More() {
		v, err := readJSON(d, depth+1)
		if err != nil {
			return nil, err
		}
		l.Items = append(l.Items, v)
	}
	_, err := d.Token()
	return l, err
}

func readObject(d *json.Decoder, depth int) (any, error) {
	o := &Dict{}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := readJSON(d, depth+1)
		if err != nil {
			return nil, err
		}
		o.Set(k, v)
	}
	_, err := d.Token()
	return o, err
}

// jsonStyle is how tojson writes: Python's json.dumps.
type jsonStyle struct {
	ascii, sorted bool
	indent        *string // of each level; nil: all in one line
	comma, colon  string
}

// dump writes a value as JSON.
func (s jsonStyle) dump(b *strings.Builder, v any, depth int) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		fmt.Fprint(b, v)
	case int64:
		fmt.Fprint(b, v)
	case float64:
		b.WriteString(jsonFloat(v))
	case string:
		s.quote(b, v)
	case *List:
		s.group(b, "[]", len(v.Items), depth, func(i int) { s.dump(b, v.Items[i], depth+1) })
	case *Dict:
		keys := v.keys
		if s.sorted {
			keys = sorted(keys, order)
		}
		s.group(b, "{}", len(keys), depth, func(i int) {
			s.key(b, keys[i])
			b.WriteString(s.colon)
			s.dump(b, v.values[keys[i]], depth+1)
		})
	default:
		panic(fail(0, "a value of type %s cannot be JSON", typeName(v)))
	}
}

func (s jsonStyle) group(b *strings.Builder, brackets string, n, depth int, each func(i int)) {
	b.WriteByte(brackets[0])
	line := func(depth int) {
		if s.indent != nil && n > 0 {
			b.WriteString("\n" + strings.Repeat(*s.indent, depth))
		}
	}
	for i := range n {
		if i > 0 {
			b.WriteString(s.comma)
		}
		line(depth + 1)
		each(i)
	}
	line(depth)
	b.WriteByte(brackets[1])
}

// key writes the key of a dict, which JSON has as strings only.
func (s jsonStyle) key(b *strings.Builder, k any) {
	if text, ok := k.(string); ok {
		s.quote(b, text)
		return
	}
	var inner strings.Builder
	s.dump(&inner, k, 0)
	s.quote(b, inner.String())
}

func jsonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return floatText(f)
}

func (s jsonStyle) quote(b *strings.Builder, text string) {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\f': `\f`, '\b': `\b`}
	b.WriteByte('"')
	for _, c := range text {
		e, ok := short[c]
		switch {
		case ok:
			b.WriteString(e)
		case c < ' ', s.ascii && c >= 0x7f && c < 0x10000:
			fmt.Fprintf(b, `\u%04x`, c)
		case s.ascii && c >= 0x10000:
			c -= 0x10000
			fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+c>>10, 0xdc00+c&0x3ff)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
}
