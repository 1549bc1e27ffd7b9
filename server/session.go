package server

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	sessionCookie = "emblem_session"
	sessionAge    = 12 * time.Hour
	linkAge       = 10 * time.Minute
	maxSessions   = 1024
)

// sessions are the browsers that have logged in: the page sends a key once and
// gets a cookie that no script can read. A session ends with its key: the key is
// looked up at every request. One-use links log in without a key.
type sessions struct {
	keys Keys

	mu    sync.Mutex
	open  map[[32]byte]session
	links map[[32]byte]time.Time // when they end
}

type session struct {
	key string // "" of one that came by a link
	end time.Time
}

func newSessions(keys Keys) *sessions {
	return &sessions{keys: keys, open: map[[32]byte]session{}, links: map[[32]byte]time.Time{}}
}

func newToken() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// link makes a token that logs in once.
func (s *sessions) link() string {
	token := newToken()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links[sha256.Sum256([]byte(token))] = time.Now().Add(linkAge)
	return token
}

// spend uses a link up.
func (s *sessions) spend(token string) bool {
	sum := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	end, ok := s.links[sum]
	delete(s.links, sum)
	return ok && time.Now().Before(end)
}

// start opens a session and sets its cookie.
func (s *sessions) start(w http.ResponseWriter, r *http.Request, key string) {
	token := newToken()
	s.mu.Lock()
	s.sweep()
	s.open[sha256.Sum256([]byte(token))] = session{key, time.Now().Add(sessionAge)}
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: token, Path: "/", MaxAge: int(sessionAge.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: overTLS(r)})
}

// overTLS says whether a browser talks TLS, to us or to a proxy that says so. A lie
// costs only the liar's own cookie.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// sweep forgets what has ended, and the oldest if there are too many.
func (s *sessions) sweep() {
	now := time.Now()
	var oldest [32]byte
	first := now.Add(2 * sessionAge)
	for sum, se := range s.open {
		if now.After(se.end) {
			delete(s.open, sum)
		} else if se.end.Before(first) {
			oldest, first = sum, se.end
		}
	}
	if len(s.open) >= maxSessions {
		delete(s.open, oldest)
	}
}

// caller is who a browser's session belongs to, or nil. wait > 0 means that its
// key is over its rate.
func (s *sessions) caller(r *http.Request) (c *Caller, wait time.Duration) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil, 0
	}
	s.mu.Lock()
	se, ok := s.open[sha256.Sum256([]byte(cookie.Value))]
	s.mu.Unlock()
	switch {
	case !ok || time.Now().After(se.end):
		return nil, 0
	case se.key == "":
		return everyone, 0
	}
	return s.keys.Caller(se.key)
}

// end closes a browser's session.
func (s *sessions) end(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		s.mu.Lock()
		delete(s.open, sha256.Sum256([]byte(cookie.Value)))
		s.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}
