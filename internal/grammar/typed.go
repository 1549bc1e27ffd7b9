package grammar

import (
	"encoding/json"
	"fmt"
	"slices"
)

// typed is the rule of a schema that says of what type a value is.
func (b *builder) typed(o *object, at string, depth int) (symbol, error) {
	var types []any
	switch v := o.values["type"].(type) {
	case string:
		types = []any{v}
	case []any:
		types = v
	case nil:
		if o.values["properties"] == nil && o.values["items"] == nil {
			return b.plain("value"), nil
		}
		types = []any{"object"}
		if o.values["items"] != nil {
			types = []any{"array"}
		}
	}
	r := b.add()
	for _, t := range types {
		alternatives, err := b.kind(o, t, at, depth)
		if err != nil {
			return symbol{}, err
		}
		b.rules[r] = append(b.rules[r], alternatives...)
	}
	if len(b.rules[r]) == 0 {
		return symbol{}, fmt.Errorf("%s: type has to be a name or a list of names", place(at))
	}
	return ref(r), nil
}

// kind is the rule of one type.
func (b *builder) kind(o *object, kind any, at string, depth int) (rule, error) {
	switch kind {
	case "null", "boolean", "integer", "number":
		return rule{one(b.plain(kind.(string)))}, nil
	case "string":
		least, most, err := o.counts("minLength", "maxLength", at)
		if err != nil || least == 0 && most < 0 {
			return rule{one(b.plain("string"))}, err
		}
		return rule{{oneOf(`"`), b.counted(b.plain("character"), least, most), oneOf(`"`)}}, nil
	case "array":
		return b.array(o, at, depth)
	case "object":
		return b.object(o, at, depth)
	}
	return nil, fmt.Errorf("%s: type %v is none of object, array, string, number, integer, boolean, null", place(at), kind)
}

// counts reads a least and a most number; most is below 0 where there is none.
func (o *object) counts(least, most, at string) (lo, hi int, err error) {
	read := func(key string, absent int) int {
		v, ok := o.values[key]
		if !ok {
			return absent
		}
		number, _ := v.(json.Number)
		n, bad := number.Int64()
		if bad != nil || n < 0 || n > mostCount {
			err = fmt.Errorf("%s: %s is %v, want 0 to %d", place(at), key, v, mostCount)
		}
		return int(n)
	}
	lo, hi = read(least, 0), read(most, -1)
	if err == nil && hi >= 0 && hi < lo {
		err = fmt.Errorf("%s: %s %d is below %s %d", place(at), most, hi, least, lo)
	}
	return lo, hi, err
}

func (b *builder) array(o *object, at string, depth int) (rule, error) {
	least, most, err := o.counts("minItems", "maxItems", at)
	if err != nil {
		return nil, err
	}
	item := b.plain("value")
	if items, ok := o.values["items"]; ok {
		if item, err = b.of(items, at+"/items", depth+1); err != nil {
			return nil, err
		}
	}
	return b.list('[', ']', item, least, most), nil
}

// object has the properties in the order of the schema; those that are not required
// may be left out. Without any it is a map.
func (b *builder) object(o *object, at string, depth int) (rule, error) {
	properties, _ := o.values["properties"].(*object)
	if properties == nil || len(properties.keys) == 0 {
		return b.mapping(o, at, depth)
	}
	switch o.values["additionalProperties"].(type) {
	case nil, bool: // more keys are allowed at most, and none are written
	default:
		return nil, fmt.Errorf("%s: additionalProperties with a schema beside properties is not supported", place(at))
	}
	required, err := o.required(properties, at)
	if err != nil {
		return nil, err
	}
	space, end := b.plain("space"), oneOf("}")
	// From the last to the first: what follows when none, or some, have been written.
	none, some := rule{one(end)}, rule{{space, end}}
	for i := len(properties.keys) - 1; i >= 0; i-- {
		key := properties.keys[i]
		value, err := b.of(properties.values[key], at+"/properties/"+key, depth+1)
		if err != nil {
			return nil, err
		}
		pair := seq(text(compact(key)), text(":"), []symbol{space, value})
		rest := ref(b.rule(some...))
		first, later := seq(pair, one(rest)), seq(text(","), one(space), pair, one(rest))
		if slices.Contains(required, key) {
			none, some = rule{first}, rule{later}
		} else {
			none, some = append(rule{first}, none...), append(rule{later}, some...)
		}
	}
	return rule{{oneOf("{"), space, ref(b.rule(none...))}}, nil
}

// required are the names of properties that have to be there.
func (o *object) required(properties *object, at string) (names []string, err error) {
	list, _ := o.values["required"].([]any)
	for _, v := range list {
		name, ok := v.(string)
		if !ok || properties.values[name] == nil {
			return nil, fmt.Errorf("%s: %v is required and not among the properties", place(at), v)
		}
		names = append(names, name)
	}
	return names, nil
}

// mapping is an object with any keys.
func (b *builder) mapping(o *object, at string, depth int) (rule, error) {
	if list, _ := o.values["required"].([]any); len(list) > 0 {
		return nil, fmt.Errorf("%s: %v is required and not among the properties", place(at), list[0])
	}
	var value symbol
	switch more := o.values["additionalProperties"]; more {
	case nil, true:
		return rule{one(b.plain("object"))}, nil
	case false:
		return rule{text("{}")}, nil
	default:
		var err error
		if value, err = b.of(more, at+"/additionalProperties", depth+1); err != nil {
			return nil, err
		}
	}
	pair := b.rule([]symbol{b.plain("string"), oneOf(":"), b.plain("space"), value})
	return b.list('{', '}', ref(pair), 0, -1), nil
}
