package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/emblem-search/emblem/internal/library"
)

// meter shows how far indexing is: a bar on a terminal, else a line now and
// then. Lines that are written through it do not mix with the bar.
type meter struct {
	mu      sync.Mutex
	out     io.Writer
	columns int // of the terminal to draw a bar on; 0 means no bar
	kernels string
	bar     *progressbar.ProgressBar
	start   time.Time // of embedding
	told    time.Time
	last    library.Progress
}

// tellEvery is the time between two lines where there is no terminal.
const tellEvery = 10 * time.Second

// What the bar and the words around it need, so that a line never wraps: a
// wrapped one cannot be drawn over.
const (
	leastColumns = 60 // less gets lines, as where there is no terminal
	wideColumns  = 90 // less goes without the kernels
)

func newMeter(s *session, kernels string) *meter {
	m := &meter{out: s.stderr, kernels: kernels, told: time.Now()}
	if s.StderrTTY {
		m.columns = s.Columns
		if m.columns == 0 {
			m.columns = 80
		}
	}
	if m.columns < leastColumns {
		m.columns = 0
	}
	return m
}

// Write puts a line above the bar.
func (m *meter) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bar == nil {
		return m.out.Write(p)
	}
	m.bar.Clear()
	n, err := m.out.Write(p)
	m.bar.RenderBlank()
	return n, err
}

// update shows progress.
func (m *meter) update(p library.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.Total > 0 && m.start.IsZero() {
		m.start = time.Now()
	}
	m.last = p
	switch {
	case m.columns > 0 && p.Total > 0:
		m.showBar(p)
	case time.Since(m.told) >= tellEvery:
		m.told = time.Now()
		fmt.Fprintln(m.out, m.line())
	}
}

func (m *meter) showBar(p library.Progress) {
	if m.bar == nil {
		words, width := "indexing", m.columns-60
		if m.columns >= wideColumns {
			words, width = words+" ("+m.kernels+")", m.columns-63-len(m.kernels)
		}
		m.bar = progressbar.NewOptions(p.Total,
			progressbar.OptionSetWriter(m.out),
			progressbar.OptionSetDescription(words),
			progressbar.OptionSetWidth(max(1, min(40, width))),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("files"),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
		)
	}
	m.bar.Set(p.Done)
}

// line says the same in words.
func (m *meter) line() string {
	p := m.last
	if p.Total == 0 {
		return fmt.Sprintf("looking: %d files", p.Found)
	}
	rate := float64(p.Done) / max(time.Since(m.start).Seconds(), 1e-3)
	left := "unknown time"
	if p.Done > 0 {
		left = time.Duration(float64(p.Total-p.Done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	return fmt.Sprintf("indexing: %d of %d files, %.1f files/s, %s left, kernels %s", p.Done, p.Total, rate, left, m.kernels)
}

// finish takes the bar away.
func (m *meter) finish() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bar != nil {
		m.bar.Clear()
		m.bar = nil
	}
}
