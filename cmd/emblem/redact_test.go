package main

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

const someKey = "emblem_0123456789-abcdefghijklmnopqrstuvwxyzABCDEF"

func TestRedact(t *testing.T) {
	for s, want := range map[string]string{
		"the key " + someKey + " is not known":              "the key [redacted] is not known",
		"Authorization: Bearer abcdefgh12345678":            "Authorization: Bearer [redacted]",
		"Basic dXNlcjpwYXNzd29yZA== was sent":               "Basic [redacted] was sent",
		"Get \"https://me:pass@hub.example/x\": EOF":        "Get \"https://[redacted]@hub.example/x\": EOF",
		"token hf_abcdefghijklmnopqrstuvwxyz":               "token [redacted]",
		"GET /login/0123456789abcdefghij":                   "GET /login/[redacted]",
		"https://hub.example/a@b emblem_requests_total 7 @": "https://hub.example/a@b emblem_requests_total 7 @",
	} {
		if got := redact(s); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
}

// TestLogsRedact writes secrets in every place that a record has for them.
func TestLogsRedact(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out strings.Builder
		log := newLogger(&out, format, slog.LevelDebug).With("by", someKey)
		log.Warn("of "+someKey, "value", someKey, "error", errors.New("with "+someKey), "authorization", "hunter2", "password", "hunter2",
			slog.Group("in", "deep", someKey, "token", "hunter2"), "list", []string{someKey}, "kept", "this")
		log.WithGroup("g").Info("x", "api_key", "hunter2", "n", 7)
		if s := out.String(); strings.Contains(s, "0123456789") || strings.Contains(s, "hunter2") || !strings.Contains(s, "this") || !strings.Contains(s, "7") {
			t.Errorf("%s: %s", format, s)
		}
		if format == "json" {
			for line := range strings.Lines(out.String()) {
				if !json.Valid([]byte(line)) {
					t.Errorf("no JSON: %s", line)
				}
			}
		}
	}
}

// TestServeLogsNoSecrets uses a server with a key in all the ways in which clients
// let keys slip, at the level that says most.
func TestServeLogsNoSecrets(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		d := newDesk(t)
		key := strings.TrimSpace(d.must("key", "add", "phone").stdout)
		base, login, stop, errs := startServe(t, d, "--log-level", "debug", "--log-format", format)
		for _, path := range []string{"/v1/models", "/v1/models?key=" + key, "/v1/models/" + key, "/" + key, login} {
			for name, value := range map[string]string{"Authorization": "Bearer " + key, "X-Api-Key": key, "Cookie": "emblem=" + key, "Origin": "http://" + key} {
				r, err := http.NewRequest("GET", base+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set(name, value)
				answer, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
		}
		stop()
		said := errs.String()
		if strings.Contains(said, key) || strings.Count(said, login) != 1 || strings.Count(said, strings.TrimPrefix(login, "/login/")) != 1 {
			t.Errorf("%s: the log tells a key, or the link more often than once:\n%s", format, said)
		}
		if want := regexp.MustCompile(`path"?[=:]"?/v1/models\b`); !want.MatchString(said) {
			t.Errorf("%s: requests are not in the log:\n%s", format, said)
		}
	}
}
