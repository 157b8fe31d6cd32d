// Package metrics counts what the program does, for Prometheus.
//
// Labels take values from short lists: a value that is not on the list is
// counted as "other", so that what people write cannot fill the memory.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the counters of one process. They are safe for concurrent use.
type Metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec
	requests   *prometheus.HistogramVec
	pulls      *prometheus.CounterVec
	decisions  *prometheus.CounterVec
	reasons    labels
}

// New returns counters at zero, and those of the Go runtime and the process.
// A decision is counted under its reason if that is one of reasons.
func New(reasons ...string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		reasons:  labels(reasons),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "salve_deliveries_total", Help: "Webhook deliveries, by what became of them.",
		}, []string{"outcome"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "salve_request_duration_seconds", Help: "Requests to GitHub and Dynatrace until their headers were read, by class of status.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"to", "status"}),
		pulls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "salve_pulls_total", Help: "Pull requests, by what was done to them.",
		}, []string{"action"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "salve_decisions_total", Help: "Problems decided on, by the reason why nothing was opened, or none.",
		}, []string{"reason"}),
	}
	m.registry.MustRegister(m.deliveries, m.requests, m.pulls, m.decisions,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers GET /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 20 * time.Second})
}

// Labels are the values that a label may take.
type labels []string

// of is v if the label may take it.
func (l labels) of(v string) string {
	for _, known := range l {
		if v == known {
			return v
		}
	}
	return "other"
}

// Delivery counts a webhook delivery: accepted, seen (before), refused (not
// signed or not understood), failed (not kept) or dropped (too much at once).
func (m *Metrics) Delivery(outcome string) {
	m.deliveries.WithLabelValues(labels{"accepted", "seen", "refused", "failed", "dropped"}.of(outcome)).Inc()
}

// Pull counts a pull request that was opened, updated, unchanged, closed or
// merged.
func (m *Metrics) Pull(action string) {
	m.pulls.WithLabelValues(labels{"opened", "updated", "unchanged", "closed", "merged"}.of(action)).Inc()
}

// Decision counts a decision under the reason why nothing was opened, empty if
// something was.
func (m *Metrics) Decision(reason string) {
	if reason == "" {
		m.decisions.WithLabelValues("none").Inc()
		return
	}
	m.decisions.WithLabelValues(m.reasons.of(reason)).Inc()
}
