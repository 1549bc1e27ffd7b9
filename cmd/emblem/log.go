package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// newLogger logs to w: JSON lines, or for people "warning: message key=value". What
// looks like a secret is left out.
func newLogger(w io.Writer, format string, level slog.Level) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{
			Level:       level,
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return redactAttr(a) },
		}))
	}
	return slog.New(&plainHandler{w: w, level: level, mu: new(sync.Mutex)})
}

// plainHandler writes records as a person at a terminal wants them: no time, and
// a level only where something is wrong.
type plainHandler struct {
	w     io.Writer
	level slog.Level
	mu    *sync.Mutex
	attrs []slog.Attr
	group string
}

func (h *plainHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *plainHandler) Handle(_ context.Context, r slog.Record) error {
	var line bytes.Buffer
	switch {
	case r.Level >= slog.LevelError:
		line.WriteString("error: ")
	case r.Level >= slog.LevelWarn:
		line.WriteString("warning: ")
	}
	line.WriteString(visible(redact(r.Message)))
	for _, a := range h.attrs {
		writeAttr(&line, a)
	}
	r.Attrs(func(a slog.Attr) bool {
		a.Key = h.group + a.Key
		writeAttr(&line, a)
		return true
	})
	line.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.w.Write(line.Bytes())
	return err
}

func writeAttr(w *bytes.Buffer, a slog.Attr) {
	if a.Equal(slog.Attr{}) {
		return
	}
	v := redactAttr(a).Value.Resolve().String()
	if strings.ContainsAny(v, " \"=\n") {
		v = fmt.Sprintf("%q", v)
	}
	fmt.Fprintf(w, " %s=%s", a.Key, visible(v))
}

func (h *plainHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = append(append([]slog.Attr(nil), h.attrs...), attrs...)
	return &c
}

func (h *plainHandler) WithGroup(name string) slog.Handler {
	c := *h
	c.group += name + "."
	return &c
}
