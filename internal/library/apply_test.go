package library

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// applied runs lines on a library and returns one result a line.
func applied(t testing.TB, l *Library, lines ...string) (results []string, failed int) {
	t.Helper()
	var in []Line
	for i, s := range lines {
		in = append(in, Line{Number: i + 1, Text: []byte(s)})
	}
	failed, err := l.Apply(context.Background(), in, func(all []any) {
		for _, r := range all {
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, string(text))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return results, failed
}

func emptyLibrary(t testing.TB) *Library {
	t.Helper()
	store, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	l, err := store.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Every line has its result, in order; a bad one is an error of its own that says
// what is wrong.
func TestApplyLines(t *testing.T) {
	l := emptyLibrary(t)
	cases := []struct{ line, want string }{
		{`{"op":"search","vector":[1,0]}`, `{"op":"search","hits":[]}`},
		{`{"op":"delete","id":"a"}`, `"status":"unchanged"`},
		{`{"op":"put","id":"a","vector":[1,0,0],"metadata":{"tag":"beach","n":null,"f":1.5,"list":["x","y"],"ok":true}}`, `{"op":"put","id":"a","status":"created","seq":1}`},
		{`{"op":"put","id":"b","vectors":{"default":[[0.6,0.8,0],[0,0,1e300]]},"hidden":false}`, `"created","seq":1`},
		{`{"op":"put","id":"x","vector":[1,0]}`, `"line":5,"error":{"message":"document \"x\": space \"default\" takes 3 dimensions, got 2"}`},
		{`{"op":"put","id":"x","vector":[NaN,0,0]}`, `NaN is no number`},
		{`{"op":"put","id":"x","vector":[0,-Infinity,0]}`, `Infinity is no number`},
		{`{"op":"put","id":"x","vector":[0,null,0]}`, `without null`},
		{`{"op":"put","id":"x","vector":[[0,null,0]]}`, `without null`},
		{`{"op":"put","id":"x","vector":[0,"1",0]}`, `holds a string`},
		{`{"op":"put","id":"x","vector":[0,1e999,0]}`, `1e999 is too large`},
		{`{"op":"put","id":"x","vector":[0,0,0]}`, `has no direction`},
		{`{"op":"put","id":"x","vector":[]}`, `an empty vector`},
		{`{"op":"put","id":"x","vectors":{"default":[[]]}}`, `an empty vector`},
		{`{"op":"put","id":"x","vectors":[1,2,3]}`, `\"vectors\" takes an object`},
		{`{"op":"put","id":"x","vector":[1,0,0],"vectors":{}}`, `not both`},
		{`{"op":"put","id":7,"vector":[1,0,0]}`, `\"id\" takes a string, not number`},
		{`{"op":"put","id":"","vector":[1,0,0]}`, `1 to 4096 bytes`},
		{`{"op":"put","vector":[1,0,0]}`, `\"put\" needs an \"id\"`},
		{`{"op":"put","id":"x","vectr":[1,0,0]}`, `unknown key \"vectr\"; \"put\" knows id, vectors, vector, space, metadata, hidden`},
		{`{"op":"stats","x":1}`, `\"stats\" has no keys but op`},
		{`{"op":"putt"}`, `no \"op\" \"putt\"; it is one of attach, delete, get, meta, put, search, space, stats`},
		{`{"id":"x"}`, `the line has no \"op\"`},
		{`{"op":"put","id":"x","metadata":{"a":{"b":1}}}`, `metadata \"a\": an object inside`},
		{`{"op":"put","id":"x","metadata":{"a":[1]}}`, `a list may hold strings only`},
		{`{"op":"put","id":"x","metadata":{"a":1e999}}`, `1e999 is too large`},
		{`nonsense`, `"line":27,"error":{"message":"not JSON, at byte 2`},
		{`{"op":"stats"`, `not JSON`},
		{`{"op":"stats"} {"op":"stats"}`, `not JSON`},
		{`[1]`, `no JSON object`},
		{`null`, `no JSON object`},
		{"{\"op\":\"get\",\"id\":\"\xff\"}", `not UTF-8`},
		{`{"op":"get","id":"a"}`, `{"op":"get","id":"a","status":"found","metadata":{"f":1.5,"list":["x","y"],"ok":true,"tag":"beach"},"vectors":{"default":[[1,0,0]]}}`},
		{`{"op":"get","id":"x"}`, `"missing"`},
		{`{"op":"meta","id":"x","hidden":true}`, `no such document`},
		{`{"op":"meta","id":"a"}`, `needs \"metadata\" or \"hidden\"`},
		{`{"op":"meta","id":"a","hidden":true}`, `"updated"`},
		{`{"op":"meta","id":"a","metadata":{"tag":"lake","year":12345678901234567890}}`, `"updated"`}, // still hidden
		{`{"op":"get","id":"a"}`, `{"op":"get","id":"a","status":"found","metadata":{"tag":"lake","year":12345678901234567000},"vectors":{"default":[[1,0,0]]},"hidden":true}`},
		{`{"op":"search","vector":[1,0.1,0]}`, `{"op":"search","hits":[{"rank":1,"id":"b","score":0.6766`},
		{`{"op":"meta","id":"a","hidden":false}`, `"updated"`},
		{`{"op":"search","vector":[[1,0,0]],"limit":1}`, `{"op":"search","hits":[{"rank":1,"id":"a","score":1,"metadata":{"tag":"lake","year":12345678901234567000}}],"plan":"`},
		{`{"op":"search","vector":[1,0,0],"filter":"not tag:lake","limit":1}`, `"id":"b"`},
		{`{"op":"search","filter":"tag:lake"}`, `"id":"a","score":0`},
		{`{"op":"search","filter":"tag:"}`, `filter: column 5`},
		{`{"op":"search"}`, `needs a \"vector\", \"words\", \"like\" or a \"filter\"`},
		{`{"op":"search","vector":[[1,0,0],[1,0,0]]}`, `one vector`},
		{`{"op":"search","vector":[1,0,0],"limit":0}`, `at least 1`},
		{`{"op":"search","vector":[1,0,0],"min_recall":2}`, `between 0 and 1`},
		{`{"op":"search","vector":[1,0,0],"min_recall":"1"}`, `\"min_recall\" takes a number`},
		{`{"op":"search","vector":[1,0,0],"exact":true,"limit":1}`, `"expected_recall":1,"seq":`},
		{`{"op":"search","vector":[1,0,0],"limit":1.5}`, `\"limit\" takes a whole number`},
		{`{"op":"search","vector":[1,0,0],"space":"none"}`, `no space \"none\"`},
		{`{"op":"space","name":"dots","dim":2,"metric":"dot"}`, `{"op":"space","name":"dots","status":"created"}`},
		{`{"op":"space","name":"dots","dim":2,"metric":"dot"}`, `{"op":"space","name":"dots","status":"unchanged"}`},
		{`{"op":"space","name":"dots","dim":3}`, `is there already, with dim 2, metric \"dot\"`},
		{`{"op":"space","name":"no","dim":3,"metric":"x"}`, `metric \"x\"`},
		{`{"op":"space","name":"no"}`, `\"dim\"`},
		{`{"op":"put","id":"d","vector":[1,2]}`, `say which \"space\": default, dots`},
		{`{"op":"put","id":"d","vector":[3,1e19],"space":"dots"}`, `too large`},
		{`{"op":"put","id":"d","vector":[3,4],"space":"dots"}`, `"created"`},
		{`{"op":"search","vectors":{"dots":[1,2]}}`, `"id":"d","score":11`},
		{`{"op":"put","id":"d","vector":[3,4],"space":"dots"}`, `"unchanged"`},
		{`{"op":"attach","id":"d","vectors":{"later":[1,2,3,4]}}`, `{"op":"attach","id":"d","status":"updated"`},
		{`{"op":"attach","id":"d","vectors":{"later":[4,3,2,1]}}`, `"error"`},
		{`{"op":"attach","id":"none","vectors":{"later":[4,3,2,1]}}`, `no such document`},
		{`{"op":"attach","id":"d"}`, `needs \"vectors\"`},
		{`{"op":"delete","id":"a","ids":["b"]}`, `needs one of \"id\", \"ids\" and \"filter\"`},
		{`{"op":"delete","filter":"tag:lake"}`, `"deleted":1`},
		{`{"op":"delete","ids":["a","b"]}`, `"results":[{"id":"a","status":"unchanged"},{"id":"b","status":"deleted"}],"deleted":1`},
		{`{"op":"stats"}`, `{"op":"stats","documents":1,"hidden":0,"vectors":{"default":0,"dots":1,"later":1}`},
	}
	var lines []string
	for _, c := range cases {
		lines = append(lines, c.line)
	}
	results, failed := applied(t, l, lines...)
	if len(results) != len(lines) {
		t.Fatalf("%d results for %d lines", len(results), len(lines))
	}
	errors := 0
	for i, c := range cases {
		if !strings.Contains(results[i], c.want) {
			t.Errorf("line %d, %s:\n%s\nwant %s", i+1, c.line, results[i], c.want)
		}
		if strings.Contains(results[i], `"error"`) {
			errors++
			if !strings.Contains(results[i], fmt.Sprintf(`"line":%d,`, i+1)) {
				t.Errorf("line %d has another number: %s", i+1, results[i])
			}
		}
	}
	if failed != errors || errors < 30 {
		t.Errorf("%d counted, %d errors", failed, errors)
	}
}

// Words, fusion, folding, groups, highlights and facets, as lines.
func TestApplyWords(t *testing.T) {
	l := emptyLibrary(t)
	for _, c := range []struct{ line, want string }{
		{`{"op":"put","id":"/a/kite.jpg","vector":[1,0,0],"metadata":{"caption":"a red kite over the sea","camera":"A"}}`, `"created"`},
		{`{"op":"put","id":"/a/boat.jpg","vector":[0.999,0.04,0],"metadata":{"caption":"a boat","camera":"A"}}`, `"created"`},
		{`{"op":"put","id":"/b/sea.jpg","vector":[0,1,0],"metadata":{"tag":["sea","blue"],"camera":"B"}}`, `"created"`},
		{`{"op":"search","words":"kite"}`, `{"op":"search","hits":[{"rank":1,"id":"/a/kite.jpg","score":`},
		{`{"op":"search","words":"kite","highlight":40}`, `"fragments":[{"field":"name","text":"kite.jpg","marks":[[0,4]]},{"field":"caption","text":"a red kite over the sea","marks":[[6,10]]}]`},
		{`{"op":"search","words":"sea","vector":[0,1,0],"limit":1}`, `"id":"/b/sea.jpg","score":`},
		{`{"op":"search","words":"sea","vector":[0,1,0],"limit":1}`, `"legs":[{"leg":"vector","rank":1,"score":1},{"leg":"words","rank":1,"score":`},
		{`{"op":"search","words":"nowhere","vector":[0,1,0]}`, `{"leg":"words","hits":0,"total":0,"weight":0}`},
		{`{"op":"search","words":"sea","vector":[0,1,0],"fusion":"linear","weights":{"words":0}}`, `"id":"/b/sea.jpg","score":1,`},
		{`{"op":"search","words":"sea","fusion":"best"}`, `no fusion \"best\"`},
		{`{"op":"search","vector":[1,0,0],"collapse":0.99}`, `"folded":["/a/boat.jpg"]`},
		{`{"op":"search","vector":[1,0,0],"group_by":"camera","limit":2}`, `"group":"A","group_size":2`},
		{`{"op":"search","like":["/a/kite.jpg"],"limit":1}`, `"id":"/a/boat.jpg"`},
		{`{"op":"search","like":["/none"]}`, `no such document`},
		{`{"op":"search","words":"se","typing":true,"facets":["camera"]}`, `"facets":[{"field":"camera","documents":2,"values":[{"value":"A","documents":1},{"value":"B","documents":1}]}]`},
		{`{"op":"search","vector":[1,0,0],"cursor":"nonsense"}`, `cursor`},
		{`{"op":"search","vector":[1,0,0],"as_of":99}`, `"error"`},
		{`{"op":"search","vector":[1,0,0],"as_of":"1"}`, `\"as_of\" takes a whole number`},
	} {
		results, _ := applied(t, l, c.line)
		if !strings.Contains(results[0], c.want) {
			t.Errorf("%s:\n%s\nwant %s", c.line, results[0], c.want)
		}
	}
}

// Writes that follow each other share a commit; what reads sees them.
func TestApplyCommits(t *testing.T) {
	l := emptyLibrary(t)
	var lines []string
	for i := range 100 {
		lines = append(lines, fmt.Sprintf(`{"op":"put","id":"%d","vector":[1,%d]}`, i, i))
	}
	lines = append(lines, `{"op":"stats"}`, `{"op":"delete","id":"3"}`, `{"op":"search","vector":[1,3],"limit":1}`)
	results, _ := applied(t, l, lines...)
	for i, r := range results[:100] {
		if !strings.Contains(r, `"seq":1}`) {
			t.Fatalf("line %d: %s", i+1, r)
		}
	}
	if !strings.Contains(results[100], `"documents":100`) || strings.Contains(results[102], `"id":"3"`) {
		t.Errorf("%q", results[100:])
	}
}

// FuzzApply gives any line to a library with documents: a result, and no panic.
func FuzzApply(f *testing.F) {
	for _, s := range []string{
		`{"op":"put","id":"a","vector":[1,0,0],"metadata":{"tag":"beach","f":1e3,"l":["x"]},"hidden":true}`,
		`{"op":"put","id":"b","vectors":{"default":[[0.6,0.8,0],[0,0,1e300]]}}`,
		`{"op":"meta","id":"a","hidden":false}`,
		`{"op":"delete","ids":["a","b"]}`, `{"op":"delete","filter":"tag:beach"}`,
		`{"op":"search","vector":[1,0,0],"limit":3,"filter":"year>=2020"}`,
		`{"op":"space","name":"x","dim":2,"metric":"dot","encoder":"e"}`, `{"op":"stats"}`, `{"op":"get","id":"a"}`,
		`{"op":"put","id":"c","vector":[NaN]}`, `[[`, `{"op":"search","vector":`,
	} {
		f.Add([]byte(s))
	}
	l := emptyLibrary(f)
	applied(f, l, `{"op":"put","id":"a","vector":[1,0,0]}`)
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.ContainsAny(line, "\n") || len(bytes.TrimSpace(line)) == 0 {
			return
		}
		if results, _ := applied(t, l, string(line)); len(results) != 1 {
			t.Fatalf("%d results", len(results))
		}
	})
}
