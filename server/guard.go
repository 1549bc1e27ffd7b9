package server

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

const headerRequestID = "X-Request-Id"

// guard is what every request passes before its handler: it gets an id, a host
// that is ours, an origin that is ours, headers for browsers, and its line in the
// log. What a handler panics with becomes an error.
func (s *Server) guard(next http.Handler) http.Handler {
	next = s.allowHosts(s.allowOrigins(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := newID()
		line := http.NewResponseController(w)
		turn, r := newTurn(r)
		defer turn.end()
		rec := &recorder{ResponseWriter: w, line: line, turn: turn}
		line.SetWriteDeadline(time.Time{}) // that of the connection's last answer
		if r.Body == nil || r.Body == http.NoBody {
			line.SetReadDeadline(time.Time{}) // else it would end what takes long, such as events
		}
		defer rec.hurry() // what net/http still holds back goes out after us
		setSecurityHeaders(w.Header())
		w.Header().Set(headerRequestID, id)
		r, span := s.tracing.request(r, id)
		defer func() { finish(span, rec.status) }()
		defer func() {
			if p := recover(); p != nil {
				s.panicked(r, rec, id, p)
			}
			s.seen(r, rec, id, time.Since(start))
		}()
		next.ServeHTTP(rec, r)
	})
}

func newID() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// panicked answers for a handler that panicked. http.ErrAbortHandler is a
// handler's way to break a connection off.
func (s *Server) panicked(r *http.Request, rec *recorder, id string, p any) {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	s.Log.Error("a handler panicked", "id", id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()), traceOf(r.Context()))
	if rec.status == 0 {
		e, _ := known(fmt.Errorf("panic"))
		e.write(rec)
	}
}

// seen writes a request's line, without what a client may have put into it but
// the method and the path. A path that logs in is a secret.
func (s *Server) seen(r *http.Request, rec *recorder, id string, took time.Duration) {
	level := slog.LevelDebug
	if rec.status >= 500 {
		level = slog.LevelWarn
	}
	path := r.URL.Path
	if strings.HasPrefix(path, loginPrefix) {
		path = loginPrefix + "…"
	}
	s.Log.Log(r.Context(), level, "request", "id", id, "method", r.Method, "path", clip(path), "status", rec.status, "ms", took.Milliseconds(), "bytes", rec.bytes, traceOf(r.Context()))
}

const (
	writePatience = 30 * time.Second // for a client that does not read
	writeChunk    = 256 << 10        // bytes that it has to read in that time
)

// recorder remembers the status and the size of an answer. With a line it breaks
// off clients that do not read: they hold what their answer is made of.
type recorder struct {
	http.ResponseWriter
	line   *http.ResponseController
	turn   *turn
	status int
	bytes  int64
}

// hurry gives the client a while for what is written next.
func (r *recorder) hurry() {
	if r.line != nil {
		r.line.SetWriteDeadline(time.Now().Add(writePatience))
	}
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.hurry()
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	done := 0
	for first := true; first || done < len(b); first = false {
		r.hurry()
		r.turn.lend()
		n, err := r.ResponseWriter.Write(b[done:min(len(b), done+writeChunk)])
		r.turn.reclaim()
		done += n
		r.bytes += int64(n)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Unwrap lets http.ResponseController reach what is below.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// setSecurityHeaders tells browsers to trust nothing but our own files. Data and
// blob pictures are what a user drops onto the page.
func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// probes are routes that load balancers and kubelets ask by whatever name they
// have for this machine.
var probes = []string{"/livez", "/readyz", "/metrics", "/health", "/ping", "/.well-known/live", "/.well-known/ready"}

// allowHosts refuses requests for names that are not this server's: a page on the
// web that has its own name point here (DNS rebinding) sends its own name.
func (s *Server) allowHosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(probes, r.URL.Path) && !s.ownHost(r.Host) {
			refuse(http.StatusForbidden, "host_not_allowed", "",
				"this server does not answer to the host %q; start it with --allowed-host %s if that is its name", clip(r.Host), clip(hostOnly(r.Host))).write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// clip keeps a client's words short and harmless in a message.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r > 0x7e {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 80)]
}

func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

// ownHost says whether a host is one that this server answers to: an address,
// localhost, this machine's name, or one that was allowed.
func (s *Server) ownHost(hostport string) bool {
	host := strings.ToLower(strings.TrimSuffix(hostOnly(hostport), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Zone() == ""
	}
	return slices.ContainsFunc(s.hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// ownNames are the names that this machine has for itself.
func ownNames() []string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return nil
	}
	short, _, _ := strings.Cut(name, ".")
	if short == "" {
		return []string{name}
	}
	return []string{name, short, short + ".local"}
}

// allowOrigins refuses what a page of another site makes a browser send.
func (s *Server) allowOrigins(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(http.StatusForbidden, "cross_origin", "", "a page of another site (%s) may not use this server", clip(r.Header.Get("Origin"))).write(w)
	}))
	return guard.Handler(next)
}
