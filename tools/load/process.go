package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

// memory is a server's resident memory over a run.
type memory struct {
	StartMB float64 `json:"start_mb"`
	EndMB   float64 `json:"end_mb"`
	MostMB  float64 `json:"max_mb"`
	// Slope is the growth over the second half, by least squares, in bytes a request:
	// the first half fills caches.
	Slope float64 `json:"slope_bytes_per_request"`
}

// watchMemory looks at a process four times a second until ctx ends; nil if there is
// none to look at.
func watchMemory(ctx context.Context, pid int, done func() int) <-chan *memory {
	out := make(chan *memory, 1)
	if pid == 0 {
		out <- nil
		return out
	}
	go func() {
		var requests, bytes []float64
		for {
			if rss, ok := resident(pid); ok {
				requests, bytes = append(requests, float64(done())), append(bytes, rss)
			}
			select {
			case <-time.After(250 * time.Millisecond):
			case <-ctx.Done():
				out <- summary(requests, bytes)
				return
			}
		}
	}()
	return out
}

func summary(requests, bytes []float64) *memory {
	n := len(bytes)
	if n == 0 {
		return nil
	}
	m := &memory{StartMB: bytes[0] / 1e6, EndMB: bytes[n-1] / 1e6, Slope: slope(requests[n/2:], bytes[n/2:])}
	for _, b := range bytes {
		m.MostMB = max(m.MostMB, b/1e6)
	}
	return m
}

// slope is that of the line through points, by least squares.
func slope(x, y []float64) float64 {
	var mx, my float64
	for i := range x {
		mx += x[i] / float64(len(x))
		my += y[i] / float64(len(x))
	}
	var top, bottom float64
	for i := range x {
		top += (x[i] - mx) * (y[i] - my)
		bottom += (x[i] - mx) * (x[i] - mx)
	}
	if bottom == 0 {
		return 0
	}
	return top / bottom
}

// resident is a process's resident memory in bytes.
func resident(pid int) (float64, bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := bytes.Fields(raw)
	if err != nil || len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseFloat(string(fields[1]), 64)
	return pages * float64(os.Getpagesize()), err == nil
}

// processCPU is a process's processor time in seconds, 0 if it is not known. Linux
// counts it in hundredths.
func processCPU(pid int) float64 {
	if pid == 0 {
		return 0
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(string(fields[11]), 64)
	system, _ := strconv.ParseFloat(string(fields[12]), 64)
	return (user + system) / 100
}
