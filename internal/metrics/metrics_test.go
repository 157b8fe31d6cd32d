package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// scrape returns the lines that are ours, without help and types.
func scrape(t *testing.T, m *Metrics) (lines []string) {
	t.Helper()
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	resp, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "salve_") && !strings.Contains(line, "_bucket{") && !strings.Contains(line, "_seconds_sum") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestScrape(t *testing.T) {
	m := New("cool-down", "declined")
	for _, outcome := range []string{"accepted", "accepted", "seen", "<script>"} {
		m.Delivery(outcome)
	}
	m.Pull("opened")
	m.Pull("\xff")
	for i := range 1000 {
		m.Decision(fmt.Sprint("written by people ", i))
	}
	m.Decision("declined")
	m.Decision("")
	m.WatchJobs(func(context.Context) ([]JobCount, time.Duration, error) {
		return []JobCount{{"event", "ready", 2}, {"event", "dead", 1}}, 1500 * time.Millisecond, nil
	})
	want := []string{
		`salve_decisions_total{reason="declined"} 1`,
		`salve_decisions_total{reason="none"} 1`,
		`salve_decisions_total{reason="other"} 1000`,
		`salve_deliveries_total{outcome="accepted"} 2`,
		`salve_deliveries_total{outcome="other"} 1`,
		`salve_deliveries_total{outcome="seen"} 1`,
		`salve_jobs{kind="event",state="dead"} 1`,
		`salve_jobs{kind="event",state="ready"} 2`,
		`salve_pulls_total{action="opened"} 1`,
		`salve_pulls_total{action="other"} 1`,
		`salve_queue_lag_seconds 1.5`,
		`salve_queue_up 1`,
	}
	if diff := cmp.Diff(want, scrape(t, m)); diff != "" {
		t.Error(diff)
	}
}

// A database that does not answer is not an empty queue.
func TestQueueDown(t *testing.T) {
	m := New()
	m.WatchJobs(func(context.Context) ([]JobCount, time.Duration, error) { return nil, 0, errors.New("down") })
	if diff := cmp.Diff([]string{"salve_queue_up 0"}, scrape(t, m)); diff != "" {
		t.Error(diff)
	}
}

func TestTransport(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.URL.Path[1:])
		w.WriteHeader(status)
	}))
	defer srv.Close()
	m := New()
	client := &http.Client{Transport: m.Transport("github", http.DefaultTransport)}
	for _, status := range []int{200, 201, 304, 403, 404, 422, 429, 502} {
		resp, err := client.Get(srv.URL + "/" + strconv.Itoa(status))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	srv.Close()
	if _, err := (&http.Client{Transport: m.Transport("elsewhere", http.DefaultTransport)}).Get(srv.URL); err == nil {
		t.Fatal("want an error of a server that is gone")
	}
	want := []string{
		`salve_request_duration_seconds_count{status="2xx",to="github"} 2`,
		`salve_request_duration_seconds_count{status="304",to="github"} 1`,
		`salve_request_duration_seconds_count{status="403",to="github"} 1`,
		`salve_request_duration_seconds_count{status="429",to="github"} 1`,
		`salve_request_duration_seconds_count{status="4xx",to="github"} 2`,
		`salve_request_duration_seconds_count{status="5xx",to="github"} 1`,
		`salve_request_duration_seconds_count{status="none",to="other"} 1`,
	}
	if diff := cmp.Diff(want, scrape(t, m)); diff != "" {
		t.Error(diff)
	}
}
