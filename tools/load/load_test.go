package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// TestLoopbackOnly refuses every other address, by name, by number and by
// redirection.
func TestLoopbackOnly(t *testing.T) {
	for _, url := range []string{"http://192.0.2.1:80", "http://example.com", "https://127.0.0.1:1", "http://0.0.0.0:1", "http://10.0.0.1", "127.0.0.1:3625", "http://[2001:db8::1]:80", "http://127.0.0.1.example.com"} {
		if _, _, err := local(url, 1); err == nil {
			t.Errorf("%s is let through", url)
		}
	}
	_, client, err := local("http://localhost:1", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Get("http://192.0.2.1:9/"); err == nil || !strings.Contains(err.Error(), "not on this machine") {
		t.Errorf("%v, want a dialer that refuses", err)
	}
	dial := client.Transport.(*http.Transport).DialContext
	if _, err := dial(t.Context(), "tcp", net.JoinHostPort("192.0.2.1", "9")); err == nil || !strings.Contains(err.Error(), "not on this machine") {
		t.Errorf("%v, want a dialer that refuses", err)
	}
}

func TestBounds(t *testing.T) {
	good := options{Kind: "text", Clients: 1, Requests: 1, Inputs: 1, Seconds: 1, Dim: 1}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*options){
		func(o *options) { o.Clients = mostClients + 1 }, func(o *options) { o.Requests = mostRequests + 1 },
		func(o *options) { o.Seconds = mostSeconds + 1 }, func(o *options) { o.Seconds = 0 }, func(o *options) { o.Kind = "x" },
		func(o *options) { o.Hostile = 2 }, func(o *options) { o.Inputs = 0 }, func(o *options) { o.Rate = -1 },
	} {
		o := good
		change(&o)
		if o.check() == nil {
			t.Errorf("%+v is let through", o)
		}
	}
}

// TestRun counts what a server of known behaviour does, and sees no request twice.
func TestRun(t *testing.T) {
	var mu sync.Mutex
	seen, asked := map[string]bool{}, 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if seen[string(body)] && strings.Contains(string(body), "jpeg") {
			t.Error("a picture comes twice")
		}
		seen[string(body)] = true
		if asked++; asked%4 == 0 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer s.Close()
	o := options{URL: s.URL, Kind: "picture", Clients: 4, Requests: 100, Inputs: 2, Seconds: 30, Dim: 4, Pictures: "../../testdata/pictures"}
	var out bytes.Buffer
	if err := run(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Answered != 75 || r.Refused != 25 || r.Inputs != 150 || r.Unsaid != 0 || r.Failed != 0 || r.NetPerS < r.PerS || r.P99 < r.P50 {
		t.Errorf("%+v", r)
	}
	o.Kind, o.Hostile, o.Library = "mixed", 0.5, "x"
	if err := run(t.Context(), o, &out); err != nil {
		t.Error(err)
	}
}

// TestFailures makes a run of failed requests an error.
func TestFailures(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	err := run(context.Background(), options{URL: s.URL, Kind: "search", Clients: 2, Requests: 10, Inputs: 1, Seconds: 30, Dim: 4}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "10 honest requests failed") {
		t.Errorf("%v, want ten failures", err)
	}
}

func TestUnlike(t *testing.T) {
	files, err := readJPEGs("../../testdata/pictures")
	if err != nil {
		t.Fatal(err)
	}
	a, b := unlike(files[0], 1), unlike(files[0], 2)
	if bytes.Equal(a, b) {
		t.Error("two files are the same")
	}
	if _, err := jpeg.Decode(bytes.NewReader(a)); err != nil {
		t.Error(err)
	}
}

func TestSlope(t *testing.T) {
	if got := slope([]float64{1, 2, 3, 4}, []float64{10, 12, 14, 16}); got != 2 {
		t.Errorf("%v, want 2", got)
	}
	if got := slope([]float64{5, 5}, []float64{1, 2}); got != 0 {
		t.Errorf("%v for no line", got)
	}
}
