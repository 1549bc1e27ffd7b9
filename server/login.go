package server

import (
	"net/http"
)

// loginPrefix is what the paths of links begin with; the rest is their secret.
const loginPrefix = "/login/"

// sessionRoutes log browsers in and out.
func (s *Server) sessionRoutes() []route {
	return []route{
		{method: "GET", path: "/session", handle: s.getSession, doc: "Whether a key is needed, and what the browser's session may do."},
		{method: "POST", path: "/session", handle: s.logIn, body: logInBody{}, doc: "Log a browser in with a key, for a cookie."},
		{method: "DELETE", path: "/session", handle: s.logOut, doc: "Log a browser out."},
		{method: "GET", path: loginPrefix + ":link", noHead: true, handle: s.logInByLink, doc: "Log a browser in with a link that works once."},
	}
}

// LoginPath is a path of the page that logs a browser in, once, without a key; or
// the page's own where no key is asked for.
func (s *Server) LoginPath() string {
	if s.open() {
		return "/"
	}
	return loginPrefix + s.sessions.link()
}

// getSession tells the page whether it has to ask for a key, and what it may do.
func (s *Server) getSession(w http.ResponseWriter, r *http.Request) error {
	c, _ := s.sessions.caller(r)
	if s.open() {
		c = everyone
	}
	if c == nil {
		writeJSON(w, http.StatusOK, map[string]any{"key_needed": true, "scopes": []Scope{}})
		return nil
	}
	scopes := c.Scopes
	if c.may(ScopeAdmin) {
		scopes = AllScopes()
	}
	writeJSON(w, http.StatusOK, map[string]any{"key_needed": false, "name": c.Name, "scopes": scopes})
	return nil
}

type logInBody struct {
	Key string `json:"key"`
}

// logIn takes a key and gives a cookie.
func (s *Server) logIn(w http.ResponseWriter, r *http.Request) error {
	var body logInBody
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	if s.open() {
		return s.getSession(w, r)
	}
	c, _ := s.Keys.Caller(body.Key)
	if c == nil {
		return refuse(http.StatusUnauthorized, "invalid_key", "key", "the key is not known here")
	}
	s.sessions.start(w, r, body.Key)
	writeJSON(w, http.StatusOK, map[string]any{"key_needed": false, "name": c.Name, "scopes": c.Scopes})
	return nil
}

func (s *Server) logOut(w http.ResponseWriter, r *http.Request) error {
	s.sessions.end(w, r)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// logInByLink uses a one-use link up. It answers GET, because it is opened from a
// terminal; nothing but the link itself changes.
func (s *Server) logInByLink(w http.ResponseWriter, r *http.Request) error {
	if !s.sessions.spend(r.PathValue("link")) {
		return refuse(http.StatusUnauthorized, "link_spent", "", "the link was used already or is too old; log in with a key, or start the server again for a new link")
	}
	s.sessions.start(w, r, "")
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}
