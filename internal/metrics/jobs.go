package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A JobCount is how many jobs of a kind are in a state.
type JobCount struct {
	Kind, State string
	Jobs        int
}

// A Queue tells what is in it, and for how long the oldest job that could run
// has been waiting.
type Queue func(ctx context.Context) (counts []JobCount, lag time.Duration, err error)

// WatchJobs asks q at each scrape, for five seconds at most. A queue that does
// not answer shows as salve_queue_up 0 and no numbers, never as an empty queue.
// It is called once.
func (m *Metrics) WatchJobs(q Queue) { m.registry.MustRegister(jobs{q}) }

var (
	jobsDesc = prometheus.NewDesc("salve_jobs", "Jobs in the database; those that are over are kept for some days.", []string{"kind", "state"}, nil)
	lagDesc  = prometheus.NewDesc("salve_queue_lag_seconds", "How long the oldest job that could run has been waiting.", nil, nil)
	upDesc   = prometheus.NewDesc("salve_queue_up", "1 if the database answered this scrape.", nil, nil)
)

// jobs is a collector that keeps nothing.
type jobs struct{ queue Queue }

// Describe implements [prometheus.Collector].
func (j jobs) Describe(ch chan<- *prometheus.Desc) {
	ch <- jobsDesc
	ch <- lagDesc
	ch <- upDesc
}

// Collect implements [prometheus.Collector].
func (j jobs) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	counts, lag, err := j.queue(ctx)
	if err != nil {
		ch <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, 0)
		return
	}
	ch <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, 1)
	ch <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, lag.Seconds())
	for _, c := range counts {
		ch <- prometheus.MustNewConstMetric(jobsDesc, prometheus.GaugeValue, float64(c.Jobs), c.Kind, c.State)
	}
}
