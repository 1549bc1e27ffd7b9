package attack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// hosts asks under names that are not the server's, as a page does that points its
// own name at somebody's machine.
func hosts(ctx context.Context, t *Target) []Finding {
	var out []Finding
	for _, host := range []string{"evil.example", "evil.example:3625", "127.0.0.1.nip.io", "localhost.evil.example", "0x7f000001", "2130706433.evil.example", "a", "evil.example.", "xn--lcalhost-54a"} {
		for _, method := range []string{"GET", "POST"} {
			r, err := http.NewRequestWithContext(ctx, method, t.URL+"/v1/models", nil)
			if err != nil {
				continue
			}
			r.Host = host
			f := t.send(r).refused(method+" as "+host, false, http.StatusForbidden)
			out = append(out, f)
		}
	}
	return out
}

// origins sends what another site's page would make a browser send.
func origins(ctx context.Context, t *Target) []Finding {
	var out []Finding
	for name, headers := range map[string]map[string]string{
		"a form of another site":  {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"},
		"a sibling's page":        {"Sec-Fetch-Site": "same-site"},
		"an old browser":          {"Origin": "http://evil.example"},
		"a sandboxed page":        {"Origin": "null"},
		"another port's page":     {"Origin": "http://127.0.0.1:1"},
		"a page that lies a host": {"Origin": "http://localhost.evil.example"},
	} {
		r, err := http.NewRequestWithContext(ctx, "POST", t.URL+"/v1/embeddings", strings.NewReader(`{"input":"a"}`))
		if err != nil {
			continue
		}
		for k, v := range headers {
			r.Header.Set(k, v)
		}
		out = append(out, t.send(r).refused(name, false, http.StatusForbidden))
	}
	return out
}

// addresses asks the server to fetch things that only it can reach. A listener of
// our own would see it if it did.
func addresses(ctx context.Context, t *Target) []Finding {
	var seen atomic.Int64
	port := "80"
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		defer l.Close()
		_, port, _ = net.SplitHostPort(l.Addr().String())
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				seen.Add(1)
				c.Close()
			}
		}()
	}
	var out []Finding
	for _, url := range fetches(port) {
		a := t.post(ctx, "/v1/embeddings", fmt.Sprintf(`{"input":[{"image":%q}]}`, url))
		out = append(out, a.refused(url, false, http.StatusBadRequest))
	}
	f := Finding{Case: "connections to this machine", OK: seen.Load() == 0, Detail: fmt.Sprint(seen.Load())}
	return append(out, f)
}

// fetches are addresses of machines that strangers cannot reach, in all the ways
// there are to write them.
func fetches(port string) []string {
	var out []string
	for _, host := range []string{
		"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.1", "127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "0.0.0.0", "0", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]",
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::5efe:7f00:1]",
		"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.1.254", "100.64.0.1", "100.127.255.254", "169.254.169.254", "169.254.0.1", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]", "[fd00:ec2::254]",
		"192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "[ff02::1]", "[2001:db8::1]", "[100::1]",
		"metadata.google.internal", "instance-data", "kubernetes.default.svc", "host.docker.internal", "127.0.0.1.nip.io", "user:pass@127.0.0.1", "127.0.0.1%2523@example.com", "①②⑦.⓪.⓪.①",
	} {
		out = append(out, "http://"+host+":"+port+"/a.png")
	}
	return append(out, "https://127.0.0.1/a.png", "file:///etc/passwd", "gopher://127.0.0.1:6379/_INFO", "ftp://127.0.0.1/a.png", "dict://127.0.0.1:11211/", "unix:///var/run/docker.sock", "//127.0.0.1/a.png", "HTTP://127.0.0.1:"+port+"/a.png")
}

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
	return []Finding{
		t.send(large).refused("one of a megabyte", true, http.StatusRequestHeaderFieldsTooLarge),
		t.send(many).refused("20,000 of them", true, http.StatusRequestHeaderFieldsTooLarge),
	}
}

// drip gives one byte at a time, so that chunked bodies have a chunk a byte.
type drip struct{ r io.Reader }

func (d drip) Read(p []byte) (int, error) { return d.r.Read(p[:min(1, len(p))]) }

// bodies sends bodies that are broken, endless or made to be expensive.
func bodies(ctx context.Context, t *Target) []Finding {
	var out []Finding
	for name, body := range map[string]string{
		"empty": "", "cut off": `{"input":"a`, "not JSON": "<xml/>", "a list": "[]", "null": "null", "not UTF-8": "{\"input\":\"\xff\xfe\"",
		"nested 100,000 deep": `{"input":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + "}",
		"100,000 inputs":      `{"input":[` + strings.Repeat(`"a",`, 99999) + `"a"]}`,
		"40 megabytes":        `{"input":"` + strings.Repeat("a", 40<<20) + `"}`,
		"a huge number":       `{"input":"a","dimensions":1e999}`,
	} {
		out = append(out, t.post(ctx, "/v1/embeddings", body).refused(name, name == "40 megabytes", 400, 413, 422))
	}
	chunks, err := http.NewRequestWithContext(ctx, "POST", t.URL+"/v1/embeddings", drip{strings.NewReader(`{"input":"a","user":"` + strings.Repeat("x", 1<<20) + `"}`)})
	if err == nil {
		chunks.Header.Set("Content-Type", "application/json")
		out = append(out, t.send(chunks).refused("a megabyte of chunks of a byte", true, 200, 400, 413))
	}
	return append(out, parts(ctx, t))
}

// parts sends a multipart body of 100,000 parts.
func parts(ctx context.Context, t *Target) Finding {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := range 100000 {
		if p, err := m.CreateFormField(fmt.Sprint(i)); err == nil {
			io.WriteString(p, "x")
		}
	}
	m.Close()
	r, err := http.NewRequestWithContext(ctx, "POST", t.URL+"/predict", &b)
	if err != nil {
		return Finding{Case: "100,000 parts", Detail: err.Error()}
	}
	r.Header.Set("Content-Type", m.FormDataContentType())
	return t.send(r).refused("100,000 parts", true, 400, 413)
}

const (
	slowConns = 64
	slowTime  = 20 * time.Second
)

// slow opens connections that never finish their headers; honest requests have to
// be answered meanwhile, and the connections closed in the end.
func slow(ctx context.Context, t *Target) []Finding {
	u, err := http.NewRequest("GET", t.URL, nil)
	if err != nil || u.URL.Scheme != "http" {
		return nil
	}
	var conns []net.Conn
	for range slowConns {
		c, err := net.DialTimeout("tcp", u.URL.Host, 5*time.Second)
		if err != nil {
			break
		}
		defer c.Close()
		io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
		conns = append(conns, c)
	}
	during := t.unharmed(ctx, "slow")
	during.Case = fmt.Sprintf("an honest request beside %d slow connections", len(conns))
	closed := 0
	deadline := time.Now().Add(slowTime)
	for _, c := range conns {
		c.SetReadDeadline(deadline)
		if _, err := io.ReadAll(c); err == nil || !isTimeout(err) {
			closed++
		}
	}
	return []Finding{during, {Case: "slow connections are closed", OK: closed == len(conns), Detail: fmt.Sprintf("%d of %d within %s", closed, len(conns), slowTime)}}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}
