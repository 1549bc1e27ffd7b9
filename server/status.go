package server

import (
	"net/http"
	"time"

	"github.com/emblem-search/emblem/internal/batch"
)

// statusAnswer is how the server is, for people.
type statusAnswer struct {
	Version string        `json:"version"`
	Ready   bool          `json:"ready"`
	Started time.Time     `json:"started"`
	Models  []modelStatus `json:"models"`
	Jobs    int           `json:"running_jobs"`
	Memory  memoryStatus  `json:"memory"`
}

// modelStatus is how a model is.
type modelStatus struct {
	ID      string      `json:"id"`
	Answers bool        `json:"answers"`   // the canary's finding
	Checked time.Time   `json:"checked"`   // when it was asked
	Millis  float64     `json:"canary_ms"` // that a word and a picture took
	Texts   queueStatus `json:"texts"`     // words and texts
	Images  queueStatus `json:"images"`    // pictures
}

// queueStatus is a queue before a model.
type queueStatus struct {
	Waiting  int    `json:"waiting"`
	Room     int    `json:"room"` // for so many
	Running  int    `json:"running"`
	Batches  uint64 `json:"batches"`
	Computed uint64 `json:"computed"`
	Shared   uint64 `json:"shared"`  // somebody else had brought the same
	Cached   uint64 `json:"cached"`  // the answer was remembered
	Refused  uint64 `json:"refused"` // the queue was full
	Failed   uint64 `json:"failed"`  // the input was at fault
}

func queueStatusOf(s batch.Stats, room int) queueStatus {
	return queueStatus{s.Waiting, room, s.Running, s.Batches, s.Inputs, s.Joined, s.Cached, s.Refused, s.Failed}
}

// memoryStatus is in bytes; 0 where the system does not say.
type memoryStatus struct {
	Resident uint64 `json:"resident_bytes"` // of the whole process, weights included
	Heap     uint64 `json:"heap_bytes"`     // of it, what Go manages
}

// memory is what the process takes, as the collectors know it.
func (m *metrics) memory() (out memoryStatus) {
	families, err := m.registry.Gather()
	if err != nil {
		return out
	}
	for _, f := range families {
		switch value := uint64(f.GetMetric()[0].GetGauge().GetValue()); f.GetName() {
		case "process_resident_memory_bytes":
			out.Resident = value
		case "go_memstats_heap_inuse_bytes":
			out.Heap = value
		}
	}
	return out
}

// last is when the canary was asked and how long it took, in milliseconds.
func (c *canary) last() (at time.Time, millis float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.UTC(), float64(c.took.Microseconds()) / 1e3
}

// statusRoutes are for the page's view of the server.
func (s *Server) statusRoutes() []route {
	return []route{
		{method: "GET", path: "/v1/status", scope: ScopeSearch, handle: s.serveStatus, answer: statusAnswer{}, doc: "How the models, their queues and the memory are."},
		{method: "GET", path: "/v1/suggestions", scope: ScopeSearch, handle: s.serveSuggestions, answer: suggestionList{}, doc: "Models that could be fetched, with what they are good for, what they weigh and their licence."},
	}
}

// serveStatus answers GET /v1/status.
func (s *Server) serveStatus(w http.ResponseWriter, r *http.Request) error {
	a := statusAnswer{Version: s.Version, Ready: !s.draining.Load(), Started: s.started.UTC(), Models: []modelStatus{}, Jobs: s.jobs.running(), Memory: s.metrics.memory()}
	for _, c := range s.encoders {
		m := modelStatus{ID: c.Name(), Answers: c.canary.check(r.Context()) == nil}
		m.Checked, m.Millis = c.canary.last()
		m.Texts, m.Images = queueStatusOf(c.texts.Stats(), c.texts.Queue), queueStatusOf(c.pictures.Stats(), c.pictures.Queue)
		a.Ready = a.Ready && m.Answers
		a.Models = append(a.Models, m)
	}
	writeJSON(w, http.StatusOK, a)
	return nil
}

// Suggestion is a model that could be fetched.
type Suggestion struct {
	Model   string `json:"model"`
	Bytes   int64  `json:"bytes"` // to fetch
	Licence string `json:"licence"`
	Knows   string `json:"knows"` // what it is good for
	Time    string `json:"time"`  // that indexing takes, in words
}

type suggestionList struct {
	Suggestions []Suggestion `json:"suggestions"`
}

// serveSuggestions answers GET /v1/suggestions.
func (s *Server) serveSuggestions(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, suggestionList{append([]Suggestion{}, s.Suggestions...)})
	return nil
}
