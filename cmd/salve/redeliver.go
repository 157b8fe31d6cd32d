package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/salvehq/salve/internal/ghapp"
	"github.com/salvehq/salve/internal/schedule"
)

// Bounds of asking GitHub for deliveries again.
const (
	kept      = 72 * time.Hour   // GitHub keeps deliveries so long
	overlap   = 15 * time.Minute // with the last look: an attempt may still be under way
	maxTries  = 6                // times that one event is asked for
	redeliver = "*/10 * * * *"
)

// missed is the job that asks for the deliveries that nobody took: GitHub does
// not try again by itself.
// https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
func (w *worker) missed() schedule.Job {
	return schedule.Job{Name: kindRedeliver, Spec: redeliver, Limit: 5 * time.Minute, Run: w.askAgain}
}

func (w *worker) askAgain(ctx context.Context, now time.Time) error {
	since := now.Add(-kept)
	text, found, err := w.queue.Get(ctx, kindRedeliver, "since")
	if err != nil {
		return err
	}
	if last, err := time.Parse(time.RFC3339, string(text)); found && err == nil && last.After(since) {
		since = last.Add(-overlap)
	}
	all, err := w.app.github.Deliveries(ctx, since)
	if err != nil {
		return fmt.Errorf("look for missed deliveries: %w", err)
	}
	asked, errs := 0, []error(nil)
	for _, d := range ghapp.Missed(all) {
		again, err := w.again(ctx, d, now)
		if again {
			asked++
		}
		errs = append(errs, err)
	}
	if asked > 0 {
		w.app.log.Info("asked for missed deliveries", "deliveries", asked)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return w.queue.Put(ctx, kindRedeliver, "since", []byte(now.UTC().Format(time.RFC3339)), now.Add(kept))
}

// again asks for one delivery, unless that has been tried often enough.
func (w *worker) again(ctx context.Context, d ghapp.Delivery, now time.Time) (asked bool, err error) {
	text, _, err := w.queue.Get(ctx, "redelivered", d.GUID)
	if err != nil {
		return false, err
	}
	tries, _ := strconv.Atoi(string(text))
	if tries >= maxTries {
		return false, nil
	}
	if err := w.app.github.Redeliver(ctx, d.ID); err != nil {
		return false, fmt.Errorf("redeliver %s: %w", d.GUID, err)
	}
	if tries++; tries == maxTries {
		w.app.log.Warn("delivery asked for the last time", "delivery", d.GUID, "event", d.Event, "status", d.Status)
	}
	return true, w.queue.Put(ctx, "redelivered", d.GUID, []byte(strconv.Itoa(tries)), now.Add(kept))
}
