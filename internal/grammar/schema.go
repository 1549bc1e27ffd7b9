package grammar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// limits of what a schema may ask for: they bound the grammar.
const (
	mostBytes = 1 << 20 // of a schema
	mostRules = 1 << 17
	mostDepth = 64
	mostCount = 2000 // minItems, maxLength, …
)

// Any is the grammar of any JSON object.
func Any() *Grammar {
	g, err := Compile([]byte(`{"type":"object"}`))
	if err != nil {
		panic(err) // it is part of the program
	}
	return g
}

// Compile makes the grammar of a JSON Schema. An error names the keyword that cannot be
// kept, and where it is.
func Compile(schema []byte) (*Grammar, error) {
	if len(schema) > mostBytes {
		return nil, fmt.Errorf("the schema has %d bytes; at most %d", len(schema), mostBytes)
	}
	root, err := decode(schema)
	if err != nil {
		return nil, fmt.Errorf("the schema is no JSON: %w", err)
	}
	b := &builder{schema: map[string]int{}, json: map[string]int{}, root: root}
	b.add()
	start, err := b.of(root, "", 0)
	if err != nil {
		return nil, err
	}
	if len(b.rules) > mostRules {
		return nil, errors.New("the schema is too large")
	}
	b.rules[0] = rule{one(start)}
	g := &Grammar{b.rules}
	if g.circular() {
		return nil, errors.New("the schema refers to itself with nothing in between")
	}
	return g, nil
}

// object is a JSON object with its keys in order.
type object struct {
	keys   []string
	values map[string]any
}

// decode reads JSON with objects as *object.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err == nil && d.More() {
		err = errors.New("something follows it")
	}
	return v, err
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil || depth > mostDepth {
		return nil, errors.Join(err, tooDeep(depth))
	}
	switch t {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		o := &object{values: map[string]any{}}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			key := k.(string) // the decoder allows no other key
			if o.values[key], err = decodeValue(d, depth+1); err != nil {
				return nil, err
			}
			if !slices.Contains(o.keys, key) {
				o.keys = append(o.keys, key)
			}
		}
		_, err = d.Token()
		return o, err
	}
	return t, nil
}

func tooDeep(depth int) error {
	if depth > mostDepth {
		return fmt.Errorf("it is nested more than %d deep", mostDepth)
	}
	return nil
}

// silent are keywords that allow and forbid nothing.
var silent = []string{"$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}

// known are the keywords that are kept, by the type that they say something of.
var known = map[string][]string{
	"":       {"type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"},
	"object": {"properties", "required", "additionalProperties"},
	"array":  {"items", "minItems", "maxItems"},
	"string": {"minLength", "maxLength"},
}

// of is the rule of a schema at a place.
func (b *builder) of(schema any, at string, depth int) (symbol, error) {
	if err := tooDeep(depth); err != nil || len(b.rules) > mostRules {
		return symbol{}, errors.Join(errors.New("the schema is too large"), err)
	}
	if schema == true {
		return b.plain("value"), nil
	}
	o, ok := schema.(*object)
	if !ok {
		return symbol{}, fmt.Errorf("%s: a schema has to be an object", place(at))
	}
	for _, k := range o.keys {
		if !slices.Contains(silent, k) && !keeps(k) {
			return symbol{}, fmt.Errorf("%s: %q is not supported; leave it out", place(at), k)
		}
	}
	if err := o.alone(at); err != nil {
		return symbol{}, err
	}
	if to, ok := o.values["$ref"]; ok {
		return b.refer(to, at, depth)
	}
	if v, ok := o.values["const"]; ok {
		return b.values([]any{v})
	}
	if v, ok := o.values["enum"]; ok {
		list, ok := v.([]any)
		if !ok || len(list) == 0 {
			return symbol{}, fmt.Errorf("%s: enum has to be a list of values", place(at))
		}
		return b.values(list)
	}
	for _, k := range []string{"anyOf", "oneOf", "allOf"} {
		if v, ok := o.values[k]; ok {
			return b.any(v, k, at, depth)
		}
	}
	return b.typed(o, at, depth)
}

// alone refuses what would have to hold besides a keyword that says all.
func (o *object) alone(at string) error {
	for _, k := range o.keys {
		if !slices.Contains([]string{"$ref", "const", "enum", "anyOf", "oneOf", "allOf"}, k) {
			continue
		}
		for _, other := range o.keys {
			if other != k && !slices.Contains(silent, other) && (other != "type" || k == "$ref" || strings.HasSuffix(k, "Of")) {
				return fmt.Errorf("%s: %q beside %q is not supported", place(at), other, k)
			}
		}
	}
	return nil
}

func keeps(keyword string) bool {
	for _, list := range known {
		if slices.Contains(list, keyword) {
			return true
		}
	}
	return false
}

func place(at string) string {
	if at == "" {
		return "the schema"
	}
	return "the schema at " + at
}

// any is one of several schemas; allOf is kept where there is only one.
func (b *builder) any(v any, keyword, at string, depth int) (symbol, error) {
	list, ok := v.([]any)
	if !ok || len(list) == 0 || keyword == "allOf" && len(list) > 1 {
		return symbol{}, fmt.Errorf("%s: %s of this kind is not supported", place(at), keyword)
	}
	r := b.add()
	for i, s := range list {
		alternative, err := b.of(s, at+"/"+keyword+"/"+strconv.Itoa(i), depth+1)
		if err != nil {
			return symbol{}, err
		}
		b.rules[r] = append(b.rules[r], one(alternative))
	}
	return ref(r), nil
}

// refer is the rule of a schema elsewhere, such as #/$defs/name.
func (b *builder) refer(to any, at string, depth int) (symbol, error) {
	name, _ := to.(string)
	if r, ok := b.schema[name]; ok {
		return ref(r), nil
	}
	path, ok := strings.CutPrefix(name, "#")
	if !ok {
		return symbol{}, fmt.Errorf("%s: $ref %q does not begin with #", place(at), name)
	}
	v := b.root
	for _, part := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		if part == "" {
			continue
		}
		if v = member(v, part); v == nil {
			return symbol{}, fmt.Errorf("%s: there is no %q", place(at), name)
		}
	}
	r := b.add()
	b.schema[name] = r
	target, err := b.of(v, path, depth+1)
	b.rules[r] = rule{one(target)}
	return ref(r), err
}

// member is what an object or a list has under a name, nil if it has nothing there.
func member(v any, name string) any {
	switch v := v.(type) {
	case *object:
		return v.values[name]
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v) {
			return v[i]
		}
	}
	return nil
}

// values are given ones, as compact JSON.
func (b *builder) values(list []any) (symbol, error) {
	r := b.add()
	for _, v := range list {
		b.rules[r] = append(b.rules[r], text(compact(v)))
	}
	return ref(r), nil
}

// compact is a value as JSON without spaces.
func compact(v any) string {
	switch v := v.(type) {
	case *object:
		var parts []string
		for _, k := range v.keys {
			parts = append(parts, compact(k)+":"+compact(v.values[k]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		var parts []string
		for _, x := range v {
			parts = append(parts, compact(x))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.Encode(v) // strings, numbers, true, false, null
	return strings.TrimSuffix(out.String(), "\n")
}
