package attack

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// connect opens a connection to the target.
func (t *Target) connect(ctx context.Context) (net.Conn, error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, err
	}
	addr := u.Host
	if u.Port() == "" {
		addr = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	d := &net.Dialer{Timeout: 5 * time.Second}
	if u.Scheme == "https" {
		return (&tls.Dialer{NetDialer: d}).DialContext(ctx, "tcp", addr)
	}
	return d.DialContext(ctx, "tcp", addr)
}

// raw sends bytes as they are and reads one answer.
func (t *Target) raw(ctx context.Context, request string) answer {
	start := time.Now()
	c, err := t.connect(ctx)
	if err != nil {
		return answer{err: err}
	}
	defer c.Close()
	c.SetDeadline(start.Add(5 * time.Second)) // a server may wait for more until it hangs up
	io.WriteString(c, request)                // a server may answer before it has read all
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return answer{err: err, took: time.Since(start)}
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, mostAnswer))
	return answer{r.StatusCode, r.Header, body, err, time.Since(start)}
}
