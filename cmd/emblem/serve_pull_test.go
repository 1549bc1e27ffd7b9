package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestServePull: a server fetches a model when it is told to, and only then.
func TestServePull(t *testing.T) {
	d := newDesk(t)
	h := serveModel(d, tinyFiles(t))
	code, _, errs := runReal(d, "serve", "--data", "none", "--model", "org/tiny")
	if code != exitUsage || !strings.Contains(errs, "emblem pull org/tiny") || !strings.Contains(errs, "start the server with --pull") || h.sent.Load() > 0 {
		t.Errorf("exit %d: %s", code, errs)
	}
	base, _, stop, log := startServe(t, d, "--data", "none", "--model", "short=org/tiny", "--pull")
	resp, err := http.Get(base + "/v1/models")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), `"short"`) || !strings.Contains(log.String(), "a model is here") || !strings.Contains(log.String(), "licence=mit") {
		t.Errorf("%s, %v\n%s", body, err, log)
	}
	if code := stop(); code != exitSIGINT && code != exitOK {
		t.Errorf("exit %d", code)
	}
	sent := h.sent.Load()
	_, _, stop, _ = startServe(t, d, "--data", "none", "--model", "org/tiny", "--pull")
	if stop(); h.sent.Load() != sent {
		t.Error("a model that is here was fetched again")
	}
	code, _, errs = runReal(d, "serve", "--data", "none", "--model", "org/none", "--pull")
	if code != exitFailed || !strings.Contains(errs, "no repository org/none") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
