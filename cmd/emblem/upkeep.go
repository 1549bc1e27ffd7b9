package main

import (
	"context"
	"fmt"

	"github.com/emblem-search/emblem/index"
)

// verifyResult is what library verify --json says.
type verifyResult struct {
	Library   string   `json:"library"`
	Sound     bool     `json:"sound"`
	Seq       uint64   `json:"seq"` // the write up to which was read
	Documents int      `json:"documents"`
	Vectors   int      `json:"vectors"`
	Past      int      `json:"past"`   // earlier versions of documents
	Writes    int      `json:"writes"` // that are remembered
	Findings  []string `json:"findings"`
	More      int      `json:"more,omitempty"` // findings that are not listed
	Derived   []string `json:"derived"`        // findings in files that are made anew by themselves
}

func verified(name string, r index.VerifyReport) verifyResult {
	return verifyResult{name, r.Sound(), r.Seq, r.Documents, r.Vectors, r.Past, r.Writes, append([]string{}, r.Findings...), r.More, append([]string{}, r.Derived...)}
}

// errUnsound is exit 1 after findings have been told.
var errUnsound = &cliError{exit: exitFailed, code: "unsound", err: fmt.Errorf("the library is not sound"), silent: true}

// runLibraryVerify is the library.verify operation.
func runLibraryVerify(ctx context.Context, h *host, s *session, o libraryOptions) error {
	lib, err := h.store.Open(o.Name)
	if err != nil {
		return err
	}
	r, err := lib.Verify(ctx)
	if err != nil {
		return err
	}
	if o.JSON {
		err = newEncoder(s.stdout).Encode(verified(lib.Name(), r))
	} else {
		err = printVerify(s, lib.Name(), r)
	}
	if err == nil && !r.Sound() {
		err = errUnsound
	}
	return err
}

// printVerify tells people.
func printVerify(s *session, name string, r index.VerifyReport) error {
	for _, f := range r.Findings {
		fmt.Fprintln(s.stdout, visible(f))
	}
	if r.More > 0 {
		fmt.Fprintf(s.stdout, "and %d more\n", r.More)
	}
	for _, f := range r.Derived {
		fmt.Fprintln(s.stdout, visible(f))
	}
	verdict := "sound"
	switch {
	case len(r.Findings) > 0:
		verdict = "damaged; restore a backup: emblem library restore DIR"
	case len(r.Derived) > 0:
		verdict = "sound but for files that are made anew by themselves, or now: emblem library rebuild " + name
	}
	_, err := fmt.Fprintf(s.stdout, "library %s: %s, %s, %s\n", name, plural(r.Documents, "document"), plural(r.Vectors, "vector"), verdict)
	return err
}

// runLibraryRebuild is the library.rebuild operation.
func runLibraryRebuild(ctx context.Context, h *host, s *session, o libraryOptions) error {
	lib, err := h.store.Open(o.Name)
	if err != nil {
		return err
	}
	if err := lib.Rebuild(ctx); err != nil {
		return err
	}
	return o.done(s, "rebuilt", o.Name)
}

// runLibraryCompact is the library.compact operation.
func runLibraryCompact(ctx context.Context, h *host, s *session, o libraryOptions) error {
	lib, err := h.store.Open(o.Name)
	if err != nil {
		return err
	}
	if o.DropOld {
		dropped, err := lib.DropOld(ctx)
		if err != nil {
			return err
		}
		if !dropped {
			fmt.Fprintf(s.stderr, "library %s has no vectors of an old model\n", o.Name)
		}
	}
	if err := lib.Compact(ctx); err != nil {
		return err
	}
	return o.done(s, "compacted", o.Name)
}
