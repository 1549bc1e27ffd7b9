package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSearchFilter(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 3)
	d.paint("p", "b", blue, 2)
	d.must("index", d.path("p"))
	for args, want := range map[string][]string{
		"search red --paths --min-probability 0 --filter name:b*":           {"b000.png", "b001.png"},
		"search --paths --filter kind:png|and|name:b000*":                   {"b000.png"},
		"search blue --paths --min-probability 0 -n 1 --filter not|name:b*": {"r00"},
		"search --paths -n 2 --filter width>1":                              {"", ""},
	} {
		r := d.must(strings.Split(strings.ReplaceAll(strings.ReplaceAll(args, " ", "\x00"), "|", " "), "\x00")...)
		lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
		if len(lines) != len(want) {
			t.Errorf("%s: %q; want %v", args, r.stdout, want)
			continue
		}
		for _, w := range want {
			if !strings.Contains(r.stdout, w) {
				t.Errorf("%s: %q; want %v", args, r.stdout, want)
			}
		}
	}
	r := d.must("search", "--filter", "name:b000*", "--json")
	var hit map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &hit); err != nil || len(hit) != 6 || hit["rank"] != 1.0 || hit["probability"] != 1.0 || hit["model"] != "search" {
		t.Errorf("hit %v, %v", hit, err)
	}
	if r = d.must("search", "--filter", "name:b000*"); r.stdout != "  1  "+d.path("p/b000.png")+"\n" {
		t.Errorf("for people: %q", r.stdout)
	}
	if r = d.must("search", "--filter", "name:b000*", "--paths", d.path("p")); r.stdout != d.path("p/b000.png")+"\n" {
		t.Errorf("a filter and a folder: %q", r.stdout)
	}
	if r = d.run("search", "--filter", "year>="); r.code != 2 || r.stderr != "filter: column 7: expected a value after \">=\"\n" {
		t.Errorf("exit %d, %q", r.code, r.stderr)
	}
	if r = d.run("search", "red", "--filter", "year>=", "--json"); r.code != 2 || !strings.Contains(r.stderr, `"code":"bad_filter"`) {
		t.Errorf("exit %d, %q", r.code, r.stderr)
	}
	if r = d.run("search", "red", "--filter", "camer:x and kind:png"); r.code != 3 || r.stderr != `nothing matched "red" with the filter "camer:x and kind:png"; no picture has the field "camer", emblem search --filter help lists those there are`+"\n" {
		t.Errorf("a misspelt field: exit %d, %q", r.code, r.stderr)
	}
	for _, args := range [][]string{{"search", "red", "--filter", "year:1900"}, {"search", "--filter", "year:1900"}} {
		if r = d.run(args...); r.code != 3 || r.stdout != "" || !strings.Contains(r.stderr, "nothing matched") {
			t.Errorf("%v: exit %d, %q", args, r.code, r.stderr)
		}
	}
}

func TestFilterHelp(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 3)
	d.must("index", d.path("p"))
	r := d.must("search", "--filter", "help")
	for _, line := range []string{"FIELD", "kind", "near(59.9,10.7,5km)", "Join conditions"} {
		if !strings.Contains(r.stdout, line) {
			t.Errorf("no %q in\n%s", line, r.stdout)
		}
	}
	r = d.must("search", "--filter", "help", "--json")
	var fields []fieldHelp
	for line := range strings.Lines(r.stdout) {
		var f fieldHelp
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		fields = append(fields, f)
	}
	if f := fields[3]; f.Field != "kind" || f.Pictures != 3 || f.Values[0] != "png" || fields[0].Field != "path" {
		t.Errorf("fields %+v", fields)
	}
}
