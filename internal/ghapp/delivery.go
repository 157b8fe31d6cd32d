package ghapp

import (
	"context"
	"time"

	"github.com/google/go-github/v62/github"
)

// A Delivery is one attempt of GitHub to deliver an event.
type Delivery struct {
	ID           int64
	GUID         string // the same for every attempt of one event
	Event        string // "pull_request"
	Action       string
	Installation int64
	At           time.Time
	OK           bool // was answered with 2xx
	Status       int  // of the answer; 0 if there was none
}

// Deliveries lists the attempts since a time, the latest first. GitHub keeps
// them for three days, GitHub Enterprise Server for seven.
//
// GitHub: GET /app/hook/deliveries; needs no permission.
func (a *App) Deliveries(ctx context.Context, since time.Time) ([]Delivery, error) {
	const most = 500 // pages
	opts := &github.ListCursorOptions{PerPage: 100}
	var out []Delivery
	for range most {
		list, resp, err := a.gh.Apps.ListHookDeliveries(ctx, opts)
		if err != nil {
			return nil, explain(err, "list webhook deliveries")
		}
		for _, d := range list {
			if d.GetDeliveredAt().Before(since) {
				return out, nil
			}
			out = append(out, Delivery{
				ID: d.GetID(), GUID: d.GetGUID(), Event: d.GetEvent(), Action: d.GetAction(), Installation: d.GetInstallationID(),
				At: d.GetDeliveredAt().UTC(), OK: d.GetStatusCode() >= 200 && d.GetStatusCode() < 300, Status: d.GetStatusCode(),
			})
		}
		if resp.Cursor == "" {
			return out, nil
		}
		opts.Cursor = resp.Cursor
	}
	return out, nil
}

// Missed returns of each event that was never taken the latest attempt, the
// oldest event first: what there is to ask for again.
func Missed(deliveries []Delivery) []Delivery {
	taken := map[string]bool{}
	for _, d := range deliveries {
		taken[d.GUID] = taken[d.GUID] || d.OK
	}
	var out []Delivery
	for _, d := range deliveries { // latest first
		if !taken[d.GUID] {
			taken[d.GUID] = true
			out = append([]Delivery{d}, out...)
		}
	}
	return out
}

// Redeliver asks GitHub to deliver an event again, under the same GUID.
//
// GitHub: POST /app/hook/deliveries/{delivery_id}/attempts; needs no permission.
func (a *App) Redeliver(ctx context.Context, id int64) error {
	_, _, err := a.gh.Apps.RedeliverHookDelivery(ctx, id)
	if _, accepted := err.(*github.AcceptedError); accepted {
		return nil // 202 is how GitHub says yes here
	}
	return explain(err, "redeliver webhook delivery %d", id)
}
