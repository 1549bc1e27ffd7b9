package server

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func host(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
func header(k, v string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(k, v) }
}

func TestHosts(t *testing.T) {
	s := newTest(t, Options{Hosts: []string{"pictures.example.org"}})
	for h, want := range map[string]int{
		"127.0.0.1:3625": 200, "localhost:3625": 200, "LOCALHOST": 200, "[::1]:3625": 200, "192.168.1.7:3625": 200,
		"pictures.example.org": 200, "Pictures.Example.Org:443": 200, "a.localhost:3625": 200,
		"evil.example.org": 403, "pictures.example.org.evil.com": 403, "127.0.0.1.nip.io": 403, "": 403,
		"localhost.evil.com": 403, "evil.com:3625": 403, "0x7f000001": 403,
	} {
		w := do(s, "GET", "/v1/models", "", host(h))
		if w.Code != want {
			t.Errorf("host %q: status %d, want %d", h, w.Code, want)
		}
		if want == 403 && h != "" && !strings.Contains(w.Body.String(), "--allowed-host") {
			t.Errorf("host %q: the refusal does not name the flag: %s", h, w.Body)
		}
	}
	if w := do(s, "GET", "/livez", "", host("10.1.2.3.cluster.example")); w.Code != 200 {
		t.Errorf("a probe by another name: %d", w.Code)
	}
}

func TestOrigins(t *testing.T) {
	s := newTest(t, Options{})
	body := `{"input":"a cat"}`
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"no browser":   {header("X-Nothing", "1"), 200},
		"our own page": {header("Sec-Fetch-Site", "same-origin"), 200},
		"another site": {header("Sec-Fetch-Site", "cross-site"), 403},
		"old browser":  {header("Origin", "http://evil.example.org"), 403},
	} {
		if w := do(s, "POST", "/v1/embeddings", body, c.change); w.Code != c.want {
			t.Errorf("%s: status %d, want %d: %s", name, w.Code, c.want, w.Body)
		}
	}
}

// ring is a set of keys for tests.
type ring map[string]*Caller

func (k ring) Caller(key string) (*Caller, time.Duration) {
	if key == "fast" {
		return k[key], 2 * time.Second
	}
	return k[key], 0
}

func (k ring) Any() bool { return len(k) > 0 }

func TestOpenWithoutKeys(t *testing.T) {
	keys := ring{}
	s := newTest(t, Options{Keys: keys, OpenWithoutKeys: true})
	if w := do(s, "GET", "/v1/models", ""); w.Code != 200 {
		t.Errorf("no keys yet: %d", w.Code)
	}
	keys["e"] = &Caller{Name: "e", Scopes: []Scope{ScopeEmbed}}
	if w := do(s, "GET", "/v1/models", ""); w.Code != 401 {
		t.Errorf("with the first key: %d", w.Code)
	}
}

func TestKeys(t *testing.T) {
	keys := ring{
		"e":    {Name: "embedder", Scopes: []Scope{ScopeEmbed}},
		"s":    {Name: "searcher", Scopes: []Scope{ScopeSearch}},
		"a":    {Name: "admin", Scopes: []Scope{ScopeAdmin}},
		"fast": {Name: "fast", Scopes: []Scope{ScopeEmbed}},
	}
	s := newTest(t, Options{Keys: keys, TrustNet: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"no key":               {header("X-Nothing", "1"), 401},
		"a key":                {header("Authorization", "Bearer e"), 200},
		"another place for it": {header("X-Api-Key", "e"), 200},
		"admin":                {header("Authorization", "bearer a"), 200},
		"unknown key":          {header("Authorization", "Bearer x"), 401},
		"not a bearer":         {header("Authorization", "Basic e"), 401},
		"another scope":        {header("Authorization", "Bearer s"), 403},
		"over its rate":        {header("Authorization", "Bearer fast"), 429},
		"trusted network":      {func(r *http.Request) { r.RemoteAddr = "10.2.3.4:555" }, 200},
		"said to be trusted":   {header("X-Forwarded-For", "10.2.3.4"), 401},
	} {
		w := do(s, "POST", "/v1/embeddings", `{"input":"a cat"}`, c.change)
		if w.Code != c.want {
			t.Errorf("%s: status %d, want %d: %s", name, w.Code, c.want, w.Body)
		}
		if c.want == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
	}
	for _, path := range []string{"/livez", "/readyz"} {
		if w := do(s, "GET", path, ""); w.Code != 200 {
			t.Errorf("%s without a key: %d", path, w.Code)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	s := newTest(t, Options{})
	for _, path := range []string{"/v1/models", "/nothing", "/livez"} {
		h := do(s, "GET", path, "").Header()
		for k, want := range map[string]string{"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Request-Id": ""} {
			if got := h.Get(k); got == "" || !strings.Contains(got, want) {
				t.Errorf("%s: %s is %q", path, k, got)
			}
		}
	}
}
