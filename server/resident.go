package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/emblem-search/emblem/internal/batch"
)

// Resident is what an Embedder can be besides: one whose weights are not always in
// memory. They are brought there by the methods that need them.
type Resident interface {
	// Memory says whether the weights are in memory and what they take.
	Memory() Memory
	// Wake brings them there.
	Wake(ctx context.Context) error
	// KeepAlive says how long they stay after their last use, below 0 as long as
	// there is room.
	KeepAlive(time.Duration)
	// Quiet returns a context for uses that load nothing and do not count.
	Quiet(ctx context.Context) context.Context
}

// Memory is what a model takes of it.
type Memory struct {
	Loaded  bool
	Bytes   int64     // that its weights take, or would take
	Expires time.Time // when they go, if nobody uses them; zero: not by themselves
	Loads   int       // how often they were read
}

// memory is that of a model, which is always there if the model says nothing.
func (c *encoder) memory() Memory {
	if r, ok := c.Embedder.(Resident); ok {
		return r.Memory()
	}
	return Memory{Loaded: true, Loads: 1}
}

// wake loads a model before there is an input.
func (c *encoder) wake(ctx context.Context) error {
	if r, ok := c.Embedder.(Resident); ok {
		return r.Wake(ctx)
	}
	return nil
}

// keep does what a request says of the model's time in memory.
func (c *encoder) keep(k *keepAlive) {
	if r, ok := c.Embedder.(Resident); ok && k != nil {
		r.KeepAlive(time.Duration(*k))
	}
}

// keepAlive is Ollama's keep_alive: seconds, or a duration such as "5m"; 0 gives
// the weights up at once, below 0 keeps them.
type keepAlive time.Duration

// UnmarshalJSON implements json.Unmarshaler.
func (k *keepAlive) UnmarshalJSON(data []byte) error {
	var seconds float64
	var text string
	if json.Unmarshal(data, &seconds) == nil {
		*k = keepAlive(keepSeconds(seconds))
		return nil
	}
	if json.Unmarshal(data, &text) == nil {
		if d, err := ParseKeepAlive(text); err == nil {
			*k = keepAlive(d)
			return nil
		}
	}
	return badRequest("keep_alive", "keep_alive has to be seconds or a duration such as \"5m\"; 0 gives the model's memory back at once, -1 keeps it")
}

// ParseKeepAlive reads a duration as Ollama has it: 5m, or seconds without a unit;
// all below 0 is -1.
func ParseKeepAlive(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(seconds) {
		return keepSeconds(seconds), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration such as 5m; 0 and -1 are for at once and for ever", text)
	}
	return max(-1, d), nil
}

func keepSeconds(seconds float64) time.Duration {
	return time.Duration(max(-1, min(math.MaxInt64/2, seconds*float64(time.Second))))
}

// whole is the error of results that are no input's fault, such as a model that
// cannot be loaded.
func whole(all results, err error) (results, error) {
	for _, r := range all {
		if blameless(r.Err) {
			return nil, r.Err
		}
	}
	return all, err
}

// blameless says of an error that it is no input's fault: it is the client's
// answer as it is.
func blameless(err error) bool {
	var own *Error
	return errors.As(err, &own) || errors.Is(err, batch.ErrClosed)
}

// memoryMetrics tell of a model's weights when they are asked.
type memoryMetrics struct {
	model  string
	memory func() Memory
}

var (
	descLoaded = prometheus.NewDesc("emblem_model_loaded", "Whether a model's weights are in memory.", []string{"model"}, nil)
	descBytes  = prometheus.NewDesc("emblem_model_bytes", "Bytes that a model's weights take in memory now.", []string{"model"}, nil)
	descLoads  = prometheus.NewDesc("emblem_model_loads_total", "How often a model's weights were read.", []string{"model"}, nil)
)

// Describe implements prometheus.Collector; as for queues, nothing is described
// ahead.
func (m *memoryMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m *memoryMetrics) Collect(out chan<- prometheus.Metric) {
	mem := m.memory()
	loaded, bytes := 0.0, 0.0
	if mem.Loaded {
		loaded, bytes = 1, float64(mem.Bytes)
	}
	out <- prometheus.MustNewConstMetric(descLoaded, prometheus.GaugeValue, loaded, m.model)
	out <- prometheus.MustNewConstMetric(descBytes, prometheus.GaugeValue, bytes, m.model)
	out <- prometheus.MustNewConstMetric(descLoads, prometheus.CounterValue, float64(mem.Loads), m.model)
}
