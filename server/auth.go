package server

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Scope is a thing that a key may be used for.
type Scope string

// The scopes. Admin includes all others.
const (
	ScopeEmbed  Scope = "embed"
	ScopeSearch Scope = "search"
	ScopeAsk    Scope = "ask"
	ScopeDraw   Scope = "draw"
	ScopeWrite  Scope = "write"
	ScopeAdmin  Scope = "admin"
)

// Caller is who a request comes from.
type Caller struct {
	Name      string   // the key's
	Scopes    []Scope  // what it may do
	Libraries []string // it may use; none means all
}

// may says whether the caller may do this.
func (c *Caller) may(scope Scope) bool {
	return slices.Contains(c.Scopes, scope) || slices.Contains(c.Scopes, ScopeAdmin)
}

// reaches says whether the caller may use a library.
func (c *Caller) reaches(library string) bool {
	return len(c.Libraries) == 0 || slices.Contains(c.Libraries, library)
}

// Keys know who holds a key.
type Keys interface {
	// Caller returns who holds a key, or nil if nobody does. It takes the same
	// time whatever the key is. wait > 0 means that the key is over its rate.
	Caller(key string) (c *Caller, wait time.Duration)
	// Any says whether there is a key at all.
	Any() bool
}

// everyone is who comes when no keys are asked for.
var everyone = &Caller{Name: "", Scopes: []Scope{ScopeAdmin}}

// guest is who comes from a trusted network without a key.
var guest = &Caller{Name: "trusted network", Scopes: []Scope{ScopeEmbed}}

type callerKey struct{}

// callerOf is who a request comes from, after authenticate.
func callerOf(r *http.Request) *Caller { return r.Context().Value(callerKey{}).(*Caller) }

// authenticate finds out who sends a request and whether they may do what the
// route does.
func (s *Server) authenticate(scope Scope, next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := s.caller(r, scope)
		if err != nil {
			return err
		}
		if !c.may(scope) {
			return refuse(http.StatusForbidden, "missing_scope", "", "the key %q lacks the scope %s; make one with: emblem key add NAME --scope %s", c.Name, scope, scope)
		}
		return next(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	}
}

func (s *Server) caller(r *http.Request, scope Scope) (*Caller, error) {
	if s.open() {
		return everyone, nil
	}
	var c *Caller
	var wait time.Duration
	key := keyOf(r)
	if key == "" {
		c, wait = s.sessions.caller(r)
	} else {
		c, wait = s.Keys.Caller(key)
	}
	switch {
	case wait > 0:
		return nil, &Error{Status: http.StatusTooManyRequests, Code: "rate_limit", RetryAfter: wait, Message: "the key is over its rate; slow down"}
	case c != nil:
		return c, nil
	case scope == ScopeEmbed && s.trusted(r): // with whatever key its client cannot do without
		return guest, nil
	case key == "":
		return nil, refuse(http.StatusUnauthorized, "missing_key", "", "this server asks for a key: send Authorization: Bearer KEY")
	}
	return nil, refuse(http.StatusUnauthorized, "invalid_key", "", "the key is not known here")
}

// open says whether everybody may do everything.
func (s *Server) open() bool { return s.Keys == nil || s.OpenWithoutKeys && !s.Keys.Any() }

// keyOf reads a key from where clients put it.
func keyOf(r *http.Request) string {
	if scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(key)
	}
	return r.Header.Get("X-Api-Key")
}

// trusted says whether a request comes straight from a network that needs no key
// for vectors. What a proxy says of its client does not count.
func (s *Server) trusted(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(s.TrustNet, func(p netip.Prefix) bool { return p.Contains(from.Addr().Unmap()) })
}
