package server

import (
	"slices"
	"strings"
	"testing"
)

// TestManage makes, counts, checks, renames and removes a library.
func TestManage(t *testing.T) {
	s, libraries := shades(t)
	var e LibraryEntry
	request(t, s, "POST", "/v1/libraries", `{"name":"new"}`, 201, &e)
	if e.Name != "new" || libraries["new"] == nil {
		t.Errorf("got %+v", e)
	}
	request(t, s, "POST", "/v1/libraries", `{"name":"new"}`, 409, nil)
	request(t, s, "POST", "/v1/libraries", `{}`, 400, nil)
	var stats struct {
		Documents int
		Oldest    int `json:"oldest_seq"`
	}
	request(t, s, "GET", "/v1/libraries/mine/stats", "", 200, &stats)
	if stats.Documents != 10 || stats.Oldest != 3 {
		t.Errorf("got %+v", stats)
	}
	request(t, s, "PATCH", "/v1/libraries/new", `{"name":"newer"}`, 200, &e)
	if e.Name != "newer" || libraries["new"] != nil || libraries["newer"] == nil {
		t.Errorf("got %+v", e)
	}
	request(t, s, "PATCH", "/v1/libraries/new", `{"name":"newest"}`, 404, nil)
	request(t, s, "DELETE", "/v1/libraries/newer", "", 200, nil)
	request(t, s, "DELETE", "/v1/libraries/newer", "", 404, nil)

	var job Job
	request(t, s, "POST", "/v1/libraries/mine/verify", "{}", 202, &job)
	if events := do(s, "GET", "/v1/jobs/"+job.ID+"/events", "").Body.String(); job.Kind != "verify" || !strings.Contains(events, `"sound":true`) {
		t.Errorf("%+v: %s", job, events)
	}
	var list jobList
	request(t, s, "GET", "/v1/jobs", "", 200, &list)
	if len(list.Data) != 1 || list.Data[0].ID != job.ID || list.Data[0].State != "done" {
		t.Errorf("jobs %+v", list)
	}
}

// TestManageKeys: a key without the scope manages nothing, one with some libraries
// only those.
func TestManageKeys(t *testing.T) {
	libraries := shelves{"mine": {name: "mine", docs: map[string]Document{}}, "theirs": {name: "theirs", docs: map[string]Document{}}}
	s := newTest(t, Options{Libraries: libraries, Keys: ring{
		"search": {Name: "search", Scopes: []Scope{ScopeSearch, ScopeWrite}},
		"mine":   {Name: "mine", Scopes: []Scope{ScopeAdmin}, Libraries: []string{"mine"}},
	}})
	for _, c := range []struct {
		method, path, body string
	}{
		{"POST", "/v1/libraries", `{"name":"a"}`}, {"PATCH", "/v1/libraries/mine", `{"name":"a"}`}, {"DELETE", "/v1/libraries/mine", ""},
		{"GET", "/v1/libraries/mine/stats", ""}, {"POST", "/v1/libraries/mine/verify", "{}"}, {"GET", "/v1/folders", ""},
	} {
		request(t, s, c.method, c.path, c.body, 403, nil, header("Authorization", "Bearer search"))
	}
	own := header("Authorization", "Bearer mine")
	request(t, s, "POST", "/v1/libraries", `{"name":"a"}`, 403, nil, own)
	request(t, s, "PATCH", "/v1/libraries/mine", `{"name":"theirs"}`, 403, nil, own)
	request(t, s, "DELETE", "/v1/libraries/theirs", "", 404, nil, own)
	request(t, s, "GET", "/v1/libraries/mine/stats", "", 200, nil, own)
	if len(libraries) != 2 {
		t.Errorf("libraries are %v", libraries)
	}
}

func TestFolders(t *testing.T) {
	s, _ := shades(t)
	var list folderList
	request(t, s, "GET", "/v1/folders", "", 200, &list)
	if len(list.Folders) != 1 || list.Folders[0].Path != "/allowed" {
		t.Errorf("got %+v", list)
	}
	request(t, s, "GET", "/v1/folders?path=/allowed", "", 200, &list)
	if !slices.ContainsFunc(list.Folders, func(f Folder) bool { return f.Name == "good" }) {
		t.Errorf("got %+v", list)
	}
	request(t, s, "GET", "/v1/folders?path=/etc", "", 403, nil)
}

// TestStatus tells of queues, of a canary and of memory.
func TestStatus(t *testing.T) {
	s := newTest(t, Options{Version: "1.2.3", Suggestions: []Suggestion{{Model: "org/photos", Bytes: 5, Licence: "MIT"}}})
	request(t, s, "POST", "/v1/embeddings", `{"input":["a cat","a dog","a cat"]}`, 200, nil)
	var a statusAnswer
	request(t, s, "GET", "/v1/status", "", 200, &a)
	if !a.Ready || a.Version != "1.2.3" || len(a.Models) != 1 || !a.Models[0].Answers || a.Models[0].Texts.Computed != 2 || a.Models[0].Texts.Room == 0 || a.Models[0].Checked.IsZero() {
		t.Errorf("got %+v", a)
	}
	if a.Memory.Heap == 0 {
		t.Errorf("memory %+v", a.Memory)
	}
	var list suggestionList
	request(t, s, "GET", "/v1/suggestions", "", 200, &list)
	if len(list.Suggestions) != 1 || list.Suggestions[0].Licence != "MIT" {
		t.Errorf("got %+v", list)
	}
}
