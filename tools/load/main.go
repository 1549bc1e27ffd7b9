package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"time"
)

// options are the command line's.
type options struct {
	URL      string
	Kind     string
	Clients  int
	Requests int
	Inputs   int // of a request
	Seconds  float64
	Warm     float64 // seconds that are not counted
	Rate     float64 // requests a second, whatever the answers; 0: a client waits for its answer
	Hostile  float64 // share of requests that mean harm
	Model    string
	Library  string
	Pictures string
	Dim      int
	PID      int
}

// Bounds of a run.
const (
	mostClients  = 2048
	mostRequests = 200_000
	mostSeconds  = 600
)

func main() {
	var o options
	f := flag.NewFlagSet("load", flag.ExitOnError)
	f.StringVar(&o.URL, "url", "http://127.0.0.1:3625", "the server, on this machine")
	f.StringVar(&o.Kind, "kind", "picture", "picture, text, search, mixed, or fill: put -requests documents with random vectors into -library")
	f.IntVar(&o.Clients, "clients", 32, "clients at once")
	f.IntVar(&o.Requests, "requests", mostRequests, "requests at most")
	f.IntVar(&o.Inputs, "inputs", 1, "inputs of a request for vectors")
	f.Float64Var(&o.Seconds, "seconds", 20, "how long to measure")
	f.Float64Var(&o.Warm, "warm", 2, "seconds before that")
	f.Float64Var(&o.Rate, "rate", 0, "requests a second, whether they are answered or not; 0: each client waits")
	f.Float64Var(&o.Hostile, "hostile", 0, "share of requests that are broken or mean harm")
	f.StringVar(&o.Model, "model", "", "model to ask; none: the server's first")
	f.StringVar(&o.Library, "library", "default", "library to search or to fill")
	f.StringVar(&o.Pictures, "pictures", "testdata/pictures", "folder of JPEG files")
	f.IntVar(&o.Dim, "dim", 512, "length of the vectors of fill")
	f.IntVar(&o.PID, "pid", 0, "the server's process, to measure its memory and processor time (Linux)")
	f.Parse(os.Args[1:])
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func (o *options) check() error {
	switch {
	case !slices.Contains([]string{"picture", "text", "search", "mixed", "fill"}, o.Kind):
		return fmt.Errorf("-kind %q is none of picture, text, search, mixed, fill", o.Kind)
	case o.Clients < 1 || o.Clients > mostClients:
		return fmt.Errorf("-clients %d is not between 1 and %d", o.Clients, mostClients)
	case o.Requests < 1 || o.Requests > mostRequests:
		return fmt.Errorf("-requests %d is not between 1 and %d", o.Requests, mostRequests)
	case !(o.Seconds > 0 && o.Warm >= 0 && o.Seconds+o.Warm <= mostSeconds):
		return fmt.Errorf("-seconds %g and -warm %g have to come to at most %d", o.Seconds, o.Warm, mostSeconds)
	case o.Inputs < 1 || o.Inputs > 256 || o.Dim < 1 || o.Dim > 4096:
		return errors.New("-inputs has to be 1 to 256, -dim 1 to 4096")
	case !(o.Hostile >= 0 && o.Hostile <= 1) || !(o.Rate >= 0 && o.Rate <= 100_000):
		return errors.New("-hostile has to be 0 to 1, -rate 0 to 100,000")
	}
	return nil
}

// run loads the server and writes what came of it as JSON.
func run(ctx context.Context, o options, out io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	base, client, err := local(o.URL, o.Clients)
	if err != nil {
		return err
	}
	m := &maker{options: o, base: base, spread: sync.OnceValue(func() *space { return newSpace(o.Dim) })}
	m.count.Store(uint64(time.Now().UnixNano())) // so that another run is not known either
	if o.Kind == "picture" || o.Kind == "mixed" {
		if m.files, err = readJPEGs(o.Pictures); err != nil {
			return err
		}
	}
	if o.Warm > 0 && o.Kind != "fill" {
		warm := o
		warm.Seconds, warm.Hostile, warm.PID = o.Warm, 0, 0
		drive(ctx, warm, m, client)
	}
	report := drive(ctx, o, m, client)
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	if err := e.Encode(report); err != nil {
		return err
	}
	if report.Failed > 0 {
		return fmt.Errorf("%d honest requests failed: %v", report.Failed, report.Failures)
	}
	return ctx.Err()
}

// since is a time in seconds.
func since(t time.Time) float64 { return time.Since(t).Seconds() }
