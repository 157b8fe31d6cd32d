package remedy

import (
	"context"
	"fmt"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// answer plans and proposes the change for one group, and writes what came of
// it into the decisions of its problems.
func (r *Runner) answer(ctx context.Context, c *cases, g *group, report *Report, now time.Time) error {
	g.worst()
	key := g.target.Key()
	settle := func(d Decision) {
		for _, i := range g.decisions {
			report.Decisions[i].Reason, report.Decisions[i].Key, report.Decisions[i].Pull = d.Reason, d.Key, d.Pull
		}
	}
	planned, why, err := r.plan(ctx, g, now)
	if err != nil {
		settle(Decision{Reason: because(plan.Refused, "could not be worked out: "+err.Error())})
		return fmt.Errorf("plan %s: %w", key, err)
	}
	if !why.None() {
		settle(Decision{Reason: Reason{Reason: why}, Key: key})
		return nil
	}
	p := Planned{Plan: planned, Problems: g.ids()}
	if r.Proposer != nil {
		budget, err := c.budget(ctx, r.Pulls, planned.Proposal.Repo, now)
		if err != nil {
			settle(Decision{Reason: because(plan.Refused, "not opened: "+err.Error())})
			return err
		}
		if why := budget.allow(g.target.Repo.Config.Limits, planned.Proposal.Branch, now); !why.None() {
			settle(Decision{Reason: Reason{Reason: why}})
			return nil
		}
		if p.Opened, p.Err = r.Proposer.Propose(ctx, planned.Proposal); p.Opened.Action == forge.Created {
			budget.opened(planned.Proposal.Branch)
		}
	}
	d := Decision{Key: key, Pull: p.Opened.Pull}
	switch {
	case p.Err != nil && p.Opened.Pull.Number == 0:
		d.Reason = because(plan.Refused, "not opened: "+p.Err.Error())
	case p.Opened.Action == forge.Declined:
		d.Reason = because(policy.Declined, fmt.Sprintf("people closed %s; it stays closed", p.Opened.Pull.URL))
	case p.Opened.Action == forge.HandsOff:
		d.Reason = because(plan.LeftAlone, fmt.Sprintf("%s holds commits of other people, and is left to them", p.Opened.Pull.URL))
	}
	settle(d)
	report.Plans = append(report.Plans, p)
	r.Log.Info("proposed", "repo", planned.Proposal.Repo.String(), "pull", p.Opened.Pull.Number,
		"action", p.Opened.Action, "problem", p.Problems, "reason", d.Reason.Text)
	if p.Err != nil {
		return fmt.Errorf("propose %s: %w", key, p.Err)
	}
	return nil
}

// plan works out the change for one group.
func (r *Runner) plan(ctx context.Context, g *group, now time.Time) (plan.Plan, policy.Reason, error) {
	why, since, err := r.wish(ctx, g.target.Key())
	if err != nil || !why.None() {
		return plan.Plan{}, why, err
	}
	c := plan.Case{Target: g.target, Evidence: g.evidence(), Cause: g.cause()}
	branch := prose.Branch(g.target.Key(), g.target.Remedy.Name, g.target.Name)
	before, err := r.History.History(ctx, g.target.Repo.Repo, branch)
	if err != nil {
		return plan.Plan{}, policy.Reason{}, fmt.Errorf("history of %s: %w", branch, err)
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
