package grammar

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// accepts runs a text through a grammar.
func accepts(g *Grammar, text string) bool {
	m := g.Machine()
	s := m.Start()
	for i := range len(text) {
		if s = m.Next(s, text[i]); s == 0 {
			return false
		}
	}
	return m.Done(s)
}

// TestAccepts: texts that are of a schema and others that are not.
func TestAccepts(t *testing.T) {
	for _, c := range []struct {
		schema   string
		yes, not []string
	}{
		{`{"type":"integer"}`, []string{"0", "-7", "1234"}, []string{"", "01", "1.5", "-", "+1", `"1"`, " 1", "1 "}},
		{`{"type":"number"}`, []string{"0", "-0.5", "1e9", "2.50E-3"}, []string{".5", "1.", "1e", "NaN", "--1"}},
		{`{"type":["null","boolean"]}`, []string{"null", "true", "false"}, []string{"nul", "True", "0"}},
		{`{"type":"string","minLength":2,"maxLength":3}`, []string{`"ab"`, `"日本語"`, `"\n\u00e9"`}, []string{`"a"`, `"abcd"`, `ab`, "\"a\nb\"", "\"\xff\xff\""}},
		{`{"enum":["red",2,null,{"a":[1,"x"]}]}`, []string{`"red"`, "2", "null", `{"a":[1,"x"]}`}, []string{"red", "3", `{"a":[1]}`}},
		{`{"const":"<a&b>"}`, []string{`"<a&b>"`}, []string{`"\u003ca&b>"`}},
		{`{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}`, []string{"[1]", "[1, 2]", "[1,2,3]", "[ 1 ]", "[\n  1,\n  2\n]"}, []string{"[]", "[1,2,3,4]", "[1,]", "[1 2]"}},
		{`{"type":"array","maxItems":0}`, []string{"[]", "[ ]"}, []string{"[1]"}},
		{`{"type":"array","items":{"enum":[1]},"minItems":2}`, []string{"[1,1]", "[1,1,1,1]"}, []string{"[1]"}},
		{`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"},"c":{"type":"null"}},"required":["b"],"additionalProperties":false}`,
			[]string{`{"b":""}`, `{"a":1,"b":"x"}`, `{"a": 1, "b": "x", "c": null}`, `{"b":"x","c":null}`, "{\n \"b\": \"\"\n}"},
			[]string{`{}`, `{"a":1}`, `{"c":null,"b":""}`, `{"b":"","d":1}`, `{"b":"",}`, `{,"b":""}`}},
		{`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}}}`, []string{`{}`, `{"a":1}`, `{"b":1}`, `{"a":1,"b":2}`}, []string{`{"b":1,"a":2}`, `{,"b":1}`}},
		{`{"type":"object"}`, []string{`{}`, `{"x":[1,{"y":null}],"z":"\"\\"}`}, []string{`[]`, `{"x"}`, `{x:1}`}},
		{`{"type":"object","additionalProperties":{"type":"integer"}}`, []string{`{}`, `{"x":1,"y":2}`}, []string{`{"x":"1"}`}},
		{`{"type":"object","additionalProperties":false}`, []string{`{}`}, []string{`{"x":1}`}},
		{`{"anyOf":[{"type":"integer"},{"type":"string"}]}`, []string{"1", `"1"`}, []string{"null"}},
		{`{"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object","properties":{"v":{"type":"integer"},"kids":{"type":"array","items":{"$ref":"#/$defs/tree"}}},"required":["v","kids"]}}}`,
			[]string{`{"v":1,"kids":[]}`, `{"v":1,"kids":[{"v":2,"kids":[]},{"v":3,"kids":[{"v":4,"kids":[]}]}]}`}, []string{`{"v":1}`, `{"v":1,"kids":[1]}`}},
		{`{"anyOf":[{"type":"null"},{"type":"array","items":{"$ref":"#/anyOf/0"}}]}`, []string{"null", "[null]"}, []string{"[1]"}},
		{`{"type":"array","items":{"$ref":"#"}}`, []string{"[]", "[[],[[]]]"}, []string{"[1]"}},
		{`true`, []string{"1", "[]", `{"a":null}`}, []string{""}},
	} {
		g, err := Compile([]byte(c.schema))
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		for _, s := range c.yes {
			if !accepts(g, s) {
				t.Errorf("%s refuses %s", c.schema, s)
			}
		}
		for _, s := range c.not {
			if accepts(g, s) {
				t.Errorf("%s accepts %s", c.schema, s)
			}
		}
	}
}

// TestWalk writes texts by chance, byte by byte from those that may follow: all are
// JSON.
func TestWalk(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, schema := range []string{
		`{"type":"object"}`, `{"type":"array","items":{"type":["number","string","null"]},"maxItems":5}`,
		`{"type":"object","properties":{"name":{"type":"string","maxLength":9},"n":{"type":"integer"},"tags":{"type":"array","items":{"enum":["a","b"]}},"more":{"type":"object"}},"required":["n"]}`,
	} {
		g, err := Compile([]byte(schema))
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			m := g.Machine()
			s, text := m.Start(), []byte{}
			for !m.Ended(s) {
				var may []byte
				for c := range 256 {
					if m.Next(s, byte(c)) != 0 {
						may = append(may, byte(c))
					}
				}
				if len(may) == 0 {
					t.Fatalf("%s: nothing may follow %q", schema, text)
				}
				b := may[r.IntN(len(may))]
				if closing := strings.IndexAny(string(may), `"]}`); closing >= 0 && r.IntN(3) > 0 {
					b = may[closing]
				}
				s, text = m.Next(s, b), append(text, b)
			}
			if !json.Valid(text) {
				t.Fatalf("%s: %q is no JSON", schema, text)
			}
		}
	}
}

// TestRefusals: what cannot be kept is named.
func TestRefusals(t *testing.T) {
	for schema, want := range map[string]string{
		`{`:                                "no JSON",
		`{"type":"integer"} 1`:             "something follows",
		`1`:                                "has to be an object",
		`{"type":"string","pattern":"a+"}`: `"pattern" is not supported`,
		`{"type":"integer","minimum":1}`:   `"minimum" is not supported`,
		`{"type":"thing"}`:                 "type thing is none of",
		`{"type":[]}`:                      "has to be a name",
		`{"type":"array","minItems":1e9}`:  "minItems is 1e9, want 0 to 2000",
		`{"type":"array","minItems":3,"maxItems":2}`:               "maxItems 2 is below minItems 3",
		`{"type":"object","properties":{"a":{"not":{}}}}`:          `the schema at /properties/a: "not" is not supported`,
		`{"type":"object","properties":{"a":{}},"required":["b"]}`: "b is required",
		`{"type":"object","required":["b"]}`:                       "b is required",
		`{"anyOf":[{"$ref":"#/anyOf/2"}]}`:                         `there is no "#/anyOf/2"`,
		`{"$ref":"#/$defs/none"}`:                                  `there is no "#/$defs/none"`,
		`{"$ref":"http://example.com/x"}`:                          "does not begin with #",
		`{"$ref":"#"}`:                                             "refers to itself",
		`{"anyOf":[{"$ref":"#"},{"type":"null"}]}`:                 "refers to itself",
		`{"enum":[]}`: "enum has to be a list",
		`{"anyOf":[{"type":"null"}],"properties":{}}`:                       `"properties" beside "anyOf"`,
		`{"allOf":[{"type":"null"},{"type":"null"}]}`:                       "allOf of this kind",
		`{"type":"object","properties":{"a":{}},"additionalProperties":{}}`: "additionalProperties with a schema",
		strings.Repeat(`{"items":`, 100) + `{}` + strings.Repeat(`}`, 100):  "nested more than 64",
	} {
		if _, err := Compile([]byte(schema)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %s", schema, err, want)
		}
	}
}

// FuzzCompile: no schema is a panic or goes on for ever, and what it begins with can be
// followed.
func FuzzCompile(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"$ref":"#"}}}`), []byte(`{"a":{}}`))
	f.Add([]byte(`{"anyOf":[{"type":"array","items":{"$ref":"#"}},{"enum":[1]}]}`), []byte(`[1,[1]]`))
	f.Fuzz(func(t *testing.T, schema, text []byte) {
		g, err := Compile(schema)
		if err != nil {
			return
		}
		m := g.Machine()
		s := m.Start()
		for _, b := range text[:min(len(text), 200)] {
			s = m.Next(s, b)
		}
	})
}
