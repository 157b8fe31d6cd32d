package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/remedy"
)

// react does what an event asks for, gates included. Events make the program
// fast; the schedule makes it right, so what nothing here answers is not lost.
func (w *worker) react(ctx context.Context, e forge.Event) error {
	switch e.Kind {
	case forge.EventInstallation, forge.EventInstallationRepos:
		return w.installed(ctx, e)
	}
	if e.Repo == (forge.Repo{}) || e.Installation == 0 {
		return nil
	}
	if err := w.app.host.heard(ctx, e.Repo, e.Installation); err != nil {
		return err
	}
	errs := []error{w.app.handle(ctx, e)}
	if e.Kind == forge.EventPullRequest && !e.SenderBot && strings.HasPrefix(e.Pull.Branch, forge.BranchPrefix) {
		errs = append(errs, w.unsettle(ctx, e.Repo, e.Pull.Branch)) // the next cycle looks at what was done to it
	}
	if e.Kind == forge.EventPullRequest {
		errs = append(errs, w.pullRequested(ctx, e), w.changed(ctx, e))
	}
	if e.Kind == forge.EventPush && e.Default != "" && e.Ref == "refs/heads/"+e.Default {
		errs = append(errs, w.pushed(ctx, e))
	}
	if e.Kind == forge.EventIssueComment && e.Action == "created" {
		errs = append(errs, w.commanded(ctx, e))
	}
	if e.Kind == forge.EventIssues {
		errs = append(errs, w.clicked(ctx, e))
	}
	return errors.Join(errs...)
}

// commanded does what a person asks for on a pull request of ours.
func (w *worker) commanded(ctx context.Context, e forge.Event) error {
	self, err := w.app.github.Identity(ctx)
	if err != nil {
		return err
	}
	if e.At.IsZero() {
		e.At = w.now()
	}
	clerk := remedy.Clerk{
		Desk: w.app.host, Wishes: w.queue, App: self.Login(), Log: w.app.log,
		Soon: func(ctx context.Context) error {
			return errors.Join(w.unsettle(ctx, e.Repo, ""), w.soon(ctx, "remediate"))
		},
	}
	return clerk.Answer(ctx, e)
}

// installed follows the App into accounts and repositories, and out of them.
func (w *worker) installed(ctx context.Context, e forge.Event) error {
	switch e.Action {
	case "deleted", "suspend":
		w.app.host.left(e.Installation)
		return nil
	}
	if len(e.Removed) > 0 {
		w.app.host.left(e.Installation, e.Removed...)
	}
	if e.Action == "removed" {
		return nil
	}
	return w.soon(ctx, "remediate")
}

// pushed reads a repository again whose default branch has moved, and says what
// is wrong with its configuration. A new configuration may allow what the last
// cycle left alone.
func (w *worker) pushed(ctx context.Context, e forge.Event) error {
	if !slices.ContainsFunc(e.Paths, configures) {
		return nil // the next cycle reads what else has changed
	}
	repo, err := w.app.branches().Repository(ctx, e.Repo, e.Default)
	switch {
	case errors.Is(err, forge.ErrEmpty), errors.Is(err, forge.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read %s again: %w", e.Repo, err)
	}
	if err := w.app.faults(ctx, []*plan.Repository{repo}); err != nil {
		return err
	}
	return w.soon(ctx, "remediate")
}

// configures reports whether a file says what may be done to a repository.
func configures(path string) bool {
	return path == policy.File || strings.HasPrefix(path, policy.RemedyPath+"/")
}
