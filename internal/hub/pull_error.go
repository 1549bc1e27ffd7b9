package hub

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// PullError says why a pull failed and, when it was one file, how to fetch that
// file by hand: what is at URL belongs to Path, and a later pull takes it from
// there if its hash is right.
type PullError struct {
	Code string // repo_not_found, revision_not_found, gated, unauthorized, forbidden, rate_limited, server, network, hash_mismatch, no_safetensors, unsafe_name, disk_full, cache_read_only, offline, config, failed
	Err  error
	URL  string // of the file; "" if it was not one file
	Path string // where the cache keeps it
	Hash string // "sha256 …" or "git blob sha1 …"
}

func (e *PullError) Unwrap() error { return e.Err }

func (e *PullError) Error() string {
	var b strings.Builder
	b.WriteString("hub: " + strings.TrimPrefix(e.Err.Error(), "hub: "))
	if e.URL != "" {
		fmt.Fprintf(&b, "; to fetch it by hand: %s to %s (%s), then pull again", e.URL, e.Path, e.Hash)
	}
	return b.String()
}

// codeOf returns an error's code, "failed" if it has none.
func codeOf(err error) string {
	var pull *PullError
	var status *statusError
	switch {
	case errors.As(err, &pull):
		return pull.Code
	case errors.As(err, &status):
		return status.word()
	case isFull(err):
		return "disk_full"
	case isNetwork(err):
		return "network"
	}
	return "failed"
}

// statusError is an answer that is none.
type statusError struct {
	status  int
	reason  string        // X-Error-Code: RepoNotFound, RevisionNotFound, EntryNotFound, GatedRepo, DisabledRepo
	message string        // X-Error-Message, made safe to print
	after   time.Duration // Retry-After, 0 if there was none
	host    string
}

// word is the code of the status in a PullError.
func (e *statusError) word() string {
	switch {
	case e.reason == "GatedRepo":
		return "gated"
	case e.reason == "RevisionNotFound":
		return "revision_not_found"
	case e.reason == "RepoNotFound":
		return "repo_not_found"
	case e.status == 401:
		return "unauthorized"
	case e.status == 403:
		return "forbidden"
	case e.status == 404:
		return "repo_not_found"
	case e.status == 429:
		return "rate_limited"
	}
	return "server"
}

func (e *statusError) Error() string {
	s := fmt.Sprintf("%s answers %d", e.host, e.status)
	switch e.status {
	case 401:
		s += " (it wants a token: set HF_TOKEN)"
	case 403:
		s += " (the token, if there is one, may not read this)"
	case 404:
		s += " (not found)"
	case 416:
		s += " (it does not have the bytes that it announced)"
	case 429:
		s += " (too many requests; try again later, or set HF_TOKEN)"
	}
	if e.after > longestWait {
		s += fmt.Sprintf(", not before %v from now", e.after)
	}
	if e.message != "" {
		s += ": " + e.message
	}
	return s
}

// explain turns the refusal of a repository's or revision's listing into what the
// user can do. The hub answers 401 for repositories that do not exist, too.
func explain(err error, ref Ref, revision string, c *client) error {
	var status *statusError
	if !errors.As(err, &status) {
		return &PullError{Code: codeOf(err), Err: err}
	}
	word, page := status.word(), c.base.String()+"/"+ref.Repo
	var text string
	switch word {
	case "gated":
		text = fmt.Sprintf("%s is gated: accept its terms at %s, then set HF_TOKEN to a token of that account", ref.Repo, page)
	case "revision_not_found":
		text = fmt.Sprintf("%s has no revision %q; see %s/tree/main for its branches", ref.Repo, revision, page)
	case "repo_not_found", "unauthorized":
		text = fmt.Sprintf("no repository %s at %s for you to read; check its name, and if it is private set HF_TOKEN", ref, c.base)
	default:
		text = fmt.Sprintf("%s: %v", ref, status)
	}
	return &PullError{Code: word, Err: errors.New(text)}
}
