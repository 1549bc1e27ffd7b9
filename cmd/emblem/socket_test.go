package main

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Names of files need not be UTF-8.
func TestPathListKeepsBytes(t *testing.T) {
	for _, list := range []pathList{nil, {}, {"/a/\xff\xfe.jpg", "/ünï", "a\nb"}} {
		data, err := json.Marshal(searchOptions{Paths: list})
		if err != nil {
			t.Fatal(err)
		}
		var back searchOptions
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if len(back.Paths) != len(list) || len(list) > 0 && !reflect.DeepEqual(back.Paths, list) {
			t.Errorf("%q came back as %q", list, back.Paths)
		}
	}
}
