package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dynatracetest"
)

// pending measures how long the gate takes from a delivered pull_request event
// to the pending status on its head, and to the verdict.
func pending(ctx context.Context, o *options) error {
	n := int(o.span.Seconds() * float64(o.rate))
	box, hooks, err := o.accounts(n/o.installations + 2)
	if err != nil {
		return err
	}
	defer box.Close()
	if o.latency > 0 {
		box.Tenant.Break(dynatracetest.Fault{On: "query:execute", Latency: o.latency})
	}
	p, end, err := o.start(ctx, box)
	if err != nil {
		return err
	}
	defer end()
	var opened []webhook
	for _, h := range hooks {
		if h.event == "pull_request" && h.action == "opened" {
			opened = append(opened, h)
		}
	}
	s := newSender(p.url, box.Secret)
	warm(ctx, s, p, opened)
	box.GitHub.ResetJournal()
	opened = opened[o.installations:] // those that warmed it
	all := s.storming(ctx, o.rate, min(n, len(opened)), func(i int) webhook { return opened[i] })
	fmt.Printf("%d pull requests in %v over %d installations, %s, Dynatrace takes %v\n", len(all), o.span, o.installations, o.keeps(), o.latency)
	o.report(p, all, time.Now().Add(2*time.Minute))
	first, last := map[string]time.Time{}, map[string]time.Time{}
	requests := box.GitHub.Journal()
	for _, r := range requests {
		if _, sha, ok := strings.Cut(r.Path, "/statuses/"); ok && r.Method == "POST" && r.Status == 201 {
			if first[sha].IsZero() {
				first[sha] = r.At
			}
			last[sha] = r.At
		}
	}
	var shown, judged []time.Duration
	for _, d := range all {
		if at := first[d.head]; !at.IsZero() {
			shown = append(shown, at.Sub(d.due))
			judged = append(judged, last[d.head].Sub(d.due))
		}
	}
	fmt.Printf("  pending:  %s (%d of %d)\n  verdict:  %s\n  %.1f requests to GitHub for each\n", quantiles(shown), len(shown), len(all), quantiles(judged), float64(len(requests))/float64(len(all)))
	took, err := p.stop()
	fmt.Printf("stopped in %v: %v%s\n", took.Round(time.Millisecond), err, p.trouble())
	return nil
}
