package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emblem-search/emblem/internal/library"
)

// The bar fits the terminal: what wraps cannot be drawn over.
func TestBarFitsTheTerminal(t *testing.T) {
	for _, columns := range []int{60, 72, 89, 90, 100, 200} {
		var out bytes.Buffer
		m := newMeter(&session{terminal: terminal{StderrTTY: true, Columns: columns}, stderr: &out}, "avx512bf16")
		for done := range 3 {
			m.update(library.Progress{Found: 60000, Total: 60000, Done: 40 * done})
			time.Sleep(110 * time.Millisecond) // the bar draws no oftener
		}
		drawn := 0
		for _, line := range strings.FieldsFunc(out.String(), func(r rune) bool { return r == '\r' || r == '\n' }) {
			drawn++
			if n := utf8.RuneCountInString(line); n > columns {
				t.Errorf("%d columns: a line has %d: %q", columns, n, line)
			}
		}
		if drawn == 0 || !strings.Contains(out.String(), "/60000") {
			t.Errorf("%d columns: no bar in %q", columns, out.String())
		}
	}
}

func TestNoBarWhereThereIsNoRoom(t *testing.T) {
	var out bytes.Buffer
	m := newMeter(&session{terminal: terminal{StderrTTY: true, Columns: 40}, stderr: &out}, "avx2")
	m.update(library.Progress{Found: 10, Total: 10, Done: 5})
	if out.Len() > 0 {
		t.Errorf("drew %q", out.String())
	}
}
