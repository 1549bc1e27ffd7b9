package jinja

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// golden is what jinja2 makes of templates (tools/golden/chat.py).
type golden struct {
	Templates []string
	Variables []json.RawMessage
	Cases     []struct {
		Name                string
		Template, Variables int
		Text, Raised        *string
	}
}

func readGolden(t testing.TB) (g golden) {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// variables makes the values of a template of JSON.
func variables(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	v, err := FromJSON(raw)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	d := v.(*Dict)
	for _, k := range d.keys {
		out[k.(string)] = d.values[k]
	}
	return out
}

// TestGoldens renders what jinja2 renders, to the same bytes, and refuses what it refuses.
func TestGoldens(t *testing.T) {
	g := readGolden(t)
	for _, c := range g.Cases {
		t.Run(c.Name, func(t *testing.T) {
			var got string
			tpl, err := Parse(g.Templates[c.Template])
			if err == nil {
				got, err = tpl.Render(variables(t, g.Variables[c.Variables]))
			}
			var raised *Raised
			switch {
			case c.Text != nil && err != nil:
				t.Errorf("%v\n%s", err, g.Templates[c.Template])
			case c.Text != nil && got != *c.Text:
				t.Errorf("%s\ngot  %q\nwant %q", g.Templates[c.Template], got, *c.Text)
			case c.Text == nil && err == nil:
				t.Errorf("%s was rendered: %q", g.Templates[c.Template], got)
			case c.Raised != nil && (!errors.As(err, &raised) || raised.Message != *c.Raised):
				t.Errorf("%v; want %q", err, *c.Raised)
			}
		})
	}
}

// TestErrors names the line and what is wrong.
func TestErrors(t *testing.T) {
	for source, says := range map[string]string{
		"a\n{% include 'x' %}":          `line 2: the tag "include" is not supported`,
		"{{ x | nope }}":                `line 1: the filter "nope" is not supported`,
		"a\n\n{{ x.y }}":                `line 3: x is not defined`,
		"{% for a in b %}":              `the template ends before "endfor"`,
		"{{ xs.append(1) }}":            "changes its value",
		"{% if a }":                     `line 1: unexpected "}"`,
		"{{ 9223372036854775807 + 1 }}": "64 bits",
		"{% for i in range(100001) %}":  "ends before",
		"{{ range(100001) }}":           "a range of more than 100000",
		"{{ 'a' * 99999999999 }}":       "too many",
		"{{ strftime_now('%Q') }}":      "%Q",
		"{{ " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000) + " }}":                                                                     "levels deep",
		"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}":                                                                                               "calls deep",
		"{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}":                                                                  "steps",
		"{% set n = namespace(s='0123456789') %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}":                                          "bytes",
		"{% set n = namespace(s='0123456789' * 99999) %}{% for i in range(99) %}{{ n.s }}{% endfor %}":                                                  "bytes",
		"{% set n = namespace(l=[0]) %}{% for i in range(99) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l | tojson | length }}":                       "",
		"{% set n = namespace(l=[0]) %}{% for i in range(99) %}{% set n.l = n.l + n.l %}{% endfor %}":                                                   "steps",
		"{% set n = namespace(l=[0], m=[0]) %}{% for i in range(99) %}{% set n.l = [n.l, n.l] %}{% set n.m = [n.m, n.m] %}{% endfor %}{{ n.l == n.m }}": "bytes",
		"{% set n = namespace(l=['a' * 100000]) %}{% for i in range(12) %}{% set n.l = n.l + n.l %}{% endfor %}{{ n.l | sum(start='') | length }}":      "steps",
		"{% set x = 'a' * 100000 %}{{ x | replace('a', x) }}":                                                                                           "too many",
	} {
		tpl, err := Parse(source)
		if err == nil {
			_, err = tpl.Render(map[string]any{"xs": &List{}})
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60s: %v; want %q", source, err, says)
		}
	}
}

// FuzzParse holds rendering to its bounds: strangers' templates end, without a panic.
func FuzzParse(f *testing.F) {
	g := readGolden(f)
	for _, s := range g.Templates {
		f.Add(s)
	}
	vars := variables(f, g.Variables[len(g.Variables)-1])
	f.Fuzz(func(t *testing.T, s string) {
		tpl, err := Parse(s)
		if err == nil {
			_, err = tpl.Render(vars)
		}
		var own *Error
		var raised *Raised
		if err != nil && !errors.As(err, &own) && !errors.As(err, &raised) {
			t.Errorf("%T %v", err, err)
		}
	})
}
