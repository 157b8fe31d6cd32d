package main

import (
	"context"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/gate"
)

// event lets the gates answer an event. What an event does not lead to, the
// schedule does.
func (a *app) event(ctx context.Context, e forge.Event, now time.Time) error {
	act, ok := reactions[e.Kind]
	if !ok {
		return nil
	}
	checker, err := a.checker(ctx)
	if err != nil {
		return err
	}
	return act(ctx, checker, e, now)
}

// reactions say what a gate does about an event.
var reactions = map[forge.EventKind]func(context.Context, *gate.Checker, forge.Event, time.Time) error{
	forge.EventPullRequest:      pullRequested,
	forge.EventMergeGroup:       grouped,
	forge.EventDeploymentStatus: deployed,
	forge.EventProtectionRule:   func(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error { return c.Ask(ctx, e, now) },
	forge.EventStatus:           func(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error { return c.Forged(ctx, e, now) },
	forge.EventCheckRun:         rerun,
	forge.EventIssueComment:     commented,
}

func pullRequested(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error {
	if !e.Pull.Open || e.Default != "" && e.Pull.Base != e.Default { // deploys nothing
		return nil
	}
	switch e.Action {
	case "labeled":
		if err := c.Labelled(ctx, e.Pull, e.Label, e.Sender, now); err != nil {
			return err
		}
	case "opened", "reopened", "synchronize", "ready_for_review", "edited", "unlabeled":
	default:
		return nil
	}
	_, err := c.Check(ctx, e.Pull, now)
	return err
}

func grouped(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error {
	if e.Action != "checks_requested" {
		return nil
	}
	_, err := c.Merge(ctx, e, now)
	return err
}

func deployed(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error {
	if e.Status.State != forge.Success {
		return nil
	}
	return c.Deployed(ctx, e, now)
}

func rerun(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error {
	if e.Action != "rerequested" {
		return nil
	}
	return c.Rerun(ctx, e, now)
}

func commented(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error {
	if !slices.Contains([]string{"created", ""}, e.Action) || e.SenderBot {
		return nil
	}
	_, err := c.Command(ctx, e.Repo, e.Issue, e.Comment, now)
	return err
}
