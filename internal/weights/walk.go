package weights

import (
	"fmt"
	"reflect"
	"strings"
)

// want is one field to fill.
type want struct {
	name     string
	leaf     leaf
	shape    []int
	optional bool // `weight:"name,optional"`: may be missing from the checkpoint
}

// walk lists the fields of a module that are part of it.
func walk(module any) []want {
	var all []want
	visit(reflect.ValueOf(module), "", false, &all)
	return all
}

func visit(v reflect.Value, name string, optional bool, all *[]want) {
	if v.CanAddr() {
		if l, ok := v.Addr().Interface().(leaf); ok {
			if shape := l.wants(); shape != nil {
				*all = append(*all, want{name, l, shape, optional})
			}
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Elem(), name, optional, all)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), fmt.Sprintf("%s.%d", name, i), optional, all)
		}
	case reflect.Struct:
		visitStruct(v, name, all)
	default:
		panic(fmt.Sprintf("weights: field %q of type %v cannot hold weights", name, v.Type()))
	}
}

func visitStruct(v reflect.Value, name string, all *[]want) {
	for i := range v.NumField() {
		tag, ok := v.Type().Field(i).Tag.Lookup("weight")
		if !ok {
			continue
		}
		tag, optional := strings.CutSuffix(tag, ",optional")
		visit(v.Field(i), join(name, tag), optional, all)
	}
}

func join(prefix, name string) string {
	if prefix == "" || name == "" {
		return prefix + name
	}
	return prefix + "." + name
}
