package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/term"

	"github.com/emblem-search/emblem/fusion/answer"
	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/internal/models"
)

// terminal is what an operation has to know of where its output goes.
type terminal struct {
	StderrTTY bool   `json:"stderr_tty"`
	Columns   int    `json:"columns"`  // of stderr, 0 if not known
	Graphics  string `json:"graphics"` // how stdout shows pictures, see thumbnail.go
	LogLevel  string `json:"log_level"`
	LogFormat string `json:"log_format"`
}

// session is one operation's output: this process's, or another's through the
// socket.
type session struct {
	terminal
	stdout io.Writer
	stderr io.Writer
}

// logger logs to w as the terminal's owner wants it.
func (t terminal) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if level.UnmarshalText([]byte(t.LogLevel)) != nil {
		level = slog.LevelInfo
	}
	return newLogger(w, t.LogFormat, level)
}

// terminal describes the app's own.
func (a *app) terminal() terminal {
	return terminal{StderrTTY: isTerminal(a.stderr), Columns: columns(a.stderr), Graphics: a.graphics(), LogLevel: a.logLevel, LogFormat: a.logFormat}
}

// isTerminal says whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// columns is the width of a terminal, or 0.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	n, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return n
}

// host is an open data directory with the models that its libraries need.
type host struct {
	store  *library.Store
	log    *slog.Logger
	wiring wiring
	device string
	budget *models.Budget // nil: what is opened stays in memory
	first  modelChoice    // the server's first model; libraries without one take it

	opening sync.Mutex // one model at a time
	models  map[modelChoice]embedder

	answerers map[string]*answer.Model // that look at pictures, by how to open them
	words     wordModels               // the server's, for what it indexes by itself
}

func (a *app) newHost(dir string) (*host, error) {
	store, err := library.OpenStore(dir)
	if err != nil {
		return nil, err
	}
	store.Fatal = a.die
	return &host{store: store, log: a.log, wiring: a.wiring, device: a.device, models: map[modelChoice]embedder{}}, nil
}

// model opens a model once.
func (h *host) model(ctx context.Context, c modelChoice) (embedder, error) {
	c.Device, c.Budget, c.Cache = h.device, h.budget, h.wiring.cache
	h.opening.Lock()
	defer h.opening.Unlock()
	if e := h.models[c]; e != nil {
		return e, nil
	}
	e, err := h.wiring.openModel(ctx, c)
	if err != nil {
		return nil, err
	}
	if d, ok := e.(dual); ok {
		warnOfDrift(h.log, d.Model)
	}
	h.models[c] = e
	return e, nil
}

func (h *host) close() error { return errors.Join(h.store.Close(), h.closeModels()) }

func (h *host) closeModels() error {
	var err error
	for _, e := range h.models {
		err = errors.Join(err, e.Close())
	}
	for _, m := range h.answerers {
		m.Close()
	}
	return err
}

// operation is a library command as the owner of the data directory runs it.
type operation func(ctx context.Context, h *host, s *session, options json.RawMessage) error

// operations are all library commands, by name.
func operations() map[string]operation {
	return map[string]operation{
		"index":              decoding(runIndex),
		"search":             decoding(runSearch),
		"ask":                decoding(runAsk),
		"library.apply":      decoding(runApply),
		"library.list":       decoding(runLibraryList),
		"library.backup":     decoding(runLibraryBackup),
		"library.compact":    decoding(runLibraryCompact),
		"library.duplicates": decoding(runLibraryDuplicates),
		"library.rebuild":    decoding(runLibraryRebuild),
		"library.restore":    decoding(runLibraryRestore),
		"library.verify":     decoding(runLibraryVerify),
		"library.migrate":    decoding(runMigrate),
		"library.rename":     decoding(runLibraryRename),
		"library.rm":         decoding(runLibraryRemove),
		"library.stats":      decoding(runLibraryStats),
	}
}

// decoding reads an operation's options from their JSON.
func decoding[T any](run func(context.Context, *host, *session, T) error) operation {
	return func(ctx context.Context, h *host, s *session, options json.RawMessage) error {
		var o T
		if err := json.Unmarshal(options, &o); err != nil {
			return usagef("the options of the operation cannot be read: %v", err)
		}
		return run(ctx, h, s, o)
	}
}
