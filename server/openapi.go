package server

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// openAPI describes the routes as OpenAPI 3.1. It is made from the table that
// serves them, so that it cannot say anything else.
func (s *Server) openAPI(routes []route) map[string]any {
	paths := map[string]map[string]any{}
	for _, rt := range routes {
		if rt.doc == "" {
			continue // the page's files
		}
		p := templated(rt.path)
		if paths[p] == nil {
			paths[p] = map[string]any{}
		}
		paths[p][strings.ToLower(rt.method)] = rt.operation()
	}
	return map[string]any{
		"openapi": "3.1.0",
		"info":    map[string]any{"title": "emblem", "version": s.Version, "description": "Pictures and words in one space: vectors, search, libraries."},
		"paths":   paths,
		"components": map[string]any{
			"securitySchemes": map[string]any{"key": map[string]any{"type": "http", "scheme": "bearer"}},
			"schemas":         map[string]any{"Error": errorSchema},
		},
	}
}

var errorSchema = map[string]any{
	"type": "object", "required": []string{"error"},
	"properties": map[string]any{
		"error": map[string]any{
			"type": "object", "required": []string{"message", "type", "param", "code"},
			"properties": map[string]any{
				"message": stringSchema, "type": stringSchema,
				"param": map[string]any{"type": []string{"string", "null"}}, "code": map[string]any{"type": []string{"string", "null"}},
			},
		},
		"request_id": stringSchema,
	},
}

var stringSchema = map[string]any{"type": "string"}

var parameter = regexp.MustCompile(`:(\w+)`)

// templated is a path as OpenAPI writes it.
func templated(path string) string { return parameter.ReplaceAllString(path, "{$1}") }

// operation describes one route.
func (rt route) operation() map[string]any {
	answer := map[string]any{"description": "The answer."}
	if rt.answer != nil {
		answer["content"] = map[string]any{"application/json": map[string]any{"schema": schemaOf(reflect.TypeOf(rt.answer))}}
	}
	if rt.stamps {
		answer["headers"] = map[string]any{headerFingerprint: map[string]any{"description": "The fingerprint of the model: vectors of two are not comparable.", "schema": stringSchema}}
	}
	failure := map[string]any{"description": "An error."}
	if rt.shape == nil {
		failure["content"] = map[string]any{"application/json": map[string]any{"schema": map[string]any{"$ref": "#/components/schemas/Error"}}}
	}
	op := map[string]any{"summary": rt.doc, "responses": map[string]any{"200": answer, "default": failure}}
	if rt.body != nil {
		op["requestBody"] = map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": schemaOf(reflect.TypeOf(rt.body))}}}
	}
	var params []any
	for _, m := range parameter.FindAllStringSubmatch(rt.path, -1) {
		params = append(params, map[string]any{"name": m[1], "in": "path", "required": true, "schema": stringSchema})
	}
	for _, q := range rt.query {
		params = append(params, map[string]any{"name": q, "in": "query", "schema": stringSchema})
	}
	if params != nil {
		op["parameters"] = params
	}
	if rt.scope != "" {
		op["security"] = []any{map[string]any{"key": []string{}}}
		op["description"] = "Needs the scope " + string(rt.scope) + " where keys are asked for."
	}
	return op
}

// schemaOf is the JSON Schema of a Go type, as encoding/json writes it.
func schemaOf(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[anyObject]():
		return map[string]any{"type": "object"}
	case t == reflect.TypeFor[json.RawMessage](), t.Kind() == reflect.Interface:
		return map[string]any{} // anything
	case t == reflect.TypeFor[oneOrMore]():
		return map[string]any{"oneOf": []any{stringSchema, map[string]any{"type": "array", "items": stringSchema}}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Struct:
		return structSchema(t)
	}
	return map[string]any{"type": "integer"}
}

func structSchema(t reflect.Type) map[string]any {
	properties := map[string]any{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			maps.Copy(properties, structSchema(f.Type)["properties"].(map[string]any))
		}
		if name != "" && name != "-" {
			properties[name] = schemaOf(f.Type)
		}
	}
	return map[string]any{"type": "object", "properties": properties}
}

// serveOpenAPI answers GET /openapi.json.
func (s *Server) serveOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write(s.description) // a client that went away is no error of ours
	return nil
}
