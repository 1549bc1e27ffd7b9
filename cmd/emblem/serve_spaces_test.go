package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestServeUnderAnotherName: a library made with a model that is served under another
// name is searched with it, in the same run and in the next.
func TestServeUnderAnotherName(t *testing.T) {
	d := newDesk(t)
	for run := range 2 {
		base, _, stop, _ := startServe(t, d, "--model", "mine=builtin/search")
		var put struct {
			Results []struct{ Status, Error string }
		}
		body := fmt.Sprintf(`{"documents":[{"id":"%d","text":"a red car"}]}`, run)
		if status := post(t, base+"/v1/libraries/cars/documents", body, &put); status != 200 || put.Results[0].Status != "created" {
			t.Fatalf("run %d: status %d, %+v", run, status, put)
		}
		var found struct{ Hits []struct{ ID string } }
		if status := post(t, base+"/v1/libraries/cars/search", `{"query":"a red car"}`, &found); status != 200 || len(found.Hits) != run+1 {
			t.Errorf("run %d: status %d, %+v", run, status, found)
		}
		stop()
	}
}

// TestServeOwnVectors: vectors of somebody's own are found in a library that has no
// model, and no probability is made up for them.
func TestServeOwnVectors(t *testing.T) {
	d := newDesk(t)
	base, _, _, _ := startServe(t, d)
	docs := base + "/v1/libraries/own/documents"
	if status := post(t, docs, `{"documents":[{"id":"x","vectors":{"a":[1,0,0]}},{"id":"xy","vectors":{"a":[1,1,0]}},{"id":"z","vectors":{"a":[0,0,1]}}]}`, nil); status != 200 {
		t.Fatalf("status %d", status)
	}
	type answer struct {
		Hits []struct {
			ID          string
			Score       float64
			Probability *float64
		}
		Error struct{ Message string }
	}
	search := func(body string) (int, answer) {
		var a answer
		status := post(t, base+"/v1/libraries/own/search", body, &a)
		return status, a
	}
	for _, body := range []string{
		`{"terms":[{"vector":[2,0.1,0]}],"limit":2}`,
		`{"terms":[{"vector":[2,0.1,0]}],"limit":2,"space":"a"}`,
		`{"terms":[{"vector":[9,9,0.1]},{"vector":[0,9,0],"weight":-0.9}],"limit":2}`,
	} {
		status, a := search(body)
		if status != 200 || len(a.Hits) != 2 || a.Hits[0].ID != "x" || a.Hits[1].ID != "xy" || a.Hits[0].Probability != nil || a.Hits[0].Score < 0.9 {
			t.Errorf("%s: status %d, %+v", body, status, a)
		}
	}
	if status, a := search(`{"terms":[{"document":"x"}],"limit":1}`); status != 200 || len(a.Hits) != 1 || a.Hits[0].ID != "xy" {
		t.Errorf("like a document: status %d, %+v", status, a)
	}
	post(t, docs, `{"documents":[{"id":"b","vectors":{"b":[1,0]}}]}`, nil)
	for body, want := range map[string]string{
		`{"terms":[{"vector":[1,0]}]}`:                                          "say which one",
		`{"terms":[{"vector":[1,0]}],"space":"a"}`:                              "3 dimensions",
		`{"terms":[{"vector":[1,0]}],"space":"c"}`:                              "no space",
		`{"terms":[{"text":"a cat"}],"space":"a"}`:                              "words and pictures",
		`{"terms":[{"vector":[1,0]}],"space":"b","min_probability":0.5}`:        "no probability",
		`{"terms":[{"vector":[1,0]},{"vector":[1,0],"weight":-1}],"space":"b"}`: "cancel",
	} {
		if status, a := search(body); status != 400 || !strings.Contains(a.Error.Message, want) {
			t.Errorf("%s: status %d, %+v", body, status, a)
		}
	}
}

// TestHealthOverTLS: a server on this machine is asked whatever name its certificate
// is for.
func TestHealthOverTLS(t *testing.T) {
	d := newDesk(t)
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	if code, _, errs := runReal(d, "health", "--addr", s.URL); code != 0 {
		t.Errorf("exit %d: %s", code, errs)
	}
}
