package attack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// paths asks for files outside of what is served.
func paths(ctx context.Context, t *Target) []Finding {
	var out []Finding
	for _, p := range []string{"/../../../../etc/passwd", "/..%2f..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "/app.js/../../server.go", "/.git/config", "/keys.json", "/..;/keys.json", "//etc/passwd", "/%00", "/v1/libraries/..%2f..%2fetc", "/v1/libraries/%2e%2e/thumbnail?id=/etc/passwd", "/v1/libraries/samples/thumbnail?id=/etc/passwd", "/v1/libraries/samples/thumbnail?id=../keys.json", "/v1/models/..%2f..%2fetc"} {
		r, err := http.NewRequestWithContext(ctx, "GET", t.URL+"/", nil)
		if err != nil {
			continue
		}
		r.URL.Opaque = strings.TrimPrefix(t.URL, "http:") + p
		if strings.HasPrefix(t.URL, "https:") {
			r.URL.Opaque = strings.TrimPrefix(t.URL, "https:") + p
		}
		out = append(out, t.send(r).refused(p, false, 400, 401, 403, 404, 405, 301, 307))
	}
	return out
}

// headers sends too many and too large ones.
func headers(ctx context.Context, t *Target) []Finding {
	large, err := http.NewRequestWithContext(ctx, "GET", t.URL+"/livez", nil)
	if err != nil {
		return nil
	}
	large.Header.Set("X-Large", strings.Repeat("x", 1<<20))
	many := large.Clone(ctx)
	many.Header = http.Header{}
	for i := range 20000 {
		many.Header.Set(fmt.Sprintf("X-%d", i), "x")
	}
	long := large.Clone(ctx)
	long.Header = http.Header{}
	long.URL.RawQuery = strings.Repeat("a", 1<<20)
	return []Finding{
		t.send(large).refused("one of a megabyte", true, http.StatusRequestHeaderFieldsTooLarge),
		t.send(many).refused("20,000 of them", true, http.StatusRequestHeaderFieldsTooLarge),
		t.send(long).refused("an address of a megabyte", true, http.StatusRequestHeaderFieldsTooLarge, http.StatusRequestURITooLong),
		t.raw(ctx, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX\x00: a\r\n\r\n").refused("a NUL in a name", true, 400),
		t.raw(ctx, "GET /livez HTTP/1.1\r\nHost: localhost\r\n"+strings.Repeat("Cookie: emblem_session=x\r\n", 2000)+"\r\n").refused("2,000 cookies", true, 200, 400, 431),
		t.raw(ctx, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").refused("TLS where there is none", true, 400),
		t.raw(ctx, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").refused("HTTP/2 without a word", true, 400, 403, 404, 405, 505),
	}
}

// drip gives one byte at a time, so that chunked bodies have a chunk a byte.
type drip struct{ r io.Reader }

func (d drip) Read(p []byte) (int, error) { return d.r.Read(p[:min(1, len(p))]) }

// bodies sends bodies that are broken, endless or made to be expensive.
func bodies(ctx context.Context, t *Target) []Finding {
	var out []Finding
	for _, b := range []struct{ name, body string }{
		{"empty", ""}, {"cut off", `{"input":"a`}, {"not JSON", "<xml/>"}, {"a list", "[]"}, {"null", "null"}, {"not UTF-8", "{\"input\":\"\xff\xfe\""},
		{"nested 100,000 deep", `{"input":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + "}"},
		{"100,000 inputs", `{"input":[` + strings.Repeat(`"a",`, 99999) + `"a"]}`},
		{"a million empty objects", `{"input":[` + strings.Repeat(`{},`, 999999) + `{}]}`},
		{"the same key 100,000 times", `{` + strings.Repeat(`"input":[],`, 100000) + `"input":[]}`},
		{"40 megabytes", `{"input":"` + strings.Repeat("a", 40<<20) + `"}`},
		{"a huge number", `{"input":"a","dimensions":1e999}`},
		{"a number of a megabyte", `{"input":"a","dimensions":` + strings.Repeat("1", 1<<20) + `}`},
		{"token ids out of reach", `{"input":[2147483647,-1]}`},
	} {
		out = append(out, t.post(ctx, "/v1/embeddings", b.body).refused(b.name, b.name == "40 megabytes", 400, 413, 422))
	}
	chunks, err := http.NewRequestWithContext(ctx, "POST", t.URL+"/v1/embeddings", drip{strings.NewReader(`{"input":"a","user":"` + strings.Repeat("x", 4<<20) + `"}`)})
	if err == nil {
		chunks.Header.Set("Content-Type", "application/json")
		out = append(out, t.send(chunks).refused("four megabytes in chunks of a byte", true, 200, 400, 413))
	}
	return append(out, t.frames(ctx)...)
}

// frames sends bodies whose ends are said in two ways, so that a proxy and the server
// would see different requests (request smuggling), or in none that counts.
func (t *Target) frames(ctx context.Context) []Finding {
	const body = `{"input":"an honest request"}`
	head := "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n" + t.credentials()
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	var out []Finding
	for _, f := range []struct{ name, rest string }{
		{"two lengths", "Content-Length: 29\r\nContent-Length: 5\r\n\r\n" + body},
		{"two lengths in one line", "Content-Length: 29, 5\r\n\r\n" + body},
		{"a length below 0", "Content-Length: -1\r\n\r\n" + body},
		{"a length with a sign", "Content-Length: +29\r\n\r\n" + body},
		{"a length over all", "Content-Length: 99999999999999999999\r\n\r\n" + body},
		{"chunks of another name", "Transfer-Encoding: xchunked\r\n\r\n" + chunked},
		{"chunks twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked},
		{"chunks inside of gzip", "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked},
		{"a chunk over all", "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\n" + body},
		{"a chunk below 0", "Transfer-Encoding: chunked\r\n\r\n-1d\r\n" + body},
		{"chunks with a megabyte behind the number", "Transfer-Encoding: chunked\r\n\r\n1d;" + strings.Repeat("a", 1<<20) + "\r\n" + body + "\r\n0\r\n\r\n"},
		{"10,000 lines after the chunks", "Transfer-Encoding: chunked\r\n\r\n1d\r\n" + body + "\r\n0\r\n" + strings.Repeat("X: y\r\n", 10000) + "\r\n"},
	} {
		out = append(out, t.raw(ctx, head+f.rest).refused(f.name, true, 400, 413, 415, 431, 501))
	}
	both := t.raw(ctx, head+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"+chunked)
	return append(out, both.refused("a length and chunks", true, 200, 400))
}
