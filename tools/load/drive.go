package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// report is what came of a run.
type report struct {
	Kind      string         `json:"kind"`
	Clients   int            `json:"clients"`
	Seconds   float64        `json:"seconds"`
	Answered  int            `json:"answered"` // honest requests with status 200
	Inputs    int            `json:"inputs"`   // in them
	Refused   int            `json:"refused"`  // status 429
	Unsaid    int            `json:"refused_without_retry_after"`
	Hostile   int            `json:"hostile"` // requests that meant harm
	Let       int            `json:"hostile_answered"`
	Skipped   int            `json:"not_sent"` // all clients were waiting when it was time
	Failed    int            `json:"failed"`
	Failures  map[string]int `json:"failures,omitempty"`
	PerS      float64        `json:"per_s"`     // inputs
	NetPerS   float64        `json:"net_per_s"` // without what the generator took
	P50       float64        `json:"p50_ms"`
	P99       float64        `json:"p99_ms"`
	Most      float64        `json:"max_ms"`
	Cores     int            `json:"cores"`
	OwnCPU    float64        `json:"generator_cpu_s"`
	ServerCPU float64        `json:"server_cpu_s,omitempty"`
	Memory    *memory        `json:"memory,omitempty"`
}

// driver sends requests until it is enough.
type driver struct {
	options
	make   *maker
	client *http.Client

	mu     sync.Mutex
	report report
	took   []float64 // ms of answered requests
}

// drive loads the server for a while.
func drive(ctx context.Context, o options, m *maker, client *http.Client) report {
	d := &driver{options: o, make: m, client: client, report: report{Kind: o.Kind, Clients: o.Clients, Cores: runtime.NumCPU(), Failures: map[string]int{}}}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(o.Seconds*float64(time.Second)))
	defer cancel()
	start, own, server := time.Now(), ownCPU(), processCPU(o.PID)
	watch := watchMemory(ctx, o.PID, d.done)
	var wg sync.WaitGroup
	turns := d.turns(ctx)
	for range o.Clients {
		wg.Go(func() {
			for range turns {
				d.send(d.make.next())
			}
		})
	}
	wg.Wait()
	cancel()
	r := d.report
	r.Seconds, r.OwnCPU, r.ServerCPU = since(start), ownCPU()-own, processCPU(o.PID)-server
	r.Memory = <-watch
	r.PerS = float64(r.Inputs) / r.Seconds
	r.NetPerS = float64(r.Inputs) / (r.Seconds - r.OwnCPU/float64(r.Cores))
	slices.Sort(d.took)
	r.P50, r.P99, r.Most = quantile(d.took, 0.5), quantile(d.took, 0.99), quantile(d.took, 1)
	return r
}

// done is how many requests came back.
func (d *driver) done() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.report.Answered + d.report.Refused + d.report.Hostile
}

// turns gives a client the word for each request, as fast as they take it or at the
// rate that was asked for.
func (d *driver) turns(ctx context.Context) <-chan struct{} {
	c := make(chan struct{})
	go func() {
		defer close(c)
		start := time.Now()
		for i := range d.Requests {
			if d.Rate == 0 {
				select {
				case c <- struct{}{}:
					continue
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-time.After(time.Until(start.Add(time.Duration(float64(i) / d.Rate * float64(time.Second))))):
			case <-ctx.Done():
				return
			}
			select {
			case c <- struct{}{}:
			default:
				d.mu.Lock()
				d.report.Skipped++
				d.mu.Unlock()
			}
		}
	}()
	return c
}

// send sends a request and counts what came of it.
func (d *driver) send(r request) {
	start := time.Now()
	resp, err := d.client.Post(d.make.base+r.path, "application/json", strings.NewReader(r.body))
	var body []byte
	if err == nil {
		body, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	ms := 1000 * since(start)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case r.hostile:
		d.report.Hostile++
		if err == nil && resp.StatusCode == http.StatusOK {
			d.report.Let++
		}
	case err != nil:
		d.fail(err.Error())
	case resp.StatusCode == http.StatusTooManyRequests:
		d.report.Refused++
		if resp.Header.Get("Retry-After") == "" {
			d.report.Unsaid++
		}
	case resp.StatusCode != http.StatusOK:
		d.fail(resp.Status + " " + string(body[:min(len(body), 200)]))
	case d.Kind == "fill" && bytes.Contains(body, []byte(`"status":"error"`)):
		d.fail("documents were refused: " + string(body[:min(len(body), 200)]))
	default:
		d.report.Answered++
		d.report.Inputs += d.inputsOf(r)
		d.took = append(d.took, ms)
	}
}

func (d *driver) inputsOf(r request) int {
	switch {
	case d.Kind == "fill":
		return fillBatch
	case strings.HasSuffix(r.path, "/search"):
		return 1
	}
	return d.Inputs
}

// fail counts a failure; of kinds of them a few are kept.
func (d *driver) fail(what string) {
	d.report.Failed++
	if len(d.report.Failures) < 8 || d.report.Failures[what] > 0 {
		d.report.Failures[what]++
	}
}

// quantile is of sorted numbers.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
