package dynatrace

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

const (
	probeWindow  = "30d"            // long enough that any tenant in use has had a problem
	probeTime    = 30 * time.Second // for the probe itself
	probeKept    = 5 * time.Minute  // how long a good probe counts
	probeMissing = 30 * time.Second // how long a bad one does
)

// probes lists the queries that show, per table, that problem records can be
// seen. Other tables have none: scanning a month of logs costs money.
var probes = map[string]string{
	"dt.davis.problems":           "",
	"dt.davis.problems.snapshots": "",
	"dt.davis.events":             "",
	"events":                      ` | filter event.kind == "DAVIS_PROBLEM"`,
}

// A probe remembers which tables have shown records to these credentials.
type probe struct {
	mu    sync.Mutex
	known map[string]sighting
}

// A sighting is what a probe found.
type sighting struct {
	why   string // nothing was seen; empty if something was
	until time.Time
}

// verify settles what an answer means in which nothing was seen: Grail answers
// SUCCEEDED with zero rows to a token that may not read the bucket, and IAM
// conditions remove rows without a word. Only if the same credentials see
// problem records of the last month are no rows an answer.
func (c *Client) verify(ctx context.Context, tables []string, res *dql.Result) {
	for _, t := range tables {
		why := c.look(ctx, t)
		if why == "" {
			continue
		}
		res.Quality = dql.UnverifiedEmpty
		res.Notices = append(res.Notices, dql.Notice{Severity: "WARNING", Type: "UNVERIFIED_EMPTY", Message: why})
		return
	}
}

// look returns why nothing shows that records of table can be seen, or "".
func (c *Client) look(ctx context.Context, table string) string {
	c.probe.mu.Lock()
	s, ok := c.probe.known[table]
	c.probe.mu.Unlock()
	now := time.Now()
	if ok && now.Before(s.until) {
		return s.why
	}
	s = sighting{why: c.ask(ctx, table), until: now.Add(probeKept)}
	if s.why != "" {
		s.until = now.Add(probeMissing)
	}
	if ctx.Err() != nil {
		return s.why // says more about the caller than about the table
	}
	c.probe.mu.Lock()
	defer c.probe.mu.Unlock()
	if c.probe.known == nil {
		c.probe.known = map[string]sighting{}
	}
	c.probe.known[table] = s
	return s.why
}

// ask runs the probe of table. Two callers at once may both run it; that costs
// a small query and saves a lock held over the network.
func (c *Client) ask(ctx context.Context, table string) string {
	filter, ok := probes[table]
	if !ok {
		return fmt.Sprintf("no rows, and nothing is known to show that records of %s can be seen", table)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	text := fmt.Sprintf("fetch %s, from: now()-%s%s | summarize seen = count()", table, probeWindow, filter)
	a, err := c.run(ctx, text, time.Time{}, time.Time{})
	if err != nil {
		return "no rows, and the probe whether rows can be seen went wrong: " + clean(err.Error())
	}
	res, err := c.result(a)
	if err != nil || !counted(res) {
		return fmt.Sprintf("no rows, and these credentials see no record of %s of the last %s: want scopes %v and an IAM policy that shows problems",
			table, probeWindow, c.cfg.Scopes)
	}
	return ""
}

// counted reports whether the probe counted anything.
func counted(res dql.Result) bool {
	return slices.ContainsFunc(res.Records, func(r dql.Record) bool {
		n, ok := r.Get("seen").AsDouble()
		return ok && n > 0
	})
}
