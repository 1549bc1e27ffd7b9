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
	tty     bool
	kernels string
	bar     *progressbar.ProgressBar
	start   time.Time // of embedding
	told    time.Time
	last    library.Progress
}

// tellEvery is the time between two lines where there is no terminal.
const tellEvery = 10 * time.Second

func newMeter(s *session, kernels string) *meter {
	return &meter{out: s.stderr, tty: s.StderrTTY, kernels: kernels, told: time.Now()}
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
	case m.tty && p.Total > 0:
		m.showBar(p)
	case time.Since(m.told) >= tellEvery:
		m.told = time.Now()
		fmt.Fprintln(m.out, m.line())
	}
}

func (m *meter) showBar(p library.Progress) {
	if m.bar == nil {
		m.bar = progressbar.NewOptions(p.Total,
			progressbar.OptionSetWriter(m.out),
			progressbar.OptionSetDescription("indexing ("+m.kernels+")"),
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
