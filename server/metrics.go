package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/emblem-search/emblem/internal/batch"
)

// metrics are what GET /metrics tells. Labels have few values: routes, methods,
// statuses, models, kinds; never what a client sent.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "emblem_requests_total", Help: "Requests by route, method and status.",
		}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "emblem_request_seconds", Help: "How long requests took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"route"}),
	}
	m.registry.MustRegister(m.requests, m.seconds,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// watch tells of a model's queues.
func (m *metrics) watch(c *encoder) {
	m.registry.MustRegister(&queueMetrics{c.Name(), "text", c.texts.Stats}, &queueMetrics{c.Name(), "image", c.pictures.Stats},
		&memoryMetrics{c.Name(), c.memory})
}

// queueMetrics tells of one queue when it is asked.
type queueMetrics struct {
	model, kind string
	stats       func() batch.Stats
}

var queueLabels = []string{"model", "kind"}

var (
	descWaiting = prometheus.NewDesc("emblem_queue_waiting", "Inputs that wait before a model.", queueLabels, nil)
	descBatches = prometheus.NewDesc("emblem_batches_total", "Batches that were computed.", queueLabels, nil)
	descInputs  = prometheus.NewDesc("emblem_inputs_total", "Inputs by what became of them.", append(queueLabels[:2:2], "outcome"), nil)
)

// Describe implements prometheus.Collector. The names are shared by all queues,
// so none is described ahead.
func (q *queueMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (q *queueMetrics) Collect(out chan<- prometheus.Metric) {
	s := q.stats()
	out <- prometheus.MustNewConstMetric(descWaiting, prometheus.GaugeValue, float64(s.Waiting), q.model, q.kind)
	out <- prometheus.MustNewConstMetric(descBatches, prometheus.CounterValue, float64(s.Batches), q.model, q.kind)
	for outcome, n := range map[string]uint64{"computed": s.Inputs, "joined": s.Joined, "cached": s.Cached, "dropped": s.Dropped, "refused": s.Refused, "failed": s.Failed} {
		out <- prometheus.MustNewConstMetric(descInputs, prometheus.CounterValue, float64(n), q.model, q.kind, outcome)
	}
}

// serveMetrics answers GET /metrics.
func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) error {
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	return nil
}
