package remedy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// An Answer is what came of a task.
type Answer struct {
	Reason  Reason            // why nothing was proposed; zero if something was
	Planned Planned           // without a key if it did not come to a plan, or limits hold it back
	Pull    forge.PullRequest // that answers; zero if there is none
}

// Answer plans the change of a task at repo, which is the head that the task's
// repository has now, and proposes it. Where a plan no longer holds and its
// pull request is open, salve/remediation says why.
//
// Answering the same task again changes nothing more. An error comes with an
// answer that says what could not be done.
func (r *Runner) Answer(ctx context.Context, repo *plan.Repository, t Task, now time.Time) (Answer, error) {
	return r.answer(ctx, repo, t, budgets{}, now)
}

func (r *Runner) answer(ctx context.Context, repo *plan.Repository, t Task, limits budgets, now time.Time) (Answer, error) {
	if why := repo.Writes(); !why.None() {
		return Answer{Reason: Reason{Reason: why}}, nil // a status is a write too
	}
	target, why, err := r.again(ctx, repo, t)
	if err == nil && why.None() {
		a, err := r.propose(ctx, target, t, limits, now)
		if a.Planned.Proposal.Key != "" {
			r.Log.Info("proposed", "repo", t.Repo.String(), "pull", a.Pull.Number, "action", a.Planned.Opened.Action,
				"problem", a.Planned.Problems, "reason", a.Reason.Text)
		}
		return a, err
	}
	if err != nil {
		return refused("could not be searched for", err), fmt.Errorf("find the place of %s: %w", t.Key, err)
	}
	return Answer{Reason: why}, r.object(ctx, t, limits, why.Text, now)
}

// again finds the place of a task. What other repositories hold was weighed
// when it was made.
func (r *Runner) again(ctx context.Context, repo *plan.Repository, t Task) (plan.Target, Reason, error) {
	d, target, err := r.decide(ctx, t.finding(), one{repo, t.Remedy})
	switch {
	case err != nil || !d.Reason.None():
		return target, d.Reason, err
	case target.Key() != t.Key:
		return target, because(plan.NotFound, "another place answers it by now: "+target.Where), nil
	}
	return target, Reason{}, nil
}

// propose plans and proposes the change of a place.
func (r *Runner) propose(ctx context.Context, target plan.Target, t Task, limits budgets, now time.Time) (Answer, error) {
	planned, why, err := r.plan(ctx, target, t, now)
	switch {
	case err != nil:
		return refused("could not be worked out", err), fmt.Errorf("plan %s: %w", t.Key, err)
	case !why.None():
		return Answer{Reason: Reason{Reason: why}}, r.object(ctx, t, limits, why.Text, now)
	}
	p := Planned{Plan: planned, Problems: t.problems()}
	if r.Proposer == nil {
		return Answer{Planned: p}, nil
	}
	budget, err := limits.of(ctx, r.Pulls, t.Repo, now)
	if err != nil {
		return refused("not opened", err), err
	}
	if why := budget.allow(target.Repo.Config.Limits, planned.Proposal.Branch, now); !why.None() {
		return Answer{Reason: Reason{Reason: why}}, nil
	}
	if p.Opened, p.Err = r.Proposer.Propose(ctx, planned.Proposal); p.Opened.Action == forge.Created {
		budget.opened(p.Opened.Pull)
	}
	a := Answer{Planned: p, Pull: p.Opened.Pull}
	switch {
	case p.Err != nil && p.Opened.Pull.Number == 0:
		a.Reason = because(plan.Refused, "not opened: "+p.Err.Error())
	case p.Opened.Action == forge.Declined:
		a.Reason = because(policy.Declined, fmt.Sprintf("people closed %s; it stays closed", p.Opened.Pull.URL))
	case p.Opened.Action == forge.HandsOff:
		a.Reason = because(plan.LeftAlone, fmt.Sprintf("%s holds commits of other people, and is left to them", p.Opened.Pull.URL))
	}
	if p.Err != nil {
		return a, fmt.Errorf("propose %s: %w", t.Key, p.Err)
	}
	return a, nil
}

func refused(what string, err error) Answer {
	return Answer{Reason: because(plan.Refused, what+": "+err.Error())}
}

// plan works out the change of a place.
func (r *Runner) plan(ctx context.Context, target plan.Target, t Task, now time.Time) (plan.Plan, policy.Reason, error) {
	why, since, err := r.wish(ctx, t.Key)
	if err != nil || !why.None() {
		return plan.Plan{}, why, err
	}
	c := plan.Case{Target: target, Evidence: t.Evidence, Cause: t.Cause}
	before, err := r.History.History(ctx, t.Repo, t.Branch)
	if err != nil {
		return plan.Plan{}, policy.Reason{}, fmt.Errorf("history of %s: %w", t.Branch, err)
	}
	for _, change := range plan.History(before) {
		if change.Declined.IsZero() || !change.Declined.Before(since) {
			c.History = append(c.History, change)
		}
	}
	planned, why, err := r.Planner.Plan(ctx, c, now)
	planned.Proposal.Reconsider = since
	return planned, why, err
}

// object says on the open pull request of a task, if there is one, what speaks
// against it.
func (r *Runner) object(ctx context.Context, t Task, limits budgets, why string, now time.Time) error {
	if r.Proposer == nil {
		return nil
	}
	budget, err := limits.of(ctx, r.Pulls, t.Repo, now)
	if err != nil {
		return err
	}
	p, open := budget.branches[t.Branch]
	if m, ok := forge.ParseMarker(p.Body); !open || !ok || m.Key != t.Key {
		return nil
	}
	err = r.Pulls.SetStatus(ctx, t.Repo, p.Head, forge.CommitStatus{
		Context: forge.ContextRemediation, State: forge.Failure, Description: prose.Status("no longer right: " + why),
	})
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return fmt.Errorf("status of %s#%d: %w", t.Repo, p.Number, err)
	}
	return nil
}
