package attack

import (
	"context"
	"net/http"
	"strings"
)

// hosts asks under names that are not the server's, as a page does that points its
// own name at somebody's machine (DNS rebinding).
func hosts(ctx context.Context, t *Target) []Finding {
	var out []Finding
	for _, host := range []string{
		"evil.example", "evil.example:3625", "evil.example.", "a", "127.0.0.1.nip.io", "7f000001.rbndr.us", "localhost.evil.example", "evil.example:localhost",
		"localhost-", "xlocalhost", "0x7f000001", "0x7f.1", "127.1", "2130706433", "2130706433.evil.example", "xn--lcalhost-54a", "metadata.google.internal", "host.docker.internal",
	} {
		for _, method := range []string{"GET", "POST"} {
			r, err := http.NewRequestWithContext(ctx, method, t.URL+"/v1/models", nil)
			if err != nil {
				continue
			}
			r.Host = host
			out = append(out, t.send(r).refused(method+" as "+host, false, http.StatusForbidden))
		}
	}
	return append(out, rawHosts(ctx, t)...)
}

// rawHosts sends what no client library sends: two hosts, hosts with names of users,
// the host in the request's first line.
func rawHosts(ctx context.Context, t *Target) []Finding {
	var out []Finding
	for _, h := range []struct{ name, head string }{
		{"two hosts", "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n"},
		{"two hosts, the other first", "GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n"},
		{"a host in the first line", "GET http://evil.example/v1/models HTTP/1.1\r\nHost: localhost\r\n"},
		{"no host", "GET /v1/models HTTP/1.1\r\n"},
		{"an empty host", "GET /v1/models HTTP/1.1\r\nHost:\r\n"},
		{"no host in HTTP/1.0", "GET /v1/models HTTP/1.0\r\n"},
		{"a user's name in the host", "GET /v1/models HTTP/1.1\r\nHost: localhost@evil.example\r\n"},
		{"a password in the host", "GET /v1/models HTTP/1.1\r\nHost: a:b@localhost\r\n"},
		{"a path in the host", "GET /v1/models HTTP/1.1\r\nHost: localhost/evil.example\r\n"},
		{"a fold in the host", "GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n localhost\r\n"},
		{"a space before the colon", "GET /v1/models HTTP/1.1\r\nHost : localhost\r\n"},
		{"an address with more behind", "GET /v1/models HTTP/1.1\r\nHost: [::1].evil.example\r\n"},
		{"a proxy's word for the host", "GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\nForwarded: host=localhost\r\n"},
		{"a zone in the host", "GET /v1/models HTTP/1.1\r\nHost: [::1%25evil.example]\r\n"},
		{"a NUL in the host", "GET /v1/models HTTP/1.1\r\nHost: localhost\x00.evil.example\r\n"},
		{"a tunnel", "CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n"},
		{"a wildcard as the first line", "GET * HTTP/1.1\r\nHost: evil.example\r\n"},
	} {
		out = append(out, t.raw(ctx, h.head+t.credentials()+"Connection: close\r\n\r\n").refused(h.name, true, 400, 403, 404, 405))
	}
	return out
}

// credentials is the key as a line of a head.
func (t *Target) credentials() string {
	if t.Key == "" {
		return ""
	}
	return "Authorization: Bearer " + t.Key + "\r\n"
}

// origins sends what another site's page would make a browser send.
func origins(ctx context.Context, t *Target) []Finding {
	var out []Finding
	for _, o := range []struct{ name, header, value string }{
		{"a form of another site", "Sec-Fetch-Site", "cross-site"},
		{"a sibling's page", "Sec-Fetch-Site", "same-site"},
		{"an old browser", "Origin", "http://evil.example"},
		{"a sandboxed page", "Origin", "null"},
		{"another port's page", "Origin", "http://127.0.0.1:1"},
		{"a page that lies a host", "Origin", "http://localhost.evil.example"},
	} {
		for _, kind := range []string{"application/json", "text/plain", "application/x-www-form-urlencoded"} {
			r, err := http.NewRequestWithContext(ctx, "POST", t.URL+"/v1/embeddings", strings.NewReader(`{"input":"a"}`))
			if err != nil {
				continue
			}
			r.Header.Set(o.header, o.value)
			r.Header.Set("Content-Type", kind)
			out = append(out, t.send(r).refused(o.name+", "+kind, false, http.StatusForbidden))
		}
	}
	return out
}
