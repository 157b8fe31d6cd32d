package metrics

import (
	"net/http"
	"strconv"
	"time"
)

// Transport counts the requests that go through next as requests to host, which
// is "github" or "dynatrace".
func (m *Metrics) Transport(host string, next http.RoundTripper) http.RoundTripper {
	return transport{m, labels{"github", "dynatrace"}.of(host), next}
}

type transport struct {
	metrics *Metrics
	host    string
	next    http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := t.next.RoundTrip(r)
	class := "none" // no answer
	if err == nil {
		class = statusClass(resp.StatusCode)
	}
	t.metrics.requests.WithLabelValues(t.host, class).Observe(time.Since(start).Seconds())
	return resp, err
}

// statusClass keeps apart what has meanings of its own: 304 cost nothing, 403
// and 429 may say slow down.
func statusClass(status int) string {
	switch {
	case status == http.StatusNotModified || status == http.StatusForbidden || status == http.StatusTooManyRequests:
		return strconv.Itoa(status)
	case status >= 200 && status < 600:
		return strconv.Itoa(status/100) + "xx"
	}
	return "other"
}
