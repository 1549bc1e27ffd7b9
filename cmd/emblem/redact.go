package main

import (
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

const redacted = "[redacted]"

// secrets are the shapes of what must not be told, and what stays of it: keys of the
// server, tokens of the hub, credentials in headers and addresses, links that log in.
var secrets = []struct {
	shape *regexp.Regexp
	stays string
}{
	{regexp.MustCompile(`emblem_[A-Za-z0-9_-]{24,}`), redacted},
	{regexp.MustCompile(`\bhf_[A-Za-z0-9]{20,}`), redacted},
	{regexp.MustCompile(`(?i)\b(bearer|basic) +[A-Za-z0-9._~+/=-]{8,}`), "$1 " + redacted},
	{regexp.MustCompile(`([a-z][a-z0-9+.-]*://)[^/\s@"]+@`), "${1}" + redacted + "@"},
	{regexp.MustCompile(`(/login/)[A-Za-z0-9_-]{16,}`), "${1}" + redacted},
}

// redact replaces what looks like a secret, wherever it stands.
func redact(s string) string {
	for _, secret := range secrets {
		s = secret.shape.ReplaceAllString(s, secret.stays)
	}
	return s
}

// secretNames are flags and attributes of log lines that hold secrets whatever they
// look like.
var secretNames = []string{"authorization", "cookie", "key", "password", "secret", "token", "api_key", "x-api-key"}

func isSecret(name string) bool {
	return slices.Contains(secretNames, strings.ToLower(name[strings.LastIndexByte(name, '.')+1:]))
}

// redactAttr is redact for an attribute of a log line, of whatever kind.
func redactAttr(a slog.Attr) slog.Attr {
	if isSecret(a.Key) {
		return slog.String(a.Key, redacted)
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindGroup:
		var inside []any
		for _, in := range v.Group() {
			inside = append(inside, redactAttr(in))
		}
		return slog.Group(a.Key, inside...)
	case slog.KindString, slog.KindAny:
		if s := v.String(); redact(s) != s {
			return slog.String(a.Key, redact(s))
		}
	}
	return a
}
