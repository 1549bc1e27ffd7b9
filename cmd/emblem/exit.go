package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/library"
)

// Exit codes, the same for every command.
const (
	exitOK      = 0
	exitFailed  = 1 // failed, or an input failed (its line says which)
	exitUsage   = 2 // usage or configuration
	exitNothing = 3 // nothing matched
	exitSIGINT  = 130
	exitSIGTERM = 143
)

// cliError is an error with the kind that decides its exit code. The code is
// the machine's word for it, as in {"error":{"message","code"}}.
type cliError struct {
	exit int
	code string
	err  error
	// silent errors have been told already: a line per failed input, say.
	silent bool
	// final errors count although a signal ended the command.
	final bool
}

func (e *cliError) Error() string { return e.err.Error() }
func (e *cliError) Unwrap() error { return e.err }

// usagef makes an error of usage or configuration: exit 2.
func usagef(format string, args ...any) error {
	return &cliError{exit: exitUsage, code: "usage", err: fmt.Errorf(format, args...)}
}

// failf makes an error of the given code: exit 1.
func failf(code, format string, args ...any) error {
	return &cliError{exit: exitFailed, code: code, err: fmt.Errorf(format, args...)}
}

// refusef makes an error of the given code about something the user has to
// decide or provide, such as a model that is not there: exit 2.
func refusef(code, format string, args ...any) error {
	return &cliError{exit: exitUsage, code: code, err: fmt.Errorf(format, args...)}
}

// nothingMatched is exit 3; what it prints is the sentence.
func nothingMatched(format string, args ...any) error {
	return &cliError{exit: exitNothing, code: "nothing_matched", err: fmt.Errorf(format, args...)}
}

// errInputs is exit 1 after each failed input has had its own line.
var errInputs = &cliError{exit: exitFailed, code: "input_failed", err: errors.New("some inputs failed"), silent: true}

// signalError is the cause of a context that a signal cancelled.
type signalError struct{ sig os.Signal }

func (e *signalError) Error() string {
	return "interrupted; run the same command again to go on where it was"
}

func (e *signalError) exit() int {
	if e.sig == syscall.SIGTERM {
		return exitSIGTERM
	}
	return exitSIGINT
}

// ended is the error of a command that serves until a signal: there is nothing to go
// on with. One that ended as it should has none.
func ended(ctx context.Context, err error) error {
	var sig *signalError
	if err == nil || !errors.As(context.Cause(ctx), &sig) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, sig) {
		err = errors.New("interrupted")
	}
	return &cliError{exit: sig.exit(), code: "interrupted", err: err, final: true}
}

// interruptible returns a context that the first SIGINT or SIGTERM cancels. A
// second signal ends the process at once.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case sig := <-ch:
			cancel(&signalError{sig})
			signal.Stop(ch) // the default action is back: the next one kills
		case <-done:
		}
	}()
	return ctx, func() { close(done); signal.Stop(ch); cancel(nil) }
}

// classify gives err its kind: a signal's, its own, usage when the command never
// started, else failed.
func classify(ctx context.Context, err error, started bool) error {
	var own *cliError
	if errors.As(err, &own) && own.final {
		return err
	}
	var sig *signalError
	if errors.As(context.Cause(ctx), &sig) {
		return &cliError{exit: sig.exit(), code: "interrupted", err: sig}
	}
	if own != nil {
		return err
	}
	if known := kindOf(err); known != nil {
		return known
	}
	if !started {
		return &cliError{exit: exitUsage, code: "usage", err: err}
	}
	return &cliError{exit: exitFailed, code: "failed", err: err}
}

func exitCode(err error) int {
	var own *cliError
	if errors.As(err, &own) {
		return own.exit
	}
	return exitFailed
}

// printError writes the one sentence of a fatal error, without secrets.
func printError(w io.Writer, err error, asJSON bool) {
	var own *cliError
	code := "failed"
	if errors.As(err, &own) {
		if own.silent {
			return
		}
		code = own.code
	}
	says := redact(err.Error())
	if !asJSON {
		fmt.Fprintln(w, visibleBut(says, "\n\t"))
		return
	}
	type body struct {
		Message string `json:"message"`
		Code    string `json:"code"`
	}
	newEncoder(w).Encode(map[string]body{"error": {says, code}})
}

// wantsJSON says whether errors are to be JSON. The command's flag counts, and
// the bare argument too, for when flags could not be read.
func wantsJSON(cmd *cobra.Command, args []string) bool {
	if cmd != nil {
		if f := cmd.Flags().Lookup("json"); f != nil && f.Value.String() == "true" {
			return true
		}
	}
	end := slices.Index(args, "--")
	if end < 0 {
		end = len(args)
	}
	return slices.Contains(args[:end], "--json")
}

// kindOf maps the errors of the packages below to exit codes; nil means none of
// them.
func kindOf(err error) error {
	var own *library.Error
	var filter *index.FilterError
	switch {
	case errors.As(err, &own):
		exit := exitUsage
		if own.Kind == library.KindPicture || own.Kind == library.KindBusy {
			exit = exitFailed
		}
		return &cliError{exit: exit, code: string(own.Kind), err: err}
	case errors.As(err, &filter):
		return &cliError{exit: exitUsage, code: "bad_filter", err: err}
	case errors.Is(err, syscall.ENOSPC):
		return &cliError{exit: exitFailed, code: "disk_full", err: fmt.Errorf("%w; make room and run the same command again: what was stored is kept", err)}
	case errors.Is(err, index.ErrLocked):
		return &cliError{exit: exitFailed, code: "data_locked", err: err}
	}
	return nil
}
