package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// client speaks with one hub. Tokens go to its host only; redirects are followed
// here and not in net/http, which would send it to subdomains.
type client struct {
	base    *url.URL
	token   string
	timeout time.Duration // without a byte
	http    *http.Client
	seams
}

func newClient(r Remote, s seams) (*client, error) {
	base, err := endpoint(r.Endpoint)
	if err != nil {
		return nil, &PullError{Code: "config", Err: err}
	}
	timeout := r.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: timeout}).DialContext
	transport.TLSHandshakeTimeout = timeout
	transport.ResponseHeaderTimeout = timeout
	transport.DisableCompression = true // sizes and hashes are of the bytes as they are
	transport.MaxIdleConnsPerHost = 16
	transport.MaxResponseHeaderBytes = 1 << 20
	keep := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{base, r.Token, timeout, &http.Client{Transport: transport, CheckRedirect: keep}, s}, nil
}

// api is the address of one of the hub's answers about a repository.
func (c *client) api(repo string, parts ...string) *url.URL {
	return c.join("api/models/"+repo, parts)
}

// resolve is the address of a file.
func (c *client) resolve(repo, commit, name string) *url.URL {
	return c.join(repo, append([]string{"resolve", commit}, strings.Split(name, "/")...))
}

// join adds parts in each of which a slash is a character: refs/pr/15 is
// refs%2Fpr%2F15.
func (c *client) join(path string, parts []string) *url.URL {
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	u := *c.base
	u.RawPath = strings.TrimSuffix(u.EscapedPath(), "/") + "/" + path
	u.Path, _ = url.PathUnescape(u.RawPath) // what was just escaped
	return &u
}

// maxRedirects is more than the hub needs: a renamed repository and its CDN.
const maxRedirects = 5

// request is what to ask for.
type request struct {
	method string
	url    *url.URL
	bytes  string                    // of a Range, "0-99"; "" for all
	enough func(*http.Response) bool // this redirect is the answer; may be nil
}

// do asks and follows redirects. The answer is 2xx, or a redirect that was enough;
// all else is an error. Its body ends with an error when nothing comes for the
// timeout.
func (c *client) do(ctx context.Context, r request) (*http.Response, error) {
	u := r.url
	for range maxRedirects + 1 {
		resp, err := c.hop(ctx, r, u)
		if err != nil {
			return nil, err
		}
		redirect := resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.Header.Get("Location") != ""
		if resp.StatusCode/100 == 2 || redirect && r.enough != nil && r.enough(resp) {
			return resp, nil
		}
		resp.Body.Close()
		if !redirect {
			return nil, c.refusal(resp)
		}
		if u, err = c.next(u, resp.Header.Get("Location")); err != nil {
			return nil, permanent{err}
		}
	}
	return nil, permanent{fmt.Errorf("%s redirects more than %d times", r.url.Host, maxRedirects)}
}

// hop sends one request, with the token if it goes to the hub itself.
func (c *client) hop(ctx context.Context, r request, u *url.URL) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), nil)
	if err != nil {
		cancel(nil)
		return nil, permanent{err}
	}
	req.Header.Set("User-Agent", "emblem")
	req.Header.Set("Accept-Encoding", "identity")
	if r.bytes != "" {
		req.Header.Set("Range", "bytes="+r.bytes)
	}
	if c.token != "" && u.Scheme == c.base.Scheme && u.Host == c.base.Host {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		cancel(nil)
		return nil, plain(err)
	}
	late := fmt.Errorf("%s sent nothing for %v (HF_HUB_DOWNLOAD_TIMEOUT): %w", u.Host, c.timeout, os.ErrDeadlineExceeded)
	resp.Body = &liveBody{resp.Body, time.AfterFunc(c.timeout, func() { cancel(late) }), ctx, cancel, c.timeout}
	return resp, nil
}

// next is where a redirect leads: never from https to http.
func (c *client) next(from *url.URL, location string) (*url.URL, error) {
	u, err := from.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("%s redirects to no address", from.Host)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || c.base.Scheme != "http") {
		return nil, fmt.Errorf("%s redirects to %q, which is not https", from.Host, u.Scheme+"://"+u.Host)
	}
	if u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("%s redirects to no address", from.Host)
	}
	return u, nil
}

func (c *client) refusal(resp *http.Response) error {
	return &statusError{
		status:  resp.StatusCode,
		reason:  resp.Header.Get("X-Error-Code"),
		message: printable(resp.Header.Get("X-Error-Message")),
		after:   retryAfter(resp.Header.Get("Retry-After")),
		host:    resp.Request.URL.Host,
	}
}

// printable is a stranger's text as it may stand in a terminal, shortened.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return ' '
	}, s)
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}

// liveBody cancels its request when no bytes come.
type liveBody struct {
	io.ReadCloser
	timer   *time.Timer
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timeout time.Duration
}

func (b *liveBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && b.ctx.Err() != nil {
		err = context.Cause(b.ctx) // why it was cancelled
	}
	if n > 0 {
		b.timer.Reset(b.timeout)
	}
	return n, err
}

func (b *liveBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// permanent errors are not tried again.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// plain takes the address off an error of net/http: it may be a signed one. A
// certificate that is not trusted will not be the next time either.
func plain(err error) error {
	var addressed *url.Error
	if errors.As(err, &addressed) {
		err = addressed.Err
		if u, bad := url.Parse(addressed.URL); bad == nil {
			err = fmt.Errorf("%s: %w", u.Host, err)
		}
	}
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		return permanent{err}
	}
	return err
}

// isNetwork reports whether the way was at fault.
func isNetwork(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// longestWait bounds what a server may ask for with Retry-After.
const longestWait = 2 * time.Minute

// retry calls try until it succeeds, its error will not go away, or it failed too
// often without progress in between.
func (c *client) retry(ctx context.Context, try func() (progress bool, err error)) error {
	for attempt := 1; ; attempt++ {
		progress, err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if progress {
			attempt = 1
		}
		delay, again := retryIn(err, attempt)
		if !again || attempt >= c.attempts {
			return err
		}
		if err := c.wait(ctx, delay); err != nil {
			return err
		}
	}
}

// retryIn says whether and when to try again.
func retryIn(err error, attempt int) (time.Duration, bool) {
	delay := time.Duration(float64(500*time.Millisecond) * float64(int(1)<<min(attempt-1, 4)) * (0.75 + rand.Float64()/2))
	var fixed permanent
	var status *statusError
	switch {
	case errors.As(err, &fixed):
		return 0, false
	case errors.As(err, &status):
		return max(delay, status.after), (status.status == 408 || status.status == 429 || status.status >= 500) && status.after <= longestWait
	}
	return delay, true
}

// retryAfter reads seconds or a date; 0 is none.
func retryAfter(s string) time.Duration {
	if n, err := strconv.Atoi(s); err == nil {
		return time.Duration(min(max(n, 0), 1_000_000)) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
