package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/queue"
)

// kindVerdict is a job that judges a pull request for which Dynatrace has to be
// asked first.
const kindVerdict = "verdict"

// verdictOptions bound it: who waits for the same answer of Dynatrace waits in a
// job of this kind, and keeps no delivery waiting.
func verdictOptions() queue.Options { return queue.Options{Timeout: time.Minute, Workers: 16} }

// pullRequested lets the gates answer what happened to a pull request: at once
// where it is known what Dynatrace knows; else they say that they are looking,
// and judge it in a job of its own. However long Dynatrace takes, a new head is
// pending before that.
func (w *worker) pullRequested(ctx context.Context, e forge.Event) error {
	if !e.Pull.Open || e.Default != "" && e.Pull.Base != e.Default { // deploys nothing
		return nil
	}
	if !slices.Contains([]string{"labeled", "opened", "reopened", "synchronize", "ready_for_review", "edited", "unlabeled"}, e.Action) {
		return nil
	}
	checker, err := w.app.checker(ctx)
	if err != nil {
		return err
	}
	now := w.now()
	if e.Action == "labeled" {
		if err := checker.Labelled(ctx, e.Pull, e.Label, e.Sender, now); err != nil {
			return err
		}
	}
	if w.app.source.Ready(now) {
		_, err := checker.Check(ctx, e.Pull, now)
		return err
	}
	if err := checker.Announce(ctx, e.Pull, now); err != nil {
		return err
	}
	payload, err := json.Marshal(e.Pull)
	if err != nil {
		return err
	}
	_, err = w.queue.Enqueue(ctx, queue.Job{
		Kind: kindVerdict, Key: fmt.Sprintf("%s#%d", e.Repo, e.Pull.Number), Unique: e.Delivery, Payload: payload,
	})
	return err
}

// verdict judges a pull request.
func (w *worker) verdict(ctx context.Context, j queue.Job) error {
	var pull forge.PullRequest
	if err := json.Unmarshal(j.Payload, &pull); err != nil {
		return queue.Discard(fmt.Errorf("verdict %s: %w", j.Unique, err))
	}
	checker, err := w.app.checker(ctx)
	if err != nil {
		return err
	}
	_, err = checker.Check(ctx, pull, w.now())
	return err
}
